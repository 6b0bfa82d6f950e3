-- What follows when somebody else was faster: type by type of what is there then.

local errors = require "o2x.base.error"
local gates = require "tests.support.memory_gate"
local guard = require "o2x.base.guard"

-- Somebody changes the system between the comparison and the write; `fault` is what the write says then.
local function overtaken(kind, before, meanwhile, fault)
  local g = gates.new { system = { a = before } }
  local write = g.gate:type_of(kind).write
  local calls = 0
  g.gate:type_of(kind).write = function(...)
    calls = calls + 1
    if calls > 1 then return write(...) end
    g.system.a = meanwhile
    fault()
  end
  local ok, after, outcome = pcall(g.effect, g, kind, "a", "ours")
  g.gate:type_of(kind).write = write
  return g, ok, after, outcome, calls
end

local function refuses() guard.refuse("memory", "a") end

local function is_busy() errors.raise { kind = "unreachable", message = "busy", retryable = true } end

local function is_lost() errors.raise { kind = "unknown", message = "the answer was lost" } end

describe("a write that somebody else overtakes", function()
  for name, fault in pairs { refused = refuses, busy = is_busy, lost = is_lost } do
    for kind in pairs { thing = true, marked = true, asked = true } do
      it(("leaves the foreign value: %s, %s"):format(name, kind), function()
        local g, ok, err, _, calls = overtaken(kind, "before", "theirs", fault)
        assert.is_false(ok)
        assert.same({ "conflict", "foreign_change", 1 }, { err.kind, err.code, calls })
        assert.same({ "  before: before", "  ours:   ours", "  now:    theirs" }, err.details)
        assert.equal("theirs", g.system.a)
        local again = g:resumed()
        local problem = select(2, pcall(again.effect, again, kind, "a", "ours"))
        assert.equal("foreign_change", problem.code)
        assert.equal("theirs", g.system.a)
        local id = err.hint:match "%-%-take%-over=(%x+)$"
        again = g:resumed { id }
        assert.equal("ours", (again:effect(kind, "a", "ours")))
        assert.equal("ours", g.system.a)
      end)
    end
  end

  it("is not the run's where they did the same, so no undo takes it back", function()
    for _, before in ipairs { "before", false } do
      local g, ok, after, outcome, calls = overtaken("thing", before or nil, "ours", refuses)
      assert.same({ true, "ours", "unchanged", 1 }, { ok, after, outcome, calls })
      assert.same({ ("a: %s → ours dropped"):format(before or "nil") }, g:effects())
    end
  end)

  it("is the run's where an earlier attempt of it may have done it", function()
    local _, ok, after, outcome = overtaken("thing", "before", "ours", is_lost)
    assert.same({ true, "ours", "changed" }, { ok, after, outcome })
  end)

  it("is made again on what is there where only something else has changed", function()
    local _, ok, after, outcome, calls = overtaken("thing", "before", "before", refuses)
    assert.same({ true, "ours", "changed", 2 }, { ok, after, outcome, calls })
  end)

  it("goes on from what the system reaches by itself", function()
    local g, ok = overtaken("halves", "before", "half", is_lost)
    assert.is_true(ok)
    assert.equal("ours", g.system.a)
  end)
end)
