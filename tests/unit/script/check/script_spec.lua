local parser = require "o2x.script.check.parser"
local script = require "o2x.script.check.script"

-- What the last statement's expression, a returned one, requires.
local function required(text)
  local body = parser.parse(text).body
  return script.required(body[#body].values[1])
end

describe("script.required", function()
  it("is the module of a require, itself or through a local", function()
    assert.equal("o2x.pg", required 'return require "o2x.pg"')
    assert.equal("o2x.pg", required 'local pg = require "o2x.pg" return pg')
    assert.equal("o2x.pg", required 'local a = require "o2x.pg" local b = a return b')
  end)

  it(
    "is unknown where the local is assigned later",
    function() assert.is_nil(required 'local pg = require "o2x.pg" pg = other return pg') end
  )

  it(
    "is unknown where require is a local of the script's",
    function() assert.is_nil(required 'local require = f return require "o2x.pg"') end
  )

  it("is unknown for anything else", function()
    assert.is_nil(required "return f")
    assert.is_nil(required "return require(name)")
  end)
end)

describe("script.steps", function()
  it("are the names that stand there", function()
    local names, beginnings = script.steps 'step("a", f) step("b", function() step("c", f) end) other("d")'
    assert.same({ a = true, b = true, c = true }, names)
    assert.same({}, beginnings)
  end)

  it("have a beginning where a name is put together", function()
    local _, beginnings = script.steps 'step("room " .. i .. "!", f) step(name, f)'
    assert.same({ "room ", "" }, beginnings)
  end)
end)
