local raised = require "tests.support.raised"
local step_by_step = require "o2x.engine.step_by_step"

-- The questions themselves need a terminal: tests/e2e/step_by_step_spec.lua.
describe("step by step", function()
  it("is for the run of one tenant", function()
    local refusal = raised(step_by_step.check, true)
    assert.equal("input", refusal.kind)
    assert.matches("one tenant", refusal.message)
  end)

  it("lets a step of a hook, and one inside another step, pass without a question", function()
    local run = {}
    step_by_step.begin(run)
    for _, name in ipairs { "Hook before", "Hook after, done", "House/Wall" } do
      assert.equal(3, run.watch(name, function(a, b) return a + b end, 1, 2))
    end
  end)
end)
