local stdlib = require "tests.support.stdlib"

describe("stdlib.diagnose.limits", function()
  local limits = stdlib.new().require "diagnose.limits"

  -- The share of a container with these limits and this usage that is above 80 % of CPU or 85 % of memory.
  local function exceeded(given, usage, name)
    local containers = { { name = "app", resources = { limits = given } } }
    return limits.exceeded({ name = name or "app", usage = usage }, containers, { cpu = 0.80, memory = 0.85 })
  end

  it("finds a resource above its threshold", function()
    local share, resource = exceeded({ cpu = "1000m", memory = "1Gi" }, { cpu = "900m", memory = "100Mi" })
    assert.equal("cpu", resource)
    assert.equal(0.9, share)
  end)

  it("finds nothing at the threshold", function() assert.is_nil(exceeded({ cpu = "1" }, { cpu = "800m" })) end)

  it("finds nothing without a limit", function() assert.is_nil(exceeded(nil, { cpu = "9" })) end)

  it(
    "compares a container with its own limits",
    function() assert.is_nil(exceeded({ cpu = "1" }, { cpu = "9" }, "sidecar")) end
  )
end)
