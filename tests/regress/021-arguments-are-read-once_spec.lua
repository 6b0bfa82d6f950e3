-- A table with a metatable answered a check in one way and the use in another; a declaration changed after it had been
-- checked.

local toys = require "tests.support.toy"

describe("a table that a script hands over", function()
  local toy
  setup(function() toy = toys.new() end)
  teardown(function() toy:__close() end)

  local LIAR = [[local n = 0
    local liar = setmetatable({}, {
      __index = function() n = n + 1 return n > 1 and "other" or "mine" end,
      __pairs = function() return function(_, k) if not k then return "owner", "other" end end, {}, nil end,
      __len = function() return 1 end,
    })
    ]]

  for what, body in pairs {
    ["as a value"] = LIAR .. "toy.ensure('x', liar)",
    ["inside a value"] = LIAR .. "toy.ensure('x', { a = { liar } })",
    ["as a step's result"] = LIAR .. "step('s', function() return liar end)",
    ["as output"] = LIAR .. "output(liar)",
    ["as a row of output"] = LIAR .. "output { columns = { 'a' }, rows = { liar } }",
    ["as functions of parallel"] = LIAR .. "parallel(liar)",
    ["as a list of parallel.each"] = LIAR .. "parallel.each(liar, function() end)",
    ["as fields of log"] = LIAR .. "log('x', liar)",
    ["to a pure api"] = LIAR .. "require('o2x.json').encode(liar)",
    ["a table in itself"] = "local t = {} t.t = t toy.ensure('x', t)",
    ["too deep"] = "local t = {} for _ = 1, 100 do t = { t } end toy.ensure('x', t)",
    ["too large"] = "local t = {} for _ = 1, 30 do t = { t, t } end toy.ensure('x', t)",
    ["a table as a key"] = "toy.ensure('x', { [{}] = 1 })",
  } do
    it("is refused in one line: " .. what, function()
      toy:reset()
      toy:runbook("attack", body)
      local result = toy:o2x { "run", "attack", "alpha" }
      assert.equal(3, result.code, result.stderr)
      assert.matches("o2x: [^\n]*runbooks/attack.lua:%d+: [^\n]+\n     %S", result.stderr)
      assert.is_nil(result.stderr:find("bug in o2x", 1, true), result.stderr)
      assert.same({}, toy:holds())
    end)
  end

  it("is what it was, although the script changes it while the effect waits", function()
    toy:reset()
    toy:runbook(
      "attack",
      [[
      local t = { owner = "mine" }
      parallel { function() toy.ensure("x", t) end, function() t.owner = "other" end }
      t.owner = "other"]]
    )
    assert.equal(0, toy:o2x({ "run", "attack", "alpha" }).code)
    assert.same({ x = { owner = "mine" } }, toy:holds())
  end)

  it("declares what it declared when it was loaded", function()
    toy:reset()
    toy:write(
      "runbooks/attack.lua",
      [[
      local toy, effects = require "o2x.toy", {}
      return require "o2x.runbook" { name = "attack", version = "1.0.0", api = 1, summary = "x", effects = effects,
        run = function() effects[1] = "toy:write" toy.ensure("x", 1) end }]]
    )
    local result = toy:o2x { "run", "attack", "alpha" }
    assert.equal(3, result.code, result.stderr)
    assert.matches("without declaring it", result.stderr)
    assert.same({}, toy:holds())
  end)
end)
