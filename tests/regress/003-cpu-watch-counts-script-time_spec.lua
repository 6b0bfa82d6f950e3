-- The watch over scripts counted what the engine did for them: a step of thousands of effects that never wait was
-- ended as if the script had run for ever, and so was its resume.
local toys = require "tests.support.toy"

local COUNT = 600

describe("a step of effects that never wait", function()
  it("may take the engine longer than a script may run, when resumed too", function()
    local toy <close> = toys.new()
    toy:runbook(
      "many",
      ([[
      step("many", function()
        for i = 1, %d do toy.ensure("v" .. i, i) end
        toy.ensure("last", 1)
      end)]]):format(COUNT)
    )
    toy:fault("last", "conflict")
    local limit = { O2X_CPU_LIMIT = "0.2,0.6" }
    local result = toy:o2x({ "run", "many", "alpha" }, limit)
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("the toy has a fault", 1, true), result.stderr)
    assert.equal(COUNT, toy:holds()["v" .. COUNT])
    result = toy:o2x({ "resume" }, limit)
    assert.equal(0, result.code, result.stderr)
    assert.equal(1, toy:holds().last)
  end)
end)
