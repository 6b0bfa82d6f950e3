-- A resumed run over several tenants ignored --edited: the runbook that had failed ran again as it was. It ignored
-- --secrets and --take-over, too.

local toys = require "tests.support.toy"

describe("o2x resume of a run over several tenants", function()
  it("continues with the edited runbook for the tenants that failed and those that were not started", function()
    local toy <close> = toys.new()
    toy:runbook("tend", 'toy.ensure("bed of " .. tenant.name, 1) step("plant", function() fail("too hot") end)')
    assert.equal(1, toy:o2x({ "run", "tend", "--tenants=alpha,beta" }).code)
    toy:runbook(
      "tend",
      'toy.ensure("bed of " .. tenant.name, 1) step("plant", function() toy.ensure(tenant.name, 1) end)'
    )
    assert.equal(1, toy:o2x({ "resume" }).code)
    assert.equal(0, toy:o2x({ "resume", "--edited" }).code)
    assert.same({ alpha = 1, beta = 1, ["bed of alpha"] = 1, ["bed of beta"] = 1 }, toy:holds())
  end)
end)
