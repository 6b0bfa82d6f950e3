-- A chart that asked .Capabilities for a kind ("apps/v1/Deployment") was told that the cluster has none: its objects
-- were left out. One that renders an object twice failed half-way. A release of helm's own whose objects have a key
-- twice could not be changed at all.

local fs = require "o2x.base.fs"
local helm_cluster = require "tests.support.helm_cluster"
local raised = require "tests.support.raised"

local MAP <const> =
  "kind: ConfigMap\napiVersion: v1\nmetadata: {name: t1-app}\ndata: {level: a, level: {{ .Values.level }}}\n"

local function chart(env, template)
  fs.write(fs.join(env.tree, "charts/c/Chart.yaml"), "apiVersion: v2\nname: c\nversion: 1.0.0\n", { parents = true })
  fs.write(fs.join(env.tree, "charts/c/templates/a.yaml"), template, { parents = true })
end

describe("a chart", function()
  it("is treated as helm treats it", function()
    helm_cluster.with(function(env)
      local o = { chart = "charts/c", wait = false }
      chart(env, '{{ if .Capabilities.APIVersions.Has "apps/v1/Deployment" }}' .. MAP .. "{{ end }}")
      env.run().ensure(o)
      assert.equal("INFO", env.ask("kubectl", "get", "cm", "t1-app", "-o", "jsonpath={.data.level}"))
      env.run().api.helm.remove_release "t1-app"

      chart(env, MAP .. "---\n" .. MAP:gsub("name: t1%-app", "%0, namespace: default"))
      for _, mode in ipairs { "plan", "apply" } do
        local e = raised(env.run(mode).ensure, o)
        assert.equal("the chart renders ConfigMap default/t1-app twice", e.message)
      end
      assert.equal("t1-app 1 uninstalled", env.releases())

      chart(env, MAP)
      env.ask("helm", "install", "--replace", "t1-app", fs.join(env.tree, "charts/c"), "--set", "level=helm")
      assert.equal("changed", select(2, env.run().ensure(o)))
      assert.equal("INFO", env.ask("kubectl", "get", "cm", "t1-app", "-o", "jsonpath={.data.level}"))
      env.run().api.helm.remove_release "t1-app"
      assert.equal("t1-app 3 uninstalled", env.releases())
    end)
  end)
end)
