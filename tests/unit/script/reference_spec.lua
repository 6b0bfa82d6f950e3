local effects = require "o2x.effects"
local reference = require "o2x.script.reference"

describe("the reference", function()
  it("has every api", function() assert.same(effects.NAMES, reference.names()) end)

  it("has the functions of an api with their parameters", function()
    local read = reference.of("vault").read
    assert.equal("read", read.name)
    assert.is_true(#read.params > 0)
    assert.is_false(read.method)
  end)

  it("has the methods of an api's objects", function()
    local rows = reference.of("pg").rows
    assert.is_true(rows.method)
    assert.not_equal("self", rows.params[1])
  end)

  it("knows which functions lead to a write", function()
    local vault = reference.of "vault"
    assert.is_true(vault.ensure.writes)
    assert.is_false(vault.read.writes)
  end)

  it("tells a constant from a function", function() assert.is_true(reference.of("json").null.constant) end)

  it("has a doc comment for every function that takes something", function()
    local missing = {}
    for _, name in ipairs(reference.names()) do
      for key, found in pairs(reference.of(name)) do
        if #found.doc == 0 and #found.params > 0 and not found.class then missing[#missing + 1] = name .. "." .. key end
      end
    end
    table.sort(missing)
    assert.same({}, missing)
  end)

  it("knows no other api", function() assert.is_nil(reference.of "nosuch") end)

  it("has the words of scripts", function()
    local words = reference.globals()
    assert.same({ "name", "fn", "..." }, words.step.params)
    assert.same({ "list", "fn", "options" }, words["parallel.each"].params)
  end)

  it("has the head of each api's source", function()
    for _, name in ipairs(reference.names()) do
      assert.is_true(#reference.head(name) > 0, name)
    end
  end)
end)
