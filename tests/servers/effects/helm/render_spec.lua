-- Charts that would make helm write something else than what was checked and planned. What arrived in the cluster is
-- looked at with kubectl.
local chart = require "tests.support.chart"
local fs = require "o2x.base.fs"
local helm_cluster = require "tests.support.helm_cluster"
local proc = require "o2x.base.proc"
local raised = require "tests.support.raised"

local function cluster(what, body)
  it(what, function() helm_cluster.with(body) end)
end

local function config_map(name, more)
  return ("kind: ConfigMap\napiVersion: v1\nmetadata: {name: %s%s}\ndata: {level: INFO}\n"):format(name, more or "")
end

local function hook(name, events) return config_map(name, (', annotations: {"helm.sh/hook": "%s"}'):format(events)) end

-- A chart of these templates only.
local function write(env, templates)
  local folder = fs.join(env.tree, "charts/bad")
  if fs.exists(folder) then fs.remove_tree(folder) end
  chart.write(folder, { ["deployment.yaml"] = "", ["service.yaml"] = "" })
  for name, text in pairs(templates) do
    fs.write(fs.join(folder, name), text, { parents = true })
  end
  return "charts/bad"
end

-- The names of all config maps in all namespaces.
local function arrived(env)
  local names = env.ask("kubectl", "get", "cm", "-A", "-o", "jsonpath={.items[*].metadata.name}")
  return (names:gsub("kube%-root%-ca%.crt ?", ""))
end

local function refused(env, name, templates)
  local path = write(env, templates)
  local results = {}
  for _, mode in ipairs { "plan", "apply" } do
    local e = raised(env.run(mode).ensure, { chart = path })
    assert.is_truthy(e.kind == "refused" or e.kind == "input", name .. ": " .. tostring(e))
    assert.is_string(e.hint or e.where, name)
    results[#results + 1] = e
  end
  assert.equal("", env.releases(), name)
  return results[2]
end

describe("a hostile chart", function()
  -- Templates → a part of the message. None of them may leave anything behind.
  local FOREIGN <const> = "urbanos%-app"
  local cases = {
    ["names another tenant's object"] = { { ["templates/a.yaml"] = config_map "urbanos-app" }, FOREIGN },
    ["does so in another namespace"] = {
      { ["templates/a.yaml"] = config_map("t1-app", ", namespace: kube-system") },
      "kube%-system",
    },
    ["does so in a list"] = {
      {
        ["templates/a.yaml"] = "kind: List\napiVersion: v1\nitems:\n- "
          .. config_map("urbanos-app"):gsub("\n(.)", "\n  %1"),
      },
      FOREIGN,
    },
    ["does so in a typed list"] = {
      {
        ["templates/a.yaml"] = "kind: ConfigMapList\napiVersion: v1\nitems:\n- "
          .. config_map("urbanos-app"):gsub("\n(.)", "\n  %1"),
      },
      FOREIGN,
    },
    ["does so behind a separator"] = {
      { ["templates/a.yaml"] = config_map "t1-app" .. "--- # more\n" .. config_map "urbanos-app" },
      FOREIGN,
    },
    ["does so by a merge"] = {
      {
        ["templates/a.yaml"] = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: t1-app\n"
          .. "  <<: {name: urbanos-app}\n",
      },
      FOREIGN,
    },
    ["writes a name twice"] = {
      { ["templates/a.yaml"] = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: t1-app\n  name: urbanos-app\n" },
      "",
    },
    ["does so in a hook"] = { { ["templates/a.yaml"] = hook("urbanos-app", "pre-install") }, FOREIGN },
    ["does so in a hook of a deletion"] = { { ["templates/a.yaml"] = hook("urbanos-app", "post-delete") }, FOREIGN },
    ["does so by a helper of a subchart"] = {
      {
        ["charts/sub/Chart.yaml"] = "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
        ["charts/sub/templates/a.yaml"] = config_map "urbanos-app",
      },
      FOREIGN,
    },
    ["does so by its values"] = { { ["templates/a.yaml"] = config_map '{{ "urbanos" }}-app' }, FOREIGN },
    ["does so when a kind is there"] = {
      {
        ["templates/a.yaml"] = '{{ if .Capabilities.APIVersions.Has "apps/v1" }}'
          .. config_map "urbanos-app"
          .. "{{ end }}",
      },
      FOREIGN,
    },
    ["asks the cluster"] = {
      {
        ["templates/a.yaml"] = '{{ if lookup "v1" "Namespace" "" "default" }}'
          .. config_map "urbanos-app"
          .. "{{ else }}"
          .. config_map "t1-app"
          .. "{{ end }}",
      },
      "asks the cluster",
    },
    ["asks the cluster by a value"] = {
      {
        ["values.yaml"] = 'x: \'{{ lookup "v1" "Secret" "default" "urbanos-secret" | toJson }}\'\n',
        ["templates/a.yaml"] = "{{ tpl .Values.x . }}",
      },
      "asks the cluster",
    },
    ["is cluster-wide"] = {
      { ["templates/a.yaml"] = "kind: Namespace\napiVersion: v1\nmetadata: {name: t1-app}\n" },
      "Namespace t1%-app",
    },
    ["brings a CRD"] = {
      {
        ["crds/x.yaml"] = "kind: CustomResourceDefinition\napiVersion: apiextensions.k8s.io/v1\n"
          .. "metadata: {name: things.example.com}\n",
      },
      "CustomResourceDefinition things.example.com in crds/",
    },
    ["brings something else in crds"] = { { ["crds/x.yaml"] = config_map "urbanos-app" }, FOREIGN },
    ["brings a CRD in a subchart"] = {
      {
        ["charts/sub/Chart.yaml"] = "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
        ["charts/sub/crds/x.yaml"] = "kind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n",
      },
      "belongs to the whole cluster",
    },
    ["renders something random"] = {
      {
        ["templates/a.yaml"] = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: t1-app}\n"
          .. "data: {x: {{ randAlphaNum 9 }}}\n",
      },
      "renders otherwise each time: ConfigMap t1%-app, data.x",
    },
    ["renders the time"] = {
      {
        ["templates/a.yaml"] = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: t1-app}\n"
          .. "data: {x: {{ now | unixEpoch | quote }}}\n",
      },
      "renders otherwise each time",
    },
    ["has a random hook"] = {
      { ["templates/a.yaml"] = hook("t1-app", "pre-install") .. "  \n" .. "binaryData: {x: {{ uuidv4 | b64enc }}}\n" },
      "renders otherwise each time",
    },
    ["has an object without a name"] = {
      { ["templates/a.yaml"] = "kind: ConfigMap\napiVersion: v1\nmetadata: {generateName: urbanos-}\n" },
      "a ConfigMap without apiVersion, kind or a text as metadata.name",
    },
    ["wants a chart from a repository"] = {
      {
        ["Chart.yaml"] = "apiVersion: v2\nname: app\nversion: 0.1.0\n"
          .. "dependencies: [{name: evil, version: 1.0.0, repository: 'https://127.0.0.1:1/'}]\n",
      },
      "evil",
    },
  }

  cluster("is refused, in a plan and in a run, and nothing arrives", function(env)
    local before, count = arrived(env), 0
    for name, case in pairs(cases) do
      local e = refused(env, name, case[1])
      assert.matches(case[2], e.message, nil, nil, name)
      assert.equal(before, arrived(env), name)
      count = count + 1
    end
    assert.equal(23, count)
  end)

  cluster("may render a namespace that is null", function(env)
    local text = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: t1-app, namespace: {{ .Values.none }} }\n"
    local path = write(env, { ["templates/a.yaml"] = text })
    for _ = 1, 2 do
      env.run().ensure { chart = path }
      assert.equal("t1-app 1 deployed", env.releases())
    end
  end)

  cluster("that links a file out of the tree is refused", function(env)
    local path = write(env, { ["templates/a.yaml"] = config_map "t1-app", ["files/x"] = "" })
    fs.remove(fs.join(env.tree, path, "files/x"))
    proc.run { argv = { "ln", "-s", "/etc/hostname", fs.join(env.tree, path, "files/x") } }
    local e = raised(env.run().ensure, { chart = path })
    assert.matches("is a link out of the platform tree", e.message)
    assert.equal("", env.releases())
  end)

  cluster("that is harmless at first and not at the upgrade is refused then", function(env)
    local path = write(env, {
      ["templates/a.yaml"] = config_map "{{ if .Release.IsUpgrade }}urbanos-app{{ else }}t1-app{{ end }}",
    })
    env.run().ensure { chart = path }
    for _, mode in ipairs { "plan", "apply" } do
      assert.matches("urbanos%-app", raised(env.run(mode).ensure, { chart = path }).message)
    end
    assert.equal("t1-app 1 deployed", env.releases())
    assert.is_nil(arrived(env):find("urbanos", 1, true))
  end)
end)

describe("what was checked is what is written", function()
  cluster("even if the chart changes after the check", function(env)
    local path = write(env, { ["templates/a.yaml"] = config_map "t1-app" })
    local run = env.run()
    local upgrade = env.helm.upgrade
    env.helm.upgrade = function(...)
      write(env, { ["templates/a.yaml"] = config_map "urbanos-app", ["crds/x.yaml"] = config_map "urbanos-crd" })
      return upgrade(...)
    end
    run.ensure { chart = path }
    assert.is_truthy(arrived(env):find("t1-app", 1, true))
    assert.is_nil(arrived(env):find("urbanos", 1, true))
  end)

  cluster("in a revision that depends on nothing but the values", function(env)
    local text = 'data: {rev: "{{ .Release.Revision }}", raw: "{{ "{{ .Values.x }}" }}"}\n'
    local path = write(
      env,
      { ["templates/a.yaml"] = (config_map("t1-app"):gsub("\ndata:.*", function() return "\n" .. text end)) }
    )
    local first = env.run()
    first.ensure { chart = path }
    local warned = 0
    for _, one in ipairs(first.said) do
      local said = one[1] == "message" and table.concat({ table.unpack(one, 3, 4) }, " ") or ""
      if said:find("asks for .Release.Revision", 1, true) then warned = warned + 1 end
    end
    assert.equal(1, warned)
    assert.equal("unchanged", select(2, env.run().ensure { chart = path }))
    env.values("level: DEBUG\n")
    env.run().ensure { chart = path }
    local data = env.ask("kubectl", "get", "cm", "t1-app", "-o", "jsonpath={.data}")
    assert.equal('{"raw":"{{ .Values.x }}","rev":"1"}', data)
  end)

  cluster("with hooks, which the plan shows", function(env)
    local path = write(env, {
      ["templates/a.yaml"] = config_map "t1-app",
      ["templates/h.yaml"] = hook("t1-web", "pre-install,pre-upgrade"),
      ["templates/t.yaml"] = hook("anything", "test"),
    })
    local plan = env.run("plan")
    plan.ensure { chart = path }
    assert.same(
      { "+ ConfigMap t1-app", "+ ConfigMap t1-web (hook pre-install, pre-upgrade)" },
      plan.plan.changes[1].show.lines
    )
    assert.is_nil(arrived(env):find("t1-web", 1, true))
    env.run().ensure { chart = path }
    assert.is_truthy(arrived(env):find("t1-app t1-web", 1, true), arrived(env))
    assert.equal("unchanged", select(2, env.run().ensure { chart = path }))
    fs.write(fs.join(env.tree, path, "templates/h.yaml"), (hook("t1-web", "pre-upgrade"):gsub("INFO", "DEBUG")))
    plan = env.run("plan")
    plan.ensure { chart = path }
    assert.same(
      { "+ ConfigMap t1-web (hook pre-upgrade)", "- ConfigMap t1-web (hook pre-install, pre-upgrade)" },
      plan.plan.changes[1].show.lines
    )
    env.values("level: DEBUG\n")
    env.run().ensure { chart = path }
    env.values("level: INFO\n")
    plan = env.run("plan")
    plan.ensure { chart = path }
    assert.same(
      { "~ values (the rendered objects stay the same)", "  ConfigMap t1-web (hook pre-upgrade) runs again" },
      plan.plan.changes[1].show.lines
    )
  end)

  cluster("under the chart's own name, version and values", function(env)
    local templates = { ["templates/a.yaml"] = config_map "t1-app" }
    env.values("level: DEBUG\n")
    env.run().ensure { chart = write(env, templates) }
    assert.equal("level: DEBUG", env.ask("helm", "get", "values", "t1-app"):match("\n(.*)$"))
    assert.is_truthy(env.ask("helm", "get", "values", "t1-app", "--all"):find("replicas: 2", 1, true))
    assert.is_truthy(
      env.ask("helm", "get", "metadata", "t1-app"):find("CHART: app\nVERSION: 0.1.0\nAPP_VERSION: 1.0", 1, true)
    )
    assert.is_truthy(env.ask("helm", "get", "manifest", "t1-app"):find("name: t1-app", 1, true))
  end)

  cluster("with a CRD that the cluster has already", function(env)
    local kinds = env.k8s:kinds()
    local find = kinds.find
    kinds.find = function(self, name, ...)
      if name == "things.example.com" then return { kind = "Thing" } end
      return find(self, name, ...)
    end
    local path = write(env, {
      ["templates/a.yaml"] = config_map "t1-app",
      ["crds/x.yaml"] = "kind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n",
    })
    local plan = env.run("plan")
    plan.ensure { chart = path }
    assert.same(
      { "+ ConfigMap t1-app", "  CustomResourceDefinition things.example.com (CRD) is in the cluster already" },
      plan.plan.changes[1].show.lines
    )
    env.run().ensure { chart = path }
    assert.equal("t1-app 1 deployed", env.releases())
  end)
end)
