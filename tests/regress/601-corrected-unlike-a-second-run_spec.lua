-- A resumed run whose script was corrected was compared with a second run, also where a second run is another thing to
-- do: a restore keeps one more database aside each time.

local prove = require "tests.support.toy_prove"
local toys = require "tests.support.toy"

local BODY <const> = [[
  local n = step("Choose a name", function() return toy.read("saved-1") and "2" or "1" end)
  step("Save", function() toy.ensure("saved-" .. n, { saved = n }) end)
  step("Put up the sign", function() toy.ensure("sign", { text = "open" }) end)
]]

describe("o2x prove, where a second run does another thing", function()
  it("finds a corrected run right", function()
    local toy <close> = toys.new()
    toy:runbook("save", BODY)
    local result = prove.run(toy, { "save", "alpha", "--cases=correct" })
    assert.equal("", prove.failures(result))
    assert.equal(4, result.counts.correct.played)
  end)

  it("names the cases of effects by their order, not by points, whose number differs from run to run", function()
    local toy <close> = toys.new()
    toy:runbook("save", BODY)
    local result = prove.run(toy, { "save", "alpha", "--only=correct:4,foreign:6" })
    assert.equal("", prove.failures(result))
    assert.equal(2, result.cases)
  end)
end)
