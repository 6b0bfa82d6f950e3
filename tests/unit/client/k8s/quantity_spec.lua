local quantity = require "o2x.client.k8s.quantity"

describe("quantity.value", function()
  it("reads each suffix", function()
    for text, value in pairs { ["500m"] = 0.5, ["1k"] = 1000, ["2Gi"] = 2 ^ 31, ["1e3"] = 1000, ["-1"] = -1 } do
      assert.equal(value, quantity.value(text), text)
    end
    assert.equal(3, quantity.value(3))
  end)

  it("is nil for what is none", function()
    for _, text in ipairs { "", "x", "1x", "1 Gi", "1.2.3" } do
      assert.is_nil(quantity.value(text), text)
    end
    assert.is_nil(quantity.value {})
  end)
end)

describe("quantity.equal", function()
  it("compares amounts, not texts", function()
    assert.is_true(quantity.equal("1000m", "1"))
    assert.is_true(quantity.equal("1Gi", "1024Mi"))
    assert.is_true(quantity.equal("0.1", "100m"))
    assert.is_false(quantity.equal("1", "1001m"))
  end)

  it("is false where one is none", function() assert.is_false(quantity.equal("x", "x")) end)
end)
