-- A text that had a live secret in clear went wherever a script wrote it: files in git, ConfigMaps, messages.
local memory_gate = require "tests.support.memory_gate"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"

describe("the gate", function()
  local key = secret.new("sesame-in-the-clear", "stripe/api_key")

  it("refuses a value with the text of a secret, plain or encoded", function()
    for _, text in ipairs { "key: sesame-in-the-clear", "c2VzYW1lLWluLXRoZS1jbGVhcg==" } do
      local g = memory_gate.new { system = {} }
      local err = raised(g.effect, g, "thing", "x", { data = { text } })
      assert.equal("thing, data.1: has the text of a secret", err.message)
      assert.is_true(err.final)
      assert.is_nil(g.system.x)
    end
  end)

  it("refuses a secret where the effect takes none", function()
    local g = memory_gate.new { system = {} }
    assert.equal("marked, a: a secret must not go there", raised(g.effect, g, "marked", "x", { a = key }).message)
  end)
end)
