-- A write failed half-way, the run itself put the target right by a later effect, and then failed: its undo compared
-- what the first effect had wanted with what the second had left, and refused ("not as R left it"). Found by o2x prove:
-- a deployment whose helm failed, and that was rolled back.

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

local MENDS <const> = [[
  step("Paint", function() pcall(toy.ensure, "door", { colour = "green" }) end)
  step("Mend", function() toy.ensure("door", { colour = "red", coats = 2 }) end)
  fail("there is no more paint")
]]

describe("the undo of a run that failed and mended its target itself", function()
  local toy
  before_each(function()
    toy = toys.new()
    toy:runbook("paint", MENDS)
    fs.write(toy.system .. "/.fault-door", "rot")
    assert.equal(1, toy:o2x({ "run", "paint", "alpha" }).code)
    assert.same({ door = { colour = "red", coats = 2 } }, toy:holds())
  end)
  after_each(function() toy:__close() end)

  local function undo() return toy:o2x { "undo", toy:json({ "runs", "--json" })[1].id, "--confirm=alpha" } end

  it("takes it back", function()
    ok(undo())
    assert.same({}, toy:holds())
  end)

  it("still refuses what somebody else has put there since", function()
    fs.write(toy.system .. "/door", '{"colour":"white"}')
    assert.equal(1, undo().code)
    assert.same({ door = { colour = "white" } }, toy:holds())
  end)
end)
