-- A chart of a registry or a repository could not be installed: only folders of the platform tree were taken.

local chart_server = require "tests.support.chart_server"
local fs = require "o2x.base.fs"
local helm_cluster = require "tests.support.helm_cluster"
local raised = require "tests.support.raised"

local function map(name) return ("kind: ConfigMap\napiVersion: v1\nmetadata: {name: %s}\n"):format(name) end

local function archive(version, template)
  return chart_server.pack {
    ["Chart.yaml"] = ("apiVersion: v2\nname: app\nversion: %s\n"):format(version),
    ["templates/a.yaml"] = template,
  }
end

describe("a chart of a registry", function()
  it("is planned, installed and upgraded like a folder, with all its checks", function()
    helm_cluster.with(function(env)
      local server = chart_server.start()
      env.helm.cache = fs.join(env.lab.dir, "cache")
      local function source(version, digest)
        return {
          chart = ("oci://%s/charts/app"):format(server.host),
          version = version,
          digest = digest,
          wait = false,
        }
      end
      local one = server:publish("app", "1.0.0", archive("1.0.0", map "t1-app"))
      local two = server:publish("app", "2.0.0", archive("2.0.0", map "t1-web"))
      local foreign = server:publish("app", "3.0.0", archive("3.0.0", map "urbanos-app"))
      local ok, problem = pcall(function()
        local plan = env.run "plan"
        plan.ensure(source("1.0.0", one))
        assert.same({ "+ ConfigMap t1-app" }, plan.plan.changes[1].show.lines)
        assert.equal("created", select(2, env.run().ensure(source("1.0.0", one))))
        assert.equal("unchanged", select(2, env.run().ensure(source("1.0.0", one))))
        local release, outcome = env.run().ensure(source("2.0.0", two))
        assert.same({ "changed", "app-2.0.0" }, { outcome, release.chart })
        assert.matches("t1%-web", env.ask("kubectl", "get", "cm", "-o", "name"))
        assert.equal("refused", raised(env.run().ensure, source("3.0.0", foreign)).kind)
        assert.matches(one, raised(env.run("plan").ensure, source("1.0.0")).hint, 1, true)
        assert.equal("t1-app 2 deployed", env.releases())
      end)
      server:stop()
      if not ok then error(problem, 0) end
    end)
  end)
end)
