-- Small changes of objects that are there, against the lab's API server: scaling, fields, annotations, silences.
local json = require "o2x.base.json"
local k8s = require "o2x.client.k8s"
local kubeconfig = require "o2x.client.kubeconfig"
local raised = require "tests.support.raised"
local small_lab = require "tests.support.small_lab"
local small_run = require "tests.support.small_run"

local SCOPE = {
  k8s = {
    namespace = "default",
    namespaces = { "default" },
    names = { "t1-app" },
    label = { "tenant", "t1" },
    shared = {},
    read = { "monitoring/alertmanager-operated" },
    contents = { name_labels = { "app" }, annotations = { ["a.b/c"] = "plain" } },
  },
}

local JOB = [[
apiVersion: batch/v1
kind: CronJob
metadata: {name: %s, labels: {tenant: %s}}
spec:
  schedule: "0 3 * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}
]]

local function cluster(what, body)
  it(what, function()
    small_lab.with({ "k8s" }, nil, function(lab)
      local env = { lab = lab }
      local client = k8s.new { config = kubeconfig.load { path = lab.env.KUBECONFIG }, scope = SCOPE.k8s }
      function env.run(mode)
        return small_run.new {
          mode = mode,
          scope = SCOPE,
          clients = { k8s = client },
          modules = { (require "o2x.effects.k8s"), (require "o2x.effects.alerts") },
        }
      end
      function env.ask(...)
        local r = lab.run(...)
        assert.equal(0, r.code, r.stderr)
        return (r.stdout:gsub("%s+$", ""))
      end
      for _, name in ipairs { "t1-app", "t2-app" } do
        env.ask("kubectl", "create", "deployment", name, "--image=a/b:v1", "--replicas=2")
      end
      for name, tenant in pairs { ["t1-nightly"] = "t1", ["t1-sbx-nightly"] = "t1-sbx" } do
        local file = lab.dir .. "/" .. name .. ".yaml"
        require("o2x.base.fs").write(file, JOB:format(name, tenant))
        env.ask("kubectl", "apply", "-f", file)
      end
      body(env)
    end)
  end)
end

describe("a change of what is there", function()
  cluster("scales and waits, up and to nothing", function(env)
    local run = env.run()
    assert.equal("changed", run.api.k8s.scale("Deployment", "t1-app", 3, { timeout = 20 }))
    assert.equal("3", env.ask("kubectl", "get", "deploy", "t1-app", "-o", "jsonpath={.status.readyReplicas}"))
    assert.equal("unchanged", run.api.k8s.scale("Deployment", "t1-app", 3, { timeout = 20 }))
    run.api.k8s.scale("Deployment", "t1-app", 0, { timeout = 20 })
    assert.equal("", env.ask("kubectl", "get", "pods", "-l", "app=t1-app", "-o", "name"))
    assert.equal("refused", raised(run.api.k8s.scale, "Deployment", "t2-app", 0).kind)
    assert.equal("input", raised(run.api.k8s.scale, "Deployment", "t1-app", -1).kind)
    assert.equal("2", env.ask("kubectl", "get", "deploy", "t2-app", "-o", "jsonpath={.spec.replicas}"))
  end)

  cluster("sets fields and annotations, and takes them away", function(env)
    local run = env.run()
    run.api.k8s.set(
      "CronJob",
      "t1-nightly",
      { spec = { suspend = true }, metadata = { annotations = { ["a.b/c"] = "1" } } }
    )
    assert.equal(
      "true 1",
      env.ask(
        "kubectl",
        "get",
        "cronjob",
        "t1-nightly",
        "-o",
        [[jsonpath={.spec.suspend} {.metadata.annotations.a\.b/c}]]
      )
    )
    assert.equal("unchanged", run.api.k8s.annotate("CronJob", "t1-nightly", { ["a.b/c"] = "1" }))
    run.api.k8s.annotate("CronJob", "t1-nightly", { ["a.b/c"] = json.null })
    assert.equal(
      "true",
      env.ask(
        "kubectl",
        "get",
        "cronjob",
        "t1-nightly",
        "-o",
        [[jsonpath={.spec.suspend}{.metadata.annotations.a\.b/c}]]
      )
    )
    env.ask("kubectl", "delete", "deployment", "t1-app")
    assert.equal("failed", raised(run.api.k8s.annotate, "Deployment", "t1-app", { x = "1" }).kind)
  end)

  cluster("touches what the server lists under the tenant's label, and no name that only begins so", function(env)
    local run = env.run()
    assert.equal("changed", run.api.k8s.set("CronJob", "t1-nightly", { spec = { suspend = true } }))
    assert.equal("refused", raised(run.api.k8s.set, "CronJob", "t1-sbx-nightly", { spec = { suspend = true } }).kind)
    assert.equal("refused", raised(run.api.k8s.annotate, "Deployment", "t2-app", { x = "1" }).kind)
  end)

  cluster("plans without writing", function(env)
    local run = env.run "plan"
    assert.equal("changed", run.api.k8s.scale("Deployment", "t1-app", 0))
    run.api.k8s.annotate("Deployment", "t1-app", { x = "1" })
    assert.same({ "~ replicas: 2 → 0" }, run.plan.changes[1].show.lines)
    assert.same({ "+ annotation x: 1" }, run.plan.changes[2].show.lines)
    assert.equal(
      "2 ",
      env.ask("kubectl", "get", "deploy", "t1-app", "-o", "jsonpath={.spec.replicas} {.metadata.annotations.x}") .. " "
    )
  end)

  cluster("silences the tenant's alerts, prolongs it, and lets them ring", function(env)
    local run, where = env.run(), { service = "alertmanager-operated", port = 9093, namespace = "monitoring" }
    local function silences()
      return json.decode(
        env.ask(
          "kubectl",
          "get",
          "--raw",
          "/api/v1/namespaces/monitoring/services/alertmanager-operated:9093/proxy/api/v2/silences"
        )
      )
    end
    local function silence(time) return run.api.alerts.silence(where, { until_time = time, comment = "c" }) end
    assert.equal("created", silence "2099-01-01T00:00:00Z")
    assert.equal("unchanged", silence "2099-01-01T00:00:00Z")
    assert.equal("changed", silence "2099-01-02T00:00:00Z")
    assert.equal(1, #silences())
    assert.same({ { name = "tenant", value = "t1", isRegex = false, isEqual = true } }, silences()[1].matchers)
    assert.equal("deleted", run.api.alerts.unsilence(where))
    assert.equal("expired", silences()[1].status.state)
  end)
end)
