-- A step's result came back from the journal without its type: a float as an integer, a negative zero as zero, a list
-- of no items as a record, a record in another order; bytes in a nested key, NaN and tables with other keys ended the
-- run. An effect whose name depended on the result was done twice after a resume.

local toys = require "tests.support.toy"

-- Lua of the values
local VALUES = {
  "2.0",
  "-0.0",
  "1e20",
  "2.0 ^ 53",
  "1 / 0",
  "-1 / 0",
  "0 / 0",
  "9007199254740993",
  '"\\255\\254"',
  '"a\\0b"',
  "{}",
  "json.array {}",
  "{ 1, 2 }",
  "{ [2] = 1 }",
  "{ [1.5] = { [true] = 2.0 } }",
  '{ "a", x = json.null }',
  '{ ["\\255"] = "\\254" }',
  '{ ["$bytes"] = "YQ==" }',
  '{ ["$secret"] = "a", fp = "b" }',
  '{ ["$float"] = "2" }',
  'yaml.ordered { { "z", 1 }, { "a", 2.0 } }',
}

local BODY = [[
    local json, yaml, crypto = require "o2x.json", require "o2x.yaml", require "o2x.crypto"
    local function told(value)
      if type(value) ~= "table" then return math.type(value) or type(value), tostring(value) end
      local keys, words = {}, { json.is_array(value) and "[" or "{" }
      for key in pairs(value) do keys[#keys + 1] = key end
      table.sort(keys, function(a, b) return type(a) .. tostring(a) < type(b) .. tostring(b) end)
      for _, key in ipairs(keys) do
        words[#words + 1] = table.concat({ table.pack(told(key))[2], told(value[key]) }, " ")
      end
      return "table", table.concat(words, ",")
    end
    local values = { %s }
    for i = 1, %d do
      local value = step("value " .. i, function() return values[i] end)
      local kind, words = told(value)
      if i == %d then words = yaml.encode(value) end
      toy.ensure(("%%d-%%s"):format(i, crypto.sha256(kind .. words)), i)
    end
]]

describe("the result of a step", function()
  it("is the same in a resumed run, and nothing is done twice", function()
    local toy <close> = toys.new()
    toy:runbook("keep", BODY:format(table.concat(VALUES, ", "), #VALUES, #VALUES))
    local killed = toy:o2x({ "run", "keep", "alpha" }, { O2X_KILL_AT = tostring(4 * #VALUES) })
    assert.equal(9, killed.signal, killed.stderr)
    assert.equal(#VALUES, #toy:writes())
    local resumed = toy:o2x { "resume" }
    assert.equal(0, resumed.code, resumed.stderr)
    assert.equal(#VALUES, #toy:writes(), table.concat(toy:writes(), "\n"))
  end)

  local REFUSED = {
    ["a function"] = "tostring",
    ["a table with a function"] = "{ a = { tostring } }",
    ["what is too deep"] = "(function() local t = {} for _ = 1, 70 do t = { t } end return t end)()",
  }
  for name, text in pairs(REFUSED) do
    it(("is refused at once, with its line, if it is %s"):format(name), function()
      local toy <close> = toys.new()
      toy:runbook("keep", ('    step("make", function() return %s end)\n    toy.ensure("x", 1)'):format(text))
      local refused = toy:o2x { "run", "keep", "alpha" }
      assert.is_true(refused.code == 1 or refused.code == 3, refused.stderr)
      assert.matches("runbooks/keep%.lua:5: [^\n]*the result of step make", refused.stderr)
      assert.same({}, toy:writes())
    end)
  end
end)
