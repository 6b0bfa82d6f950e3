local stdlib = require "tests.support.stdlib"

describe("stdlib.diagnose.quantity", function()
  local quantity = stdlib.new().require "diagnose.quantity"

  it("reads decimal and binary units", function()
    local decimal = { n = 1e-9, u = 1e-6, m = 1e-3, k = 1e3, M = 1e6, G = 1e9 }
    local binary = { Ki = 1024, Mi = 1024 ^ 2, Gi = 1024 ^ 3, Ti = 1024 ^ 4 }
    for _, units in ipairs { decimal, binary } do
      for unit, factor in pairs(units) do
        assert.equal(1.5 * factor, quantity.value("1.5" .. unit), unit)
      end
    end
  end)

  it("reads numbers without a unit", function()
    assert.equal(2, quantity.value "2")
    assert.equal(2, quantity.value(2))
  end)

  it("returns nothing for what is not a quantity", function()
    assert.is_nil(quantity.value(nil))
    assert.is_nil(quantity.value "much")
    assert.is_nil(quantity.value "1Xi")
  end)

  -- The share of a container with these limits and this usage that is above 80 % of CPU or 85 % of memory.
  local function worst(limits, usage, name)
    local containers = { { name = "app", resources = { limits = limits } } }
    return quantity.worst({ name = name or "app", usage = usage }, containers, { cpu = 0.80, memory = 0.85 })
  end

  it("finds a resource above its threshold", function()
    local share, resource = worst({ cpu = "1000m", memory = "1Gi" }, { cpu = "900m", memory = "100Mi" })
    assert.equal("cpu", resource)
    assert.equal(0.9, share)
  end)

  it("finds nothing at the threshold", function() assert.is_nil(worst({ cpu = "1" }, { cpu = "800m" })) end)

  it("finds nothing without a limit", function() assert.is_nil(worst(nil, { cpu = "9" })) end)

  it(
    "compares a container with its own limits",
    function() assert.is_nil(worst({ cpu = "1" }, { cpu = "9" }, "sidecar")) end
  )
end)
