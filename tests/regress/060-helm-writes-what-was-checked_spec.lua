-- A chart that renders otherwise at the upgrade than when it was checked wrote another tenant's ConfigMap: helm
-- rendered it a second time, with a cluster to ask and as an upgrade.

local chart = require "tests.support.chart"
local fs = require "o2x.base.fs"
local helm_cluster = require "tests.support.helm_cluster"
local raised = require "tests.support.raised"

local function config_map(name) return "kind: ConfigMap\napiVersion: v1\nmetadata: {name: " .. name .. "}\n" end

local CASES <const> = {
  lookup = config_map '{{ if lookup "v1" "Namespace" "" "default" }}urbanos-app{{ else }}t1-app{{ end }}',
  upgrade = config_map "{{ if .Release.IsUpgrade }}urbanos-app{{ else }}t1-app{{ end }}",
  revision = config_map "{{ if gt .Release.Revision 1 }}urbanos-app{{ else }}t1-app{{ end }}",
  hook = config_map "t1-app"
    .. "---\n{{ if .Release.IsUpgrade }}kind: ConfigMap\napiVersion: v1\nmetadata: {name: urbanos-app, "
    .. 'annotations: {"helm.sh/hook": pre-upgrade}}\n{{ end }}',
}

describe("what helm writes", function()
  it("is what was checked: another tenant's object never arrives", function()
    helm_cluster.with(function(env)
      for name, text in pairs(CASES) do
        local folder = chart.write(fs.join(env.tree, "charts", name), { ["x.yaml"] = text })
        local release = { name = "t1-app", chart = "charts/" .. name, wait = false }
        if name == "lookup" then
          assert.equal("refused", raised(env.run().ensure, release).kind)
        else
          env.run().ensure(release)
          chart.write(folder, { ["x.yaml"] = text }, "0.2.0")
          pcall(env.run().ensure, release)
        end
        assert.is_nil(env.ask("kubectl", "get", "cm", "-A", "-o", "name"):find("urbanos", 1, true), name)
        env.run().api.helm.remove_release "t1-app"
      end
    end)
  end)
end)
