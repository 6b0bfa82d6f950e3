-- tostring(secret) in a text wrote its label into a DNS record, a file or a row, where the value was meant.
local memory_gate = require "tests.support.memory_gate"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"

describe("the gate", function()
  local key = secret.new("sesame-label", "mail/dkim")

  it("refuses the label of a secret where a value is expected", function()
    local g = memory_gate.new { system = {} }
    local err = raised(g.effect, g, "thing", "x", { "v=DKIM1; p=" .. tostring(key) })
    assert.equal("thing, 1: has the label of a secret, not its value", err.message)
    assert.is_nil(g.system.x)
  end)

  it("refuses it in the name of a target", function()
    local g = memory_gate.new { system = {} }
    assert.equal("refused", raised(g.effect, g, "thing", "x" .. tostring(key), "a").kind)
  end)
end)
