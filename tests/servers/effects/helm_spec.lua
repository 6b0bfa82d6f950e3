-- Releases by the real helm against the lab's API server, seen with helm and kubectl.
local chart = require "tests.support.chart"
local faults = require "lab.faults"
local fs = require "o2x.base.fs"
local helm_cluster = require "tests.support.helm_cluster"
local json = require "o2x.base.json"
local k8s = require "o2x.client.k8s"
local proc = require "o2x.base.proc"
local raised = require "tests.support.raised"
local task = require "o2x.base.task"

local function cluster(what, body)
  it(what, function() helm_cluster.with(body) end)
end

describe("a release", function()
  cluster("is installed and waited for, then left alone", function(env)
    local run = env.run()
    local release, outcome = run.ensure()
    assert.equal("created", outcome)
    assert.equal(1, release.revision)
    assert.equal("app-0.1.0", release.chart)
    assert.equal("t1-app 1 deployed", env.releases())
    assert.equal("2", env.ask("kubectl", "get", "deploy", "t1-app", "-o", "jsonpath={.status.readyReplicas}"))
    local again = env.run()
    local _, second = again.ensure()
    assert.equal("unchanged", second)
    assert.equal("same", again.story())
    assert.equal("t1-app 1 deployed", env.releases())
    assert.same(
      { { "t1-app", "app-0.1.0", 1 } },
      { { again.api.helm.list()[1].name, again.api.helm.list()[1].chart, again.api.helm.list()[1].revision } }
    )
    assert.equal("deployed", again.api.helm.status("t1-app").status)
    assert.equal(1, #again.api.helm.history("t1-app"))
    assert.is_nil(again.api.helm.status("t1-web"))
  end)

  cluster("is upgraded when its values or chart change", function(env)
    env.run().ensure()
    env.values("level: DEBUG\nreplicas: 3\n")
    local _, outcome = env.run().ensure()
    assert.equal("changed", outcome)
    assert.equal("t1-app 2 deployed", env.releases())
    assert.equal("3", env.ask("kubectl", "get", "deploy", "t1-app", "-o", "jsonpath={.status.readyReplicas}"))
    env.values("level: DEBUG\nreplicas: 3\nunused: 1e3\n")
    env.run().ensure()
    assert.equal("t1-app 3 deployed", env.releases())
    assert.equal("unchanged", select(2, env.run().ensure()))
    chart.write(fs.join(env.tree, "charts/app"), nil, "0.2.0")
    assert.equal("changed", select(2, env.run().ensure()))
    assert.equal("unchanged", select(2, env.run().ensure()))
  end)

  cluster("is planned without being written", function(env)
    local plan = env.run("plan")
    plan.ensure()
    assert.equal("", env.releases())
    local show = plan.plan.changes[1].show
    assert.equal("release t1-app (app-0.1.0)", show.title)
    assert.same({ "+ Service t1-app", "+ Deployment t1-app" }, show.lines)
    assert.equal("app-0.1.0", plan.api.helm.list()[1].chart)
    env.run().ensure()
    local empty = env.run("plan")
    empty.ensure()
    assert.is_false(empty.plan:has_changes())
    env.values("level: DEBUG\n")
    local changed = env.run("plan")
    changed.ensure()
    assert.same(
      { "~ Deployment t1-app", "    ~ spec.template.spec.containers.app.env.LEVEL.value: INFO → DEBUG" },
      changed.plan.changes[1].show.lines
    )
    assert.equal("t1-app 1 deployed", env.releases())
  end)

  cluster("is planned as far as its values are known", function(env)
    local plan = env.run("plan")
    plan.ensure { values = require("o2x.base.value").unknown }
    assert.same({ "+ (known after apply)" }, plan.plan.changes[1].show.lines)
    assert.equal("app-0.1.0", plan.api.helm.list()[1].chart)
  end)

  cluster("of others, or with others' objects, is refused", function(env)
    assert.equal("refused", raised(env.run().ensure, { name = "t1-sbx-app" }).kind)
    chart.write(fs.join(env.tree, "charts/bad"), {
      ["service.yaml"] = "apiVersion: v1\nkind: Service\nmetadata: {name: urbanos-app}\nspec: {ports: [{port: 80}]}\n",
    })
    local e = raised(env.run().ensure, { chart = "charts/bad" })
    assert.equal("refused", e.kind)
    assert.is_truthy(e.message:find("urbanos-app", 1, true), e.message)
    for _, path in ipairs { "../charts", "/etc", "charts/../../x", "charts/none" } do
      assert.equal("input", raised(env.run().ensure, { chart = path }).kind, path)
    end
    assert.equal("", env.releases())
  end)

  cluster("that does not render or that the server refuses is one clear line", function(env)
    chart.write(fs.join(env.tree, "charts/bad"), { ["deployment.yaml"] = "a: {{ .Values.x.y }}\n" })
    local e = raised(env.run().ensure, { chart = "charts/bad" })
    assert.equal("input", e.kind)
    assert.is_truthy(
      tostring(e):find("/charts/bad/templates/deployment.yaml:1: chart rendering failed: ", 1, true),
      tostring(e)
    )
    e = raised(env.run().ensure, { values = "values/none.yaml" })
    assert.equal("values file values/none.yaml does not exist", e.message)
    assert.equal("", env.releases())
  end)

  cluster("whose pods never get ready tells why; a run that mends it goes on", function(env)
    env.values("image: example/app:broken\n")
    local e = raised(env.run().ensure, { timeout = 2 })
    assert.is_truthy(e.message:find("Deployment t1-app is not ready", 1, true), e.message)
    assert.is_truthy(table.concat(e.details, "\n"):find("event ", 1, true), table.concat(e.details, "\n"))
    env.values("image: example/app:v2\n")
    env.run().ensure()
    assert.equal("t1-app 2 deployed", env.releases())
  end)

  cluster("is removed", function(env)
    env.run().ensure()
    env.run().api.helm.remove_release("t1-app")
    assert.equal("t1-app 1 uninstalled", env.releases()) -- helm keeps its history, so that it can come back
    env.run().api.helm.remove_release("t1-app")
  end)

  cluster("goes back to an earlier state by its revision", function(env)
    local before = env.run().ensure()
    env.values("level: DEBUG\n")
    env.run().ensure()
    local run = env.run()
    run.ctx:effect("helm.release", { name = "t1-app" }, before)
    assert.equal("t1-app 3 deployed", env.releases())
    assert.equal(
      "INFO",
      env.ask("kubectl", "get", "deploy", "t1-app", "-o", "jsonpath={.spec.template.spec.containers[0].env[0].value}")
    )
  end)
end)

describe("a helm that died", function()
  -- Leaves the newest revision as a killed helm leaves it. The label says whose it was.
  local function leave_pending(env, status, ours)
    local free = k8s.new { config = env.config }
    local newest = json.decode(env.ask("helm", "list", "-a", "-o", "json"))[1].revision
    local secret = "sh.helm.release.v1.t1-app.v" .. newest
    local text = env.ask(
      "sh",
      "-c",
      ([[
      kubectl get secret %s -o jsonpath={.data.release} | base64 -d | base64 -d | gunzip |
        sed 's/"status":"deployed"/"status":"%s"/; s/"o2x-effect":"[^"]*"/%s/' |
        gzip -c | base64 -w0 | base64 -w0]]):format(secret, status, ours and "&" or '"x":"y"')
    )
    free:patch("Secret", secret, {
      data = { release = text },
      metadata = { labels = { status = status, ["o2x-effect"] = not ours and json.null or nil } },
    })
  end

  cluster("at its first install: the release is removed and installed", function(env)
    env.run().ensure()
    leave_pending(env, "pending-install", true)
    assert.equal("t1-app 1 pending-install", env.releases())
    local run = env.run()
    assert.equal("changed", select(2, run.ensure()))
    assert.equal("t1-app 1 deployed", env.releases())
    assert.equal("2", env.ask("kubectl", "get", "deploy", "t1-app", "-o", "jsonpath={.status.readyReplicas}"))
  end)

  cluster("at an upgrade: the release is rolled back and upgraded", function(env)
    env.run().ensure()
    env.values("level: DEBUG\n")
    env.run().ensure({ wait = false })
    leave_pending(env, "pending-upgrade", true)
    env.ask(
      "sh",
      "-c",
      [[
      s=sh.helm.release.v1.t1-app.v1
      r=$(kubectl get secret $s -o jsonpath={.data.release} | base64 -d | base64 -d | gunzip |
        sed 's/"status":"superseded"/"status":"deployed"/' | gzip -c | base64 -w0 | base64 -w0)
      kubectl patch secret $s --type merge \
        -p "{\"data\":{\"release\":\"$r\"},\"metadata\":{\"labels\":{\"status\":\"deployed\"}}}"]]
    )
    local run = env.run()
    run.ensure()
    assert.equal("t1-app 4 deployed", env.releases())
    assert.equal(
      "DEBUG",
      env.ask("kubectl", "get", "deploy", "t1-app", "-o", "jsonpath={.spec.template.spec.containers[0].env[0].value}")
    )
  end)

  cluster("that was not ours is left alone", function(env)
    env.run().ensure()
    leave_pending(env, "pending-upgrade", false)
    local e = raised(env.run().ensure)
    assert.equal("conflict", e.kind)
    assert.is_truthy(e.message:find("pending-upgrade, but not by o2x", 1, true), e.message)
    assert.equal("t1-app 1 pending-upgrade", env.releases())
  end)
end)

describe("faults on helm's way to the cluster", function()
  cluster("do not make a release fail that can be tried again", function(env)
    env.k8s:kinds()
    for i, kind in ipairs { "429", "503", "drop", "drop-after" } do
      env.values(("level: L%d\n"):format(i))
      faults.add(env.lab.faults.rules, "k8s", kind, { times = 3 })
      env.run().ensure()
      assert.equal(0, #env.lab.faults.rules, kind)
      assert.equal(
        "L" .. i,
        env.ask("kubectl", "get", "deploy", "t1-app", "-o", "jsonpath={.spec.template.spec.containers[0].env[0].value}")
      )
      assert.is_truthy(env.releases():match("^t1%-app %d+ deployed$"), env.releases())
    end
  end)
end)

describe("releases side by side", function()
  cluster("do not get into each other's way", function(env)
    local run = env.run()
    task.parallel {
      a = function() run.within("a", run.ensure, { name = "t1-app" }) end,
      b = function() run.within("b", run.ensure, { name = "t1-web" }) end,
    }
    assert.equal("t1-app 1 deployed; t1-web 1 deployed", env.releases())
    assert.is_true(proc.exists "helm")
  end)
end)
