-- A write that was tried again overwrote what somebody else had changed meanwhile: the gate read the new value, took it
-- for the one before, and wrote. tests/unit/engine/overtaken_spec.lua has the kind, tests/servers/guards_spec.lua each
-- type.

local errors = require "o2x.base.error"
local gates = require "tests.support.memory_gate"

describe("a write that is tried again", function()
  it("does not overwrite what somebody else has written since", function()
    local g = gates.new { system = { a = "before" } }
    local kind = g.gate:type_of "thing"
    local write = kind.write
    kind.write = function(...)
      kind.write = write
      g.system.a = "theirs"
      errors.raise { kind = "unreachable", message = "busy", retryable = true }
    end
    local ok, err = pcall(g.effect, g, "thing", "a", "ours")
    assert.same({ false, "foreign_change", "theirs" }, { ok, err.code, g.system.a })
  end)
end)
