-- helm had deployed and waited for the answer of its last request, which never came. It was stopped at its deadline,
-- and the run rolled back what had succeeded. The gate looks at the system first.

local errors = require "o2x.base.error"
local gates = require "tests.support.memory_gate"
local proc = require "o2x.base.proc"

local function stopped() proc.run { argv = { "sleep", "100" }, timeout = 0.05 } end

-- The write leaves `left`, and its program is stopped then.
local function effect(kind, left)
  local g, calls = gates.new { system = { a = "before" } }, 0
  local write = g.gate:type_of(kind).write
  g.gate:type_of(kind).write = function(...)
    calls = calls + 1
    if left == "ours" then write(...) end
    stopped()
  end
  local ok, after, outcome = pcall(g.effect, g, kind, "a", "ours")
  g.gate:type_of(kind).write = write
  return calls, ok, after, outcome
end

describe("a program that was stopped at its deadline", function()
  for _, kind in ipairs { "thing", "marked", "asked" } do
    it("counts as done where it was: " .. kind, function()
      local calls, ok, after, outcome = effect(kind, "ours")
      assert.same({ 1, true, "ours", "changed" }, { calls, ok, after, outcome })
    end)
    it("has failed where it was not, and is not started again: " .. kind, function()
      local calls, ok, err = effect(kind, "before")
      assert.same({ 1, false, "timeout", "stopped" }, { calls, ok, err.kind, err.code })
      assert.truthy(errors.is(err))
    end)
  end
end)
