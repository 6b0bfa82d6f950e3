-- Effects that find nothing to do stayed in memory: 1,000 bytes each, until the end of the run.

local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("a run of many effects that find nothing to do", function()
  it("needs no more memory than one of few", function()
    local toy <close> = toys.new()
    toy:runbook("many", [[for _ = 1, 8000 do toy.ensure("one", { v = 1 }) end]])
    ok(toy:o2x({ "run", "many", "alpha", "--quiet" }, { O2X_LIMITS_MEMORY = "8" }))
    local run = toy:json { "runs", "--json" }
    assert.equal(7999, run[1].totals.unchanged)
  end)
end)
