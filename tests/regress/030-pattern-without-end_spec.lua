-- A pattern that backtracked for ever ended the whole process after 15 seconds. It ends with an error at its line.

local Toy = require "tests.support.toy"

describe("a pattern without end", function()
  it("is an error of the line that has it", function()
    local toy <close> = Toy.new()
    toy:runbook("endless", [[step("Look", function() return ("a"):rep(40):find(("a?"):rep(40) .. ("a"):rep(40)) end)]])
    local result = toy:o2x({ "run", "endless", "alpha" }, { O2X_CPU_LIMIT = "1,60" })
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("Look: runbooks/endless.lua:5: the script ran for 1 s without waiting", 1, true))
    assert.truthy(result.stderr:find("next: o2x run endless alpha", 1, true))
  end)
end)
