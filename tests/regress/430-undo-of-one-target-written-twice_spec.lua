-- An undo that was killed after it had begun to take back the later of two effects on one target could not be resumed:
-- the earlier effect was compared as if the later one were back already, and "not as R left it" came for ever.

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

local WRITES <const> = [[
  toy.ensure("door", { colour = "red" })
  step("Paint", function() toy.ensure("door", { colour = "green" }) end)
  step("Paint again", function() toy.ensure("door", { colour = "blue" }) end)
]]

describe("an undo of one target that was written more than once", function()
  local toy
  before_each(function()
    toy = toys.new()
    toy:runbook("paint", WRITES)
  end)
  after_each(function() toy:__close() end)

  local function newest() return toy:json({ "runs", "--json" })[1].id end

  it("ends in the same state, killed at any arrow and resumed", function()
    local at = 0
    repeat
      at = at + 1
      toy:reset()
      ok(toy:o2x { "run", "paint", "alpha" })
      local result = toy:o2x({ "undo", newest(), "--confirm=alpha" }, { O2X_KILL_AT = tostring(at) })
      local killed = result.signal == 9
      if killed then
        result = toy:o2x { "resume" }
        assert.equal(0, result.code, ("killed at %d: %s"):format(at, result.stderr))
      end
      assert.same({}, toy:holds(), "killed at " .. at)
    until not killed
    assert.is_true(at > 8)
  end)

  it("refuses a foreign value in the middle, killed or not", function()
    ok(toy:o2x { "run", "paint", "alpha" })
    local run = newest()
    assert.equal(9, toy:o2x({ "undo", run, "--confirm=alpha" }, { O2X_KILL_AT = "2" }).signal)
    fs.write(toy.system .. "/door", '{"colour":"white"}')
    local resumed = toy:o2x { "resume" }
    assert.equal(1, resumed.code, resumed.stderr)
    assert.same({ door = { colour = "white" } }, toy:holds())
  end)
end)
