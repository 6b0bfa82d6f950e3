-- A write that was cut short and settled at the end of the resumed run had the computer's uptime as its duration.

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("a write that is settled at the end of a run", function()
  it("has a duration of its own", function()
    local toy <close> = toys.new()
    toy:runbook("hand", [[step("Make", toy.once, "a", 1)]])
    toy:fault("a", "failed")
    assert.equal(1, toy:o2x({ "run", "hand", "alpha" }).code)
    fs.write(toy.system .. "/a", "1")
    toy:runbook("hand", [[step("Other", toy.ensure, "b", 2)]])
    ok(toy:o2x { "resume", "--edited" })
    for _, effect in ipairs(toy:json({ "show", "--json" }).effects) do
      assert.is_true(effect.seconds < 60, effect.target)
    end
  end)
end)
