local elsewhere = require "o2x.engine.elsewhere"
local raised = require "tests.support.raised"

describe("a run that a store does not have", function()
  it("was begun elsewhere where its whole id is known", function()
    local err = raised(elsewhere.refuse, "R-20261127-010045-e2b1", "/runs")
    assert.equal("unknown run R-20261127-010045-e2b1", err.message)
    assert.matches("those of /runs; [^\n]*where it was begun", err.hint)
  end)

  it("was mistyped else", function()
    local err = raised(elsewhere.refuse, "R-nosuch", "/runs", "; did you mean R-such?")
    assert.same(
      { "input", "unknown run R-nosuch; did you mean R-such?", "o2x runs lists them" },
      { err.kind, err.message, err.hint }
    )
  end)
end)
