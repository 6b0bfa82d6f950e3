-- What a resumed run took for somebody else's change, or did not see: two effects on one target within a step; a step
-- that was renamed; a corrected script that names other columns; bytes that are no text; a text with a secret in it.
-- What was left begun when the script lived with a failure. A word of --take-over that names nothing was ignored.

local gates = require "tests.support.memory_gate"
local resume = require "o2x.engine.resume"
local mask = require "o2x.base.mask"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"
local toys = require "tests.support.toy"

-- The gate in a step of that name.
local function within(name, g, ...)
  return task.within("step_path", name, function(...) return g:effect(...) end, ...)
end

local KINDS = { "thing", "marked", "asked" }

-- A run that is killed before or after the write of "A" where "old" is, in step S.
local function killed(kind, took_place)
  local g = gates.new { system = { x = "old" } }
  g.crash = "intent"
  pcall(within, "S", g, kind, "x", "A")
  local id = g.records[1].effect
  if took_place then
    g.system.x, g.markers[id] = "A", true
  end
  return g
end

local function foreign(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.equal("foreign_change", err.code, tostring(err))
end

for _, kind in ipairs(KINDS) do
  describe("two effects of type " .. kind .. " on one target in one step", function()
    it("are both done again, in order, where the first was corrected", function()
      local g = gates.new { system = { x = "old" } }
      g:effect(kind, "x", "A")
      g:effect(kind, "x", "B")
      local again = g:resumed()
      again:effect(kind, "x", "A2")
      again:effect(kind, "x", "B")
      assert.equal("B", again.system.x)
      assert.same({
        "x: old → A changed",
        "x: A → B changed",
        "x: B → A2 changed",
        "x: A2 → B changed",
      }, again:effects())
    end)

    it("are recalled where nothing was corrected", function()
      local g = gates.new { system = { x = "old" } }
      g:effect(kind, "x", "A")
      g:effect(kind, "x", "B")
      local again = g:resumed()
      again:effect(kind, "x", "A")
      again:effect(kind, "x", "B")
      assert.same({}, again.attempts)
    end)

    it("converge where the correction was interrupted, too", function()
      local g = gates.new { system = { x = "old" } }
      g:effect(kind, "x", "A")
      g:effect(kind, "x", "B")
      local second = g:resumed()
      second:effect(kind, "x", "A2")
      local third = second:resumed()
      third:effect(kind, "x", "A2")
      third:effect(kind, "x", "B")
      assert.equal("B", third.system.x)
      assert.equal(1, third.attempts.x)
    end)

    it("are no conflict where the first failed and the script lived with it", function()
      local g = gates.new { system = { x = "old" } }
      g:fail("x", { kind = "refused" })
      assert.is_false(pcall(g.effect, g, kind, "x", "A"))
      g:effect(kind, "x", "B")
      local again = g:resumed()
      again:effect(kind, "x", "A")
      again:effect(kind, "x", "B")
      assert.equal("B", again.system.x)
    end)

    it("are still a conflict with what somebody else wrote", function()
      local g = gates.new { system = { x = "old" } }
      g:effect(kind, "x", "A")
      g:effect(kind, "x", "B")
      g.system.x = "theirs"
      local again = g:resumed()
      foreign(again.effect, again, kind, "x", "A2")
      assert.equal("theirs", again.system.x)
    end)
  end)

  describe("an effect of type " .. kind .. " whose step was renamed", function()
    it("stops at somebody else's change", function()
      for _, took_place in ipairs { true, false } do
        local g = killed(kind, took_place)
        g.system.x = "theirs"
        local again = g:resumed()
        foreign(within, "T", again, kind, "x", "A")
        assert.equal("theirs", again.system.x)
      end
    end)

    it("takes it over when the operator says so", function()
      local g = killed(kind, true)
      g.system.x = "theirs"
      local again = g:resumed { "x" }
      within("T", again, kind, "x", "B")
      assert.equal("B", again.system.x)
      local list = again:effects()
      assert.equal("x: theirs → B changed", list[#list])
    end)

    it("has true records of both", function()
      local first = { [true] = "x: old → A changed", [false] = "x: old → A dropped" }
      local second = { [true] = "x: A → B changed", [false] = "x: old → B changed" }
      for _, took_place in ipairs { true, false } do
        local again = killed(kind, took_place):resumed()
        within("T", again, kind, "x", "B")
        assert.same({}, resume.settle(again.gate))
        assert.same({ first[took_place], second[took_place] }, again:effects())
      end
    end)
  end)

  describe("bytes of type " .. kind .. " that are no text", function()
    it("are corrected like others", function()
      local g = gates.new { system = { x = "old\xFF" } }
      g.crash = "intent"
      pcall(g.effect, g, kind, "x", "A\xFE")
      g.system.x, g.markers[g.records[1].effect] = "A\xFE", true
      local again = g:resumed()
      again:effect(kind, "x", "B\xFD")
      assert.equal("B\xFD", again.system.x)
      local outcomes = {}
      for i, entry in ipairs(again:past().history.effects) do
        outcomes[i] = entry.outcome
      end
      assert.same({ "changed", "changed" }, outcomes)
    end)

    it("are known where the script does not come by again", function()
      local g = gates.new { system = { x = "old\xFF" } }
      g.crash = "intent"
      pcall(g.effect, g, kind, "x", "A\xFE")
      g.system.x, g.markers[g.records[1].effect] = "A\xFE", true
      local again = g:resumed()
      assert.same({}, resume.settle(again.gate))
      assert.equal("changed", again:past().history.effects[1].outcome)
    end)
  end)
end

describe("what was begun when the script lived with the failure", function()
  it("is settled at the end of the same run", function()
    local g = gates.new { system = { x = "old" } }
    g:fail("x", { kind = "cancelled" })
    assert.is_false(pcall(g.effect, g, "thing", "x", "A"))
    assert.same({ "x: old → A begun" }, g:effects())
    assert.same({}, resume.settle(g.gate))
    assert.same({ "x: old → A dropped" }, g:effects())
  end)

  it("is settled after a conflict, too", function()
    local g = killed("thing", false)
    g.system.x = "theirs"
    local again = g:resumed()
    foreign(within, "S", again, "thing", "x", "A")
    assert.same({}, resume.settle(again.gate))
    assert.same({ "x: old → A dropped" }, again:effects())
  end)

  it("is failed where the system cannot be asked", function()
    local g = gates.new { system = {} }
    g:fail("x", { kind = "cancelled" })
    assert.is_false(pcall(g.effect, g, "blind", "x", "A"))
    assert.equal(1, #resume.settle(g.gate))
    assert.same({ "x: nil → A failed" }, g:effects())
  end)
end)

describe("a transaction that was not committed, where somebody else did what is wanted", function()
  it("is dropped: this run changed nothing", function()
    local g = killed("marked", false)
    g.system.x = "A"
    local again = g:resumed()
    assert.equal("unchanged", select(2, within("S", again, "marked", "x", "A")))
    assert.is_nil(again.attempts.x)
    assert.equal("x: old → A dropped", again:effects()[1])
  end)
end)

describe("a value with a secret in its text", function()
  it("is what it was, though the journal has it masked", function()
    local hidden = secret.new("hunter2hunter2", "a password")
    local g = gates.new { system = { x = "old" } }
    local append = g.run.journal.append
    g.run.journal.append = function(self, record)
      if record.t == "intent" then
        record.before, record.masked = mask.record(record.before)
      end
      return append(self, record)
    end
    g.system.x = "url:hunter2hunter2@host"
    g.crash = "intent"
    pcall(g.effect, g, "thing", "x", "A")
    assert.equal("url:******@host", g.records[1].before["$masked"])
    local again = g:resumed()
    again:effect("thing", "x", "A")
    assert.equal("A", again.system.x)
    secret.wipe(hidden)
  end)
end)

describe("--take-over with a word that names no effect", function()
  it("is refused, not ignored", function()
    local toy <close> = toys.new()
    toy:runbook("tend", 'step("plant", function() toy.ensure(tenant.name, 1) end)')
    assert.equal(9, toy:o2x({ "run", "tend", "alpha" }, { O2X_KILL_AT = "2" }).signal)
    local id = toy:json({ "show", "--json" }).effects[1].id
    local unknown <const> = "has no such effect"
    for word, why in pairs { nonsense = unknown, [id:sub(1, 5)] = unknown, [""] = "is empty" } do
      local refused = toy:o2x { "resume", "--take-over=" .. word }
      assert.equal(3, refused.code)
      assert.matches(why, refused.stderr, 1, true)
    end
    assert.equal(0, toy:o2x({ "resume", "--take-over=" .. id:sub(1, 6) }).code)
    assert.same({ alpha = 1 }, toy:holds())
  end)
end)
