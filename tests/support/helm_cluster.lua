--- Releases by the real helm against the lab's API server, for one tenant's grants.

local chart = require "tests.support.chart"
local counting_helm = require "tests.support.counting_helm"
local fs = require "o2x.base.fs"
local helm = require "o2x.client.helm"
local json = require "o2x.base.json"
local k8s = require "o2x.client.k8s"
local kubeconfig = require "o2x.client.kubeconfig"
local small_lab = require "tests.support.small_lab"
local small_run = require "tests.support.small_run"

local M = {}

local SCOPE = {
  k8s = {
    namespace = "default",
    names = { "t1-app", "t1-web", "t1-sub" },
    label = { "tenant", "t1" },
    contents = { name_labels = { "app" }, annotations = { ["helm.sh/*"] = "plain" } },
  },
  helm = { "t1-app", "t1-web" },
  files = { read = { "values/" }, write = {} },
}

-- Adds a fresh client for each run, a cache, and helms(): what helm was started for since it was last asked.
local function count(env, dir)
  local counting = counting_helm.new(dir)
  env.cache = fs.join(dir, "cache")
  function env.renew()
    if env.helm then env.helm:close() end
    env.k8s = k8s.new { config = env.config, scope = SCOPE.k8s }
    env.helm = helm.new {
      kubeconfig = env.config,
      k8s = env.k8s,
      folder = fs.join(dir, "run"),
      scope = SCOPE.helm,
      program = env.program or counting.path,
      kept = env.cache,
    }
  end
  function env.helms() return counting:words() end
  env.counting_helm = counting.path
  env.renew()
end

--- Runs a test with a cluster, a platform tree with a chart and values, and runs against them.
---@param body fun(env: table) env: lab, tree, config, k8s, helm, values(text), run(mode), ask(…), releases()
---@param counted boolean? with a cache and a helm that is counted: renew(), helms(), cache, program (in its place)
function M.with(body, counted)
  small_lab.with({ "k8s" }, nil, function(lab)
    local env = { lab = lab, tree = fs.join(lab.dir, "tree") }
    chart.write(fs.join(env.tree, "charts/app"))
    fs.write(fs.join(env.tree, "values/app.yaml"), "level: INFO\n", { parents = true })
    env.config = kubeconfig.load { path = lab.env.KUBECONFIG }
    env.k8s = k8s.new { config = env.config, scope = SCOPE.k8s }
    env.helm = helm.new { kubeconfig = env.config, folder = fs.join(lab.dir, "run"), scope = SCOPE.helm }

    if counted then count(env, lab.dir) end

    function env.values(text) fs.write(fs.join(env.tree, "values/app.yaml"), text) end

    function env.run(mode, of)
      local run = small_run.new {
        mode = mode,
        id = of and of.id,
        past = of and of.past,
        scope = SCOPE,
        config = { platform = env.tree },
        clients = { k8s = env.k8s, helm = env.helm },
        modules = { (require "o2x.effects.files"), (require "o2x.effects.k8s"), (require "o2x.effects.helm") },
      }
      function run.ensure(o)
        o = o or {}
        o.chart, o.values, o.timeout = o.chart or "charts/app", o.values or "values/app.yaml", o.timeout or 120
        return run.api.helm.ensure_release(o.name or "t1-app", o)
      end
      return run
    end

    function env.ask(...)
      local r = lab.run(...)
      if r.code ~= 0 then error(r.stderr, 2) end
      return (r.stdout:gsub("%s+$", ""))
    end
    function env.releases()
      local list = json.decode(env.ask("helm", "list", "-a", "-o", "json"))
      for i, one in ipairs(list) do
        list[i] = ("%s %s %s"):format(one.name, one.revision, one.status)
      end
      return table.concat(list, "; ")
    end
    body(env)
    env.helm:close()
  end)
end

return M
