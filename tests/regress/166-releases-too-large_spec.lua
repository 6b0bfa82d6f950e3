-- A release that does not fit into the Secret in which helm keeps it was reported as a failure of the server.

local fs = require "o2x.base.fs"
local helm_cluster = require "tests.support.helm_cluster"
local raised = require "tests.support.raised"

-- Bytes that cannot be compressed much.
local function noise(count)
  math.randomseed(17)
  local parts = {}
  for i = 1, count do
    parts[i] = string.char(math.random(33, 126))
  end
  return (table.concat(parts):gsub("[{}%%'\"\\\\]", "x"))
end

describe("a release that is too large", function()
  it("is bad input with a way on, and leaves nothing behind", function()
    helm_cluster.with(function(env)
      local folder = fs.join(env.tree, "charts/c")
      fs.write(fs.join(folder, "Chart.yaml"), "apiVersion: v2\nname: c\nversion: 1.0.0\n", { parents = true })
      for _, name in ipairs { "t1-app", "t1-web" } do
        local text = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: %s}\ndata:\n  x: '%s'\n"
        fs.write(fs.join(folder, "templates", name .. ".yaml"), text:format(name, noise(900000)), { parents = true })
      end
      local e = raised(env.run().ensure, { chart = "charts/c" })
      assert.equal("input", e.kind, tostring(e))
      assert.equal(folder, e.where)
      assert.matches("one Secret of at most 1 MiB", e.hint)
      assert.is_true(#e.message < 400, #e.message)
      assert.equal("", env.releases())
      assert.is_nil(env.ask("kubectl", "get", "cm", "-o", "name"):find("t1-", 1, true))
    end)
  end)
end)
