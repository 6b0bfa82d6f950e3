-- A plan of an onboarding waited for five minutes for a certificate that had expired, and a script's wait_until held a
-- plan up as long as a run. A plan looks once, and lists what the run will wait for.

local json = require "o2x.base.json"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

local WAITS <const> = [[
    wait_until("the paint is dry", 300, function() return false, "it is wet" end)
    toy.ensure("room", { n = 1 })
]]

describe("a plan of a runbook that waits", function()
  it("lists what is not true yet, and goes on", function()
    local toy <close> = toys.new()
    toy:runbook("waits", WAITS)
    local result = ok(toy:o2x({ "plan", "waits", "alpha", "--json" }, nil, { timeout = 60 }))
    local plan = json.decode(result.stdout)
    assert.equal("the paint is dry (now: it is wet)", plan.checks[1].name)
    assert.equal(1, #plan.changes)
    assert.same({}, plan.problems)
  end)
end)
