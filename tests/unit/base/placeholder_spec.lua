local json = require "o2x.base.json"
local placeholder = require "o2x.base.placeholder"
local value = require "o2x.base.value"

describe("placeholder.fill", function()
  it("gives a value without unknowns back itself", function()
    local v = { a = { 1, 2 } }
    assert.equal(v, placeholder.fill(v))
    assert.equal("x", placeholder.fill "x")
  end)

  it("puts a text in the place of each unknown value", function()
    local filled = placeholder.fill { id = value.unknown, list = { 1, value.unknown } }
    assert.equal("string", type(filled.id))
    assert.matches("known after", filled.id)
    assert.same({ 1, filled.id }, filled.list)
  end)

  it("does not change what it was given", function()
    local v = { id = value.unknown }
    placeholder.fill(v)
    assert.is_true(value.is_unknown(v.id))
  end)

  it("leaves a list a list", function()
    local filled = placeholder.fill(json.array { value.unknown })
    assert.is_true(json.is_array(filled))
  end)
end)
