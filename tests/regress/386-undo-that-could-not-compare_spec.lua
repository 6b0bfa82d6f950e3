-- An undo that found a system down had failed: it touched nothing, and yet kept the run from being resumed, or undone
-- again.

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("an undo that could not compare", function()
  it("leaves the run as it was: it can be resumed", function()
    local toy <close> = toys.new()
    toy:runbook("hand", [[step("Make", toy.ensure, "a", 1) step("Paint", toy.ensure, "b", 2)]])
    toy:fault("b", "failed")
    assert.equal(1, toy:o2x({ "run", "hand", "alpha" }).code)
    local id = toy:json({ "runs", "--json" })[1].id
    fs.write(toy.system .. "/.down", "")
    assert.equal(4, toy:o2x({ "undo", id, "--confirm=alpha" }).code)
    fs.remove(toy.system .. "/.down")
    ok(toy:o2x { "resume", id })
    assert.same({ a = 1, b = 2 }, toy:holds())
    ok(toy:o2x { "undo", id, "--confirm=alpha" })
    assert.same({}, toy:holds())
  end)
end)
