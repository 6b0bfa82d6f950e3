-- The gate by itself: types in memory, a journal in memory.

local errors = require "o2x.base.error"
local gates = require "tests.support.memory_gate"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

describe("the gate in a plan", function()
  it("lets later reads see earlier writes, and writes nothing", function()
    local g = gates.new { mode = "plan", system = { a = 1 } }
    assert.equal(1, g:read("thing", "a"))
    assert.equal(2, (g:effect("thing", "a", 2)))
    assert.equal(2, g:read("thing", "a"))
    assert.same({ nil, "deleted" }, { g:effect("thing", "a", nil) })
    assert.is_nil(g:read("thing", "a"))
    assert.equal("created", select(2, g:effect("thing", "b", { x = 1 })))
    assert.equal("unchanged", select(2, g:effect("thing", "b", { x = 1 })))
    assert.same({ a = 1 }, g.system)
    assert.same({ created = 1, changed = 1, deleted = 1, unchanged = 1 }, g.run.plan:counts())
  end)

  it("asks nobody about what is inside something that does not exist yet", function()
    local g = gates.new { mode = "plan", system = {} }
    assert.has_error(function() g:read("room", "house/roof") end) -- no house: the system says so
    g:effect("house", "house", {})
    assert.is_nil(g:read("room", "house/roof"))
    assert.is_nil(g:read("shelf", "house/roof/left"))
    assert.equal("created", select(2, g:effect("shelf", "house/roof/left", 1)))
  end)

  it("carries what cannot be known", function()
    local g = gates.new { mode = "plan", system = {} }
    local made = g:effect("numbered", "n", {})
    assert.is_true(value.is_unknown(made.id))
    g:effect("thing", "sign", "number " .. made.id)
    assert.truthy(g:plan_text():find("+ (known after apply)", 1, true))
  end)
end)

describe("a plan", function()
  it("marks what cannot be undone", function()
    local g = gates.new { mode = "plan", system = {} }
    g:effect("thing", "a", 1)
    g:effect("blind", "b", 1)
    assert.truthy(g:plan_text():find("! cannot be undone: what was heard", 1, true))
    local changes = g.run.plan:data().changes
    assert.is_nil(changes[1].irreversible)
    assert.equal("what was heard", changes[2].irreversible)
  end)

  it("goes on after an effect that cannot be planned, unless the script wants to know", function()
    local g = gates.new { mode = "plan", system = {} }
    g:effect("room", "house/roof", 1)
    g:effect("thing", "a", 1)
    assert.equal("no such house", g.run.plan.problems[1].error.message)
    assert.equal(1, #g.run.plan.changes)
    assert.is_false(g.run.plan:is_ready())
  end)
end)

describe("the gate in a run", function()
  it("journals what it is about to do before it does it, and what came of it", function()
    local g = gates.new { system = { a = 1 } }
    g:effect("thing", "a", 2)
    g:effect("thing", "a", 2)
    assert.same({ "intent thing a 1 → 2", "write a", "result changed 2", "same thing a" }, g.trace)
  end)

  it("keeps secrets out of the journal, and gives them back when it is resumed", function()
    local g = gates.new { system = {} }
    g:effect("thing", "door", { key = secret.new("open-sesame-open", "door/key") })
    local past = g:past()
    assert.is_nil(require("o2x.base.json").encode(g.records):find("open-sesame", 1, true))
    local again = gates.new { system = g.system, past = past, id = g.run.id }
    local got = again:effect("thing", "door", { key = secret.new("open-sesame-open", "door/key") })
    assert.is_true(secret.equal(got.key, "open-sesame-open"))
    assert.same({}, again.trace)
  end)

  it("tries again what was surely not done, looks first when that is not sure, and gives up on the rest", function()
    local g = gates.new { system = {} }
    g:fail("a", { kind = "unreachable", retryable = true })
    g:effect("thing", "a", 1)
    assert.equal(2, g.attempts.a)
    g:fail("b", { kind = "unknown" }, true)
    g:effect("thing", "b", 1)
    assert.equal(1, g.attempts.b)
    g:fail("c", { kind = "unknown" })
    g:effect("thing", "c", 1)
    assert.equal(2, g.attempts.c)
    g:fail("d", { kind = "failed" })
    assert.has_error(function() g:effect("thing", "d", 1) end)
    assert.equal(1, g.attempts.d)
    g:fail("e", { kind = "conflict", retryable = true }, true) -- somebody else did the very same
    g:effect("thing", "e", 1)
    assert.equal(1, g.attempts.e)
    g:fail("f", { kind = "unknown" })
    local ok, err = pcall(g.effect, g, "blind", "f", 1)
    assert.is_false(ok)
    assert.equal("unknown", err.kind)
  end)

  it("waits as long as the server says, within reason", function()
    local retry = require "o2x.base.retry"
    assert.equal(7, retry.pause(1, errors.new { kind = "unreachable", message = "", retry_after = 7 }))
    assert.equal(60, retry.pause(1, errors.new { kind = "unreachable", message = "", retry_after = "3600" }))
    for n = 1, 20 do
      local pause = retry.pause(n, errors.new { kind = "unreachable", message = "" })
      assert.is_true(pause >= 0 and pause <= 10)
    end
  end)

  it("resumes what was intended: by probe or by reading, and keeps the first before", function()
    for done = 0, 1 do
      local g = gates.new { system = { a = 1, h = nil } }
      g:crash_after("intent")
      pcall(g.effect, g, "thing", "a", 2)
      if done == 1 then g.system.a = 2 end
      local again = gates.new { system = g.system, past = g:past(), id = g.run.id }
      assert.equal("changed", select(2, again:effect("thing", "a", 2)))
      assert.equal(done == 0 and 1 or nil, again.attempts.a)
      assert.equal(2, g.system.a)
      assert.equal(1, g:past().history.effects[1].before)
    end
  end)

  it("takes an effect whose desire was edited for a new one", function()
    local g = gates.new { system = {} }
    g:effect("thing", "a", 1)
    local again = gates.new { system = g.system, past = g:past(), id = g.run.id }
    assert.same({ 3, "changed" }, { again:effect("thing", "a", 3) })
    assert.equal(3, g.system.a)
  end)

  it("tells apart two effects on one target in one step", function()
    local g = gates.new { system = {} }
    g:effect("thing", "a", 1)
    g:effect("thing", "a", 2)
    local again = gates.new { system = g.system, past = g:past(), id = g.run.id }
    assert.same({ 1, "created" }, { again:effect("thing", "a", 1) })
    assert.same({ 2, "changed" }, { again:effect("thing", "a", 2) })
    assert.same({}, again.trace)
    assert.equal(2, g.system.a)
  end)
end)
