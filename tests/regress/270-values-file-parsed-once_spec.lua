-- A values file was parsed and composed anew after each value that was set in it, so that adapting one to a tenant cost
-- as many parses as it has values of the tenant.

local core = require "o2x.core.yaml"
local helm_values = require "o2x.client.helm.values"

describe("a values file in which many values are set", function()
  local composed, compose = 0, core.compose
  before_each(function()
    composed = 0
    core.compose = function(...)
      composed = composed + 1
      return compose(...)
    end
  end)
  after_each(function() core.compose = compose end)

  it("is parsed once", function()
    local lines = { "app:" }
    for i = 1, 40 do
      lines[i + 1] = ("  key%02d: value   # of %d"):format(i, i)
    end
    local doc = helm_values.parse(table.concat(lines, "\n") .. "\n", "v.yaml")
    for i = 1, 40 do
      doc:set(("app.key%02d"):format(i), "new " .. i)
      assert.equal("new " .. i, doc:get(("app.key%02d"):format(i)))
    end
    assert.equal(1, composed)
    assert.matches("\n  key40: new 40   # of 40\n$", doc:text())
  end)
end)
