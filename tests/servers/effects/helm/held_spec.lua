-- One helm that renders, waits and writes. What it left is looked at with helm and kubectl.
local chart = require "tests.support.chart"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local helm_cluster = require "tests.support.helm_cluster"
local proc = require "o2x.base.proc"
local raised = require "tests.support.raised"

local function counted(what, body)
  it(what, function() helm_cluster.with(body, true) end)
end

local function write(env, name, data)
  chart.write(fs.join(env.tree, "charts/app"), {
    ["deployment.yaml"] = "",
    ["service.yaml"] = "",
    ["a.yaml"] = ("kind: ConfigMap\napiVersion: v1\nmetadata: {name: %s}\ndata: {x: %s}\n"):format(name, data),
  })
end

local function data(env) return env.ask("kubectl", "get", "cm", "t1-app", "-o", "jsonpath={.data.x}") end

local HOOK <const> = 'notes: {"helm.sh/\\u0068ook": pre-install}\n' -- written so that no text has the word

describe("a helm that waits", function()
  counted("installs and upgrades in one process, and the next run knows what it wrote", function(env)
    env.run().ensure()
    assert.equal("version upgrade", env.helms())
    assert.equal("t1-app 1 deployed", env.releases())
    for _, name in ipairs(fs.list(fs.join(env.lab.dir, "run/helm"))) do
      assert.is_nil(name:find "values" or name:find "rendered", name)
    end
    env.values "level: DEBUG\n"
    env.renew()
    env.run().ensure()
    assert.equal("upgrade", env.helms())
    assert.equal("t1-app 2 deployed", env.releases())
    env.renew()
    assert.equal("unchanged", select(2, env.run().ensure()))
    assert.equal("", env.helms())
    assert.equal("level: DEBUG", env.ask("helm", "get", "values", "t1-app"):match "\n(.*)$")
  end)

  counted("is ended without a trace when what it rendered is refused", function(env)
    write(env, "urbanos-app", "a")
    assert.equal("refused", raised(env.run().ensure).kind)
    assert.equal("version upgrade", env.helms())
    assert.equal("", env.releases())
    assert.equal("", env.ask("kubectl", "get", "secret", "-o", "name"))
    write(env, "t1-app", "a")
    env.run().ensure()
    write(env, "urbanos-app", "b")
    assert.equal("refused", raised(env.run().ensure).kind)
    assert.equal("t1-app 1 deployed", env.releases())
    assert.equal("a", data(env))
  end)

  counted("is ended when there is nothing to write", function(env)
    env.run().ensure()
    fs.remove_tree(env.cache)
    env.helms()
    assert.equal("unchanged", select(2, env.run().ensure()))
    assert.equal("upgrade", env.helms())
    assert.equal("t1-app 1 deployed", env.releases())
  end)

  counted("writes what was checked, even if the chart changes in the meantime", function(env)
    write(env, "t1-app", "a")
    local upgrade = env.helm.upgrade
    env.helm.upgrade = function(...)
      write(env, "urbanos-app", "b")
      return upgrade(...)
    end
    env.run().ensure()
    assert.equal("version upgrade", env.helms())
    assert.equal("a", data(env))
    assert.is_nil(env.ask("kubectl", "get", "cm", "-o", "name"):find "urbanos")
  end)

  counted("gives way when the chart changes while it renders", function(env)
    write(env, "t1-app", "a")
    local hold = env.helm.hold
    env.helm.hold = function(...)
      local rendering = hold(...)
      write(env, "t1-app", "b")
      return rendering
    end
    env.run().ensure()
    assert.equal("version upgrade template upgrade", env.helms())
    assert.equal("b", data(env))
  end)

  counted("is not asked again after it could not wait", function(env)
    local path = fs.join(env.lab.dir, "odd-helm")
    local text = fs.read(env.counting_helm):gsub("exec", 'case "$*" in *post-renderer*) exit 1;; esac\nexec')
    fs.write(path, text, { mode = tonumber("755", 8) })
    env.program = path
    env.renew()
    env.run().ensure()
    assert.equal("version upgrade template upgrade", env.helms())
    env.run().ensure { name = "t1-web", values = { level = "X" } }
    assert.equal("template upgrade", env.helms())
    assert.equal("t1-app 1 deployed; t1-web 1 deployed", env.releases())
  end)

  counted("gives a failure of the server as another helm does", function(env)
    write(env, "t1-app", "true")
    local e = raised(env.run().ensure)
    assert.matches("^helm upgrade t1%-app: ", e.message)
    assert.is_nil(tostring(e):find "o2x%-%x%x%x")
  end)

  counted("leaves hooks, CRDs and what asks the cluster to the other way", function(env)
    local plain = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: t1-app}\n"
    for text, values in pairs {
      [plain .. 'data: {x: "{{ .Capabilities.KubeVersion }}"}\n'] = "",
      [plain .. 'data: {x: "{{ .Release.Revision }}"}\n'] = "",
      [plain .. "data: {x: '{{ tpl .Values.level . }}'}\n"] = "",
      [(plain:gsub("t1%-app", 't1-web, annotations: {"helm.sh/hook": pre-install}'))] = "",
      [(plain:gsub("t1%-app", "t1-web, annotations: {{ toJson .Values.notes }}"))] = HOOK,
    } do
      chart.write(fs.join(env.tree, "charts/app"), {
        ["deployment.yaml"] = "",
        ["service.yaml"] = "",
        ["a.yaml"] = text,
      })
      env.values(values)
      env.helms()
      env.renew()
      env.run().ensure()
      assert.equal("template upgrade", (env.helms():gsub("^version ", "")), text)
    end
  end)
end)

-- Renders t1-app ahead in a run, does something, and then ensures it in the same run.
local function ahead(env, between)
  local run = env.run()
  run.api.helm.prepare_release("t1-app", { chart = "charts/app", values = "values/app.yaml" })
  if between then between() end
  return run.ensure
end

describe("a helm that has rendered ahead", function()
  counted("writes in its turn what is checked then", function(env)
    ahead(env)()
    assert.equal("version upgrade", env.helms())
    assert.equal("t1-app 1 deployed", env.releases())
    env.values "level: DEBUG\n"
    ahead(env)()
    assert.equal("upgrade", env.helms())
    assert.equal("t1-app 2 deployed", env.releases())
    env.renew()
    assert.equal("unchanged", select(2, ahead(env)()))
    assert.equal("", env.helms())
  end)

  counted("is not taken when anything has changed since", function(env)
    for what, change in pairs {
      values = function() env.values "level: TRACE\n" end,
      chart = function() write(env, "t1-app", "b") end,
      release = function() env.ask("helm", "upgrade", "t1-app", fs.join(env.tree, "charts/app"), "--install") end,
    } do
      env.values "level: INFO\n"
      write(env, "t1-app", "a")
      env.renew()
      env.helms()
      ahead(env, change)()
      assert.equal("upgrade upgrade", (env.helms():gsub("^version ", "")), what)
      assert.equal(what == "chart" and "b" or "a", data(env), what)
      local level = what == "values" and "TRACE" or "INFO"
      assert.equal("level: " .. level, env.ask("helm", "get", "values", "t1-app"):match "\n(.*)$", what)
      assert.equal("", (env.releases():gsub("t1%-app %d+ deployed", "")), what)
      env.ask("helm", "uninstall", "t1-app")
    end
  end)

  counted("is refused in its turn, and leaves no trace", function(env)
    write(env, "urbanos-app", "a")
    assert.equal("refused", raised(ahead(env)).kind)
    assert.equal("", env.releases())
    assert.equal("", env.ask("kubectl", "get", "secret", "-o", "name"))
  end)

  counted("ends with the client when nobody takes it", function(env)
    ahead(env)
    local pattern = fs.join(env.lab.dir, "run/helm/rendered")
    assert.are_not.equal("", proc.run({ argv = { "pgrep", "-f", pattern } }).stdout)
    env.helm:close()
    assert.equal("", proc.run({ argv = { "pgrep", "-f", pattern } }).stdout)
    assert.equal("", env.releases())
  end)

  counted("is not started in a plan, for what must be rendered first, or for what is wrong", function(env)
    local function prepare(mode, o) return env.run(mode).api.helm.prepare_release("t1-app", o) end
    prepare("plan", { chart = "charts/app", values = "values/app.yaml" })
    prepare("apply", { chart = "charts/app", values = "values/none.yaml" })
    prepare("apply", { chart = "charts/none", values = "values/app.yaml" })
    chart.write(fs.join(env.tree, "charts/app"), { ["a.yaml"] = '{{ lookup "v1" "Secret" "default" "x" }}' })
    prepare("apply", { chart = "charts/app", values = "values/app.yaml" })
    assert.equal("", (env.helms():gsub("^version$", "")))
  end)
end)

describe("o2x that dies", function()
  counted("takes the helm that waits with it, and nothing is written", function(env)
    local script = [[
      local held = require "o2x.client.helm.held"
      local task = require "o2x.base.task"
      local dir, chart, kubeconfig = os.getenv "DIR", os.getenv "CHART", os.getenv "CONFIG"
      local one = held.start {
        argv = { os.getenv "HELM", "upgrade", "t1-app", chart, "--install" },
        env = { KUBECONFIG = kubeconfig }, file = dir .. "/rendered", seconds = 60,
      }
      io.stdout:write(one and #one:rendering().objects or "none", "\n")
      io.stdout:flush()
      os.execute("kill -9 " .. require("o2x.core.program").pid())]]
    fs.write(fs.join(env.lab.dir, "die.lua"), script)
    local r = proc.run {
      argv = { "build/o2x-dev", fs.join(env.lab.dir, "die.lua") },
      env = {
        DIR = env.lab.dir,
        CHART = fs.join(env.tree, "charts/app"),
        CONFIG = env.lab.env.KUBECONFIG,
        HELM = proc.find "helm",
      },
    }
    assert.same({ 9, "2\n" }, { r.signal, r.stdout })
    assert.equal("", env.releases())
    local pattern = fs.join(env.lab.dir, "rendered")
    eventually("the end of helm", function() return proc.run({ argv = { "pgrep", "-f", pattern } }).stdout == "" end)
    assert.equal("", env.releases())
  end)
end)
