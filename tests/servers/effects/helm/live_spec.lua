-- Drift of releases: what somebody did to their objects by hand, with kubectl, is seen and mended, by the real helm
-- against the lab's API server.
local chart = require "tests.support.chart"
local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local helm_cluster = require "tests.support.helm_cluster"
local json = require "o2x.base.json"

local CONFIG <const> = [[
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
  labels: {app: {{ .Release.Name }}, tenant: {{ .Values.tenant }}}
data:
  level: {{ .Values.level }}
  empty: ""
]]

-- A kubectl command as words; NAME is the release.
local function patch(kind, type, text) return { "patch", kind, "t1-app", "--type", type, "-p", text } end

-- Each: what is done by hand, and a line that the plan must have. none: it is no drift.
local CASES <const> = {
  { "a deleted Deployment", { "delete", "deployment", "t1-app" }, "+ Deployment t1-app (missing in the cluster)" },
  { "a deleted Service", { "delete", "service", "t1-app" }, "+ Service t1-app (missing in the cluster)" },
  { "a deleted ConfigMap", { "delete", "configmap", "t1-app" }, "+ ConfigMap t1-app (missing in the cluster)" },
  {
    "another image",
    { "set", "image", "deployment/t1-app", "app=example/app:v9" },
    "spec.template.spec.containers.app.image: example/app:v9 → example/app:v1",
  },
  { "another scale", { "scale", "deployment", "t1-app", "--replicas=5" }, "spec.replicas: 5 → 2" },
  { "no replicas", { "scale", "deployment", "t1-app", "--replicas=0" }, "spec.replicas: 0 → 2" },
  {
    "a changed variable",
    { "set", "env", "deployment/t1-app", "LEVEL=DEBUG" },
    "env.LEVEL.value: DEBUG → INFO",
  },
  { "a new variable", { "set", "env", "deployment/t1-app", "MORE=1" }, "- spec.template.spec.containers.app.env.MORE" },
  { "a removed variable", { "set", "env", "deployment/t1-app", "LEVEL-" }, "+ spec.template.spec.containers.app.env" },
  {
    "another limit",
    { "set", "resources", "deployment/t1-app", "--limits=cpu=2" },
    "limits.cpu: 2 → 1000m",
  },
  {
    "one more limit",
    { "set", "resources", "deployment/t1-app", "--limits=cpu=1,memory=1Gi" },
    "limits.memory: 1Gi",
  },
  {
    "a container more",
    patch("deployment", "strategic", '{"spec":{"template":{"spec":{"containers":[{"name":"x","image":"x"}]}}}}'),
    "- spec.template.spec.containers.x",
  },
  {
    "another selector",
    patch("service", "merge", '{"spec":{"selector":{"app":"other"}}}'),
    "spec.selector.app: other",
  },
  { "one more selector", patch("service", "merge", '{"spec":{"selector":{"x":"y"}}}'), "- spec.selector.x: y" },
  {
    "another port",
    patch("service", "json", '[{"op":"replace","path":"/spec/ports/0/port","value":81}]'),
    "spec.ports.http.port: 81 → 8080",
  },
  {
    "one more port",
    patch("service", "strategic", '{"spec":{"ports":[{"name":"b","port":99}]}}'),
    "- spec.ports.b",
  },
  { "a changed key", patch("configmap", "merge", '{"data":{"level":"DEBUG"}}'), "data.level: DEBUG → INFO" },
  { "a removed key", patch("configmap", "merge", '{"data":{"level":null}}'), "+ data.level: INFO" },
  { "one more key", patch("configmap", "merge", '{"data":{"more":"1"}}'), "- data.more: 1" },
  { "a changed label", { "label", "service", "t1-app", "app=x", "--overwrite" }, "metadata.labels.app: x → t1-app" },
  { "a removed label", { "label", "deployment", "t1-app", "tenant-" }, "+ metadata.labels.tenant: t1" },
  { "one more label", { "label", "deployment", "t1-app", "team=a" }, none = true },
  { "one more annotation", { "annotate", "service", "t1-app", "note=x" }, none = true },
  { "a restart", { "rollout", "restart", "deployment/t1-app" }, none = true },
  {
    "a field that the chart leaves open",
    patch("deployment", "merge", '{"spec":{"minReadySeconds":5}}'),
    none = true,
  },
  {
    "replicas that an autoscaler set",
    { "autoscale", "deployment", "t1-app", "--min=3", "--max=5" },
    { "scale", "deployment", "t1-app", "--replicas=4" },
    none = true,
  },
  {
    "a workload in maintenance",
    { "annotate", "deployment", "t1-app", 'o2x.io/maintenance={"replicas":2}' },
    { "scale", "deployment", "t1-app", "--replicas=0" },
    none = true,
  },
}

-- What matters of the three objects, for a comparison.
local function state(env)
  local found = {}
  for _, kind in ipairs { "deployment", "service", "configmap" } do
    local object = json.decode(env.ask("kubectl", "get", kind, "t1-app", "-o", "json"))
    local template = object.spec and object.spec.template
    found[kind] = {
      labels = object.metadata.labels,
      owner = object.metadata.annotations["meta.helm.sh/release-name"],
      data = object.data,
      replicas = object.spec and object.spec.replicas,
      ports = kind == "service" and object.spec.ports or nil,
      selector = object.spec and object.spec.selector,
      containers = template and template.spec.containers,
    }
  end
  return found
end

describe("drift", function()
  local function each_case(body)
    helm_cluster.with(function(env)
      chart.write(fs.join(env.tree, "charts/app"), { ["config.yaml"] = CONFIG })
      env.run().ensure()
      for _, case in ipairs(CASES) do
        body(env, case)
      end
    end)
  end

  local function by_hand(env, case)
    for i = 2, #case do
      if type(case[i]) == "table" then env.ask("kubectl", table.unpack(case[i])) end
    end
  end

  it("is shown by a plan, mended by a run, and no new revision: " .. #CASES .. " cases", function()
    each_case(function(env, case)
      local what, line = case[1], case[#case]
      local whole = state(env)
      by_hand(env, case)
      local plan = env.run("plan")
      plan.ensure()
      if case.none then
        assert.is_false(plan.plan:has_changes(), what .. "\n" .. json.pretty(plan.plan.changes[1] or {}))
        env.run().ensure()
        if what:find "autoscaler" or what:find "maintenance" then
          env.ask("kubectl", "delete", "hpa", "--all")
          env.ask("kubectl", "annotate", "deployment", "t1-app", "o2x.io/maintenance-")
          env.run().ensure()
        end
        return
      end
      assert.equal(1, #env.run().api.helm.drift "t1-app", what)
      local shown = table.concat(plan.plan.changes[1] and plan.plan.changes[1].show.lines or {}, "\n")
      assert.is_truthy(shown:find(line, 1, true), what .. "\n" .. shown)
      assert.equal("changed", select(2, env.run().ensure()), what)
      assert.same(whole, state(env), what)
      local after = env.run("plan")
      after.ensure()
      assert.is_false(after.plan:has_changes(), what)
      assert.equal("t1-app 1 deployed", env.releases(), what)
    end)
  end)

  local function cluster(what, templates, body)
    it(what, function()
      helm_cluster.with(function(env)
        chart.write(fs.join(env.tree, "charts/app"), templates)
        body(env)
      end)
    end)
  end

  cluster("of a Secret is seen and mended, and its texts are nowhere", {
    ["secret.yaml"] = [[
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}, labels: {app: {{ .Release.Name }}, tenant: t1}}
data: {first: {{ "right-first" | b64enc }}}
stringData: {second: right-second}
]],
  }, function(env)
    env.run().ensure()
    env.ask("kubectl", "patch", "secret", "t1-app", "-p", '{"stringData":{"first":"by-hand-1","third":"by-hand-3"}}')
    local plan = env.run("plan")
    plan.ensure()
    local shown = json.encode(plan.plan.changes[1].show)
    for _, word in ipairs { "~ Secret t1-app (edited in the cluster)", "data.first", "data.third" } do
      assert.is_truthy(shown:find(word, 1, true), shown)
    end
    local run = env.run()
    assert.equal("changed", select(2, run.ensure()))
    for _, word in ipairs { "by-hand", "right-first", "right-second", crypto.base64 "by-hand-1" } do
      assert.is_nil((shown .. json.encode(run.records)):find(word, 1, true), word)
    end
    local data = json.decode(env.ask("kubectl", "get", "secret", "t1-app", "-o", "json")).data
    assert.same({ first = crypto.base64 "right-first", second = crypto.base64 "right-second" }, data)
    assert.equal("unchanged", select(2, env.run().ensure()))
    env.ask("kubectl", "delete", "secret", "t1-app")
    assert.equal("changed", select(2, env.run().ensure()))
    data = json.decode(env.ask("kubectl", "get", "secret", "t1-app", "-o", "json")).data
    assert.same({ first = crypto.base64 "right-first", second = crypto.base64 "right-second" }, data)
  end)

  local function env_of(env)
    return env.ask(
      "kubectl",
      "get",
      "deploy",
      "t1-app",
      "-o",
      "jsonpath={.spec.template.spec.containers[0].env[*].name}"
    )
  end

  cluster("that an upgrade leaves is mended after it", nil, function(env)
    env.run().ensure()
    env.ask("kubectl", "set", "env", "deployment/t1-app", "MORE=1")
    env.values("level: DEBUG\n")
    local plan = env.run("plan")
    plan.ensure()
    local shown = table.concat(plan.plan.changes[1].show.lines, "\n")
    assert.matches("env.MORE", shown)
    assert.matches("INFO → DEBUG", shown)
    env.run().ensure()
    assert.equal("LEVEL", env_of(env))
    assert.equal("t1-app 2 deployed", env.releases())
    assert.equal("unchanged", select(2, env.run().ensure()))
  end)

  cluster("is mended by a rollback, too", nil, function(env)
    env.run().ensure()
    env.values("level: DEBUG\n")
    env.run().ensure()
    env.ask("kubectl", "set", "env", "deployment/t1-app", "MORE=1")
    assert.equal("changed", env.run().api.helm.rollback("t1-app", 1))
    assert.equal("t1-app 3 deployed", env.releases())
    assert.equal("LEVEL", env_of(env))
    env.ask("kubectl", "delete", "service", "t1-app")
    assert.equal("changed", env.run().api.helm.rollback("t1-app", 1))
    assert.equal("t1-app 3 deployed", env.releases())
    assert.equal("service/t1-app", env.ask("kubectl", "get", "service", "t1-app", "-o", "name"))
    assert.equal("unchanged", env.run().api.helm.rollback("t1-app", 1))
  end)

  cluster("that was mended leaves objects that helm takes for its own", nil, function(env)
    env.run().ensure()
    env.ask("kubectl", "delete", "deployment,service", "t1-app")
    env.run().ensure()
    env.values("level: DEBUG\n")
    env.run().ensure()
    assert.equal("t1-app 2 deployed", env.releases())
    env.run().api.helm.remove_release("t1-app")
    assert.equal("", env.ask("kubectl", "get", "deployment,service", "-l", "tenant=t1", "-o", "name"))
  end)

  cluster("does not run hooks again, nor start helm but to render", {
    ["job.yaml"] = [[
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
  labels: {app: {{ .Release.Name }}}
  annotations: {"helm.sh/hook": "post-install,post-upgrade", "helm.sh/hook-delete-policy": before-hook-creation}
]],
  }, function(env)
    env.run().ensure()
    local function uid() return env.ask("kubectl", "get", "configmap", "t1-app", "-o", "jsonpath={.metadata.uid}") end
    local before = uid()
    env.ask("kubectl", "scale", "deployment", "t1-app", "--replicas=1")
    env.run().ensure()
    assert.equal(before, uid())
    env.ask("kubectl", "delete", "configmap", "t1-app") -- a hook is no part of the release
    assert.equal("unchanged", select(2, env.run().ensure()))
  end)
end)
