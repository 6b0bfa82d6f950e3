-- The lock of a tenant was that of a file: whoever removed it let a second run in, or a second resume, which wrote into
-- the same journal.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local toys = require "tests.support.toy"

describe("a lock file that is removed", function()
  it("lets nobody in, neither to the tenant nor to the run", function()
    local toy <close> = toys.new()
    toy:runbook("slow", [[ toy.ensure("one", 1) toy.wait(300) ]])
    local _first <close> = toy:start { "run", "slow", "alpha" }
    eventually("the first effect", function() return toy:holds().one end)
    fs.remove_tree(toy.state .. "/locks")
    assert.equal(5, toy:o2x({ "run", "build", "alpha" }).code)
    local run = toy:json({ "runs", "--json" })[1]
    assert.equal("running", run.status)
    assert.equal(5, toy:o2x({ "resume", run.id }).code)
    assert.same({ one = 1 }, toy:holds())
  end)
end)
