-- A Chart.yaml whose version is a number never settled, an empty one ended in an error of Lua, and one that ends in a
-- line of three dashes was refused. An object whose namespace is null was said to have no name.

local fs = require "o2x.base.fs"
local helm_cluster = require "tests.support.helm_cluster"
local raised = require "tests.support.raised"

local MAP <const> = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: t1-app%s}\n"

describe("a chart", function()
  it("has a Chart.yaml as helm reads it, and objects as the server does", function()
    helm_cluster.with(function(env)
      local function ensure(about, more)
        local folder = fs.join(env.tree, "charts/c")
        fs.write(fs.join(folder, "Chart.yaml"), about, { parents = true })
        fs.write(fs.join(folder, "templates/a.yaml"), MAP:format(more or ""), { parents = true })
        return env.run().ensure { chart = "charts/c", wait = false }
      end
      for about, label in pairs {
        ["apiVersion: v2\nname: c\nversion: 1.10\n"] = "c-1.1",
        ["apiVersion: v2\nname: c\nversion: 1.0.0\n---\n"] = "c-1.0.0",
      } do
        assert.equal(label, ensure(about).chart)
        assert.equal("unchanged", select(2, ensure(about)))
      end
      local e = raised(ensure, "")
      assert.same({ "input", "Chart.yaml" }, { e.kind, fs.name(e.where) })
      ensure("apiVersion: v2\nname: c\nversion: 1.0.0\n", ", namespace: null")
      assert.equal("default", env.ask("kubectl", "get", "cm", "t1-app", "-o", "jsonpath={.metadata.namespace}"))
    end)
  end)
end)
