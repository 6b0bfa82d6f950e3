local plan = require "o2x.engine.plan"
local raised = require "tests.support.raised"
local skip = require "o2x.engine.skip"

-- What proves that a step is done is seen from outside: tests/e2e/skip_spec.lua.
describe("a step that is skipped", function()
  local HISTORY <const> = {
    id = "R-1",
    steps = {
      { path = "Make", status = "done" },
      { path = "House", status = "failed" },
      { path = "House/Wall", status = "skipped" },
    },
  }

  it("is found by its number or its path, whether the run has come to it or not", function()
    assert.equal("House", skip.step_of(HISTORY, "2"))
    assert.equal("House", skip.step_of(HISTORY, "House"))
    assert.equal("After", skip.step_of(HISTORY, "After"))
  end)

  it("is no step that is finished, or in one", function()
    assert.matches("Make is done already", raised(skip.step_of, HISTORY, "Make").message)
    assert.matches("House/Wall is skipped already", raised(skip.step_of, HISTORY, "3").message)
    assert.matches("House/Wall is skipped already", raised(skip.step_of, HISTORY, "House/Wall/Left").message)
  end)

  it("has a reason of one line", function()
    assert.equal("by hand", skip.reason "  by hand\t ")
    for _, text in ipairs { "", "  ", "a\nb", "a\27[31m", "\xff", ("x"):rep(501) } do
      assert.equal("input", raised(skip.reason, text).kind, text)
    end
    assert.equal("input", raised(skip.reason).kind)
  end)

  it("shows what is missing as a plan does, without empty lines", function()
    local part = plan.new()
    part:change { kind = "toy.value", key = "a", path = "Make", outcome = "created", show = { lines = { "+ 1" } } }
    assert.same({ "+ create  ~ change  - delete", "toy", "  + a", "      + 1" }, skip.lines_of(part))
  end)
end)
