-- What a resumed run does with each record of its journal, for each class of effects: the script may have been
-- corrected, the write may have happened or not, somebody else may have changed the value. `gates` is the gate over a
-- table.

local gates = require "tests.support.memory_gate"
local resume = require "o2x.engine.resume"

local WRITTEN = { thing = true, marked = true, asked = true }

-- A run that wants "A" where "old" is, killed before or after its write took place.
local function killed(kind, took_place)
  local g = gates.new { system = { x = "old" } }
  if took_place then
    g.run.journal.append = (function(append)
      return function(self, record)
        if record.t == "result" then error("killed", 0) end
        append(self, record)
      end
    end)(g.run.journal.append)
  else
    g:crash_after "intent"
  end
  pcall(g.effect, g, kind, "x", "A")
  assert.equal(took_place and "A" or "old", g.system.x)
  return g
end

local function message(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return tostring(err), err
end

for kind in pairs(WRITTEN) do
  describe("a resumed effect of type " .. kind, function()
    it("whose write took place is not written again", function()
      local again = killed(kind, true):resumed()
      assert.same({ "A", "changed" }, { again:effect(kind, "x", "A") })
      assert.is_nil(again.attempts.x)
      assert.same({ "x: old → A changed" }, again:effects())
    end)

    it("whose write did not take place is written, and the before-image stays", function()
      local again = killed(kind, false):resumed()
      assert.same({ "A", "changed" }, { again:effect(kind, "x", "A") })
      assert.equal(1, again.attempts.x)
      assert.same({ "x: old → A changed" }, again:effects())
    end)

    it("converges to what the corrected script wants, after a write that took place", function()
      local again = killed(kind, true):resumed()
      assert.same({ "B", "changed" }, { again:effect(kind, "x", "B") })
      assert.equal("B", again.system.x)
      assert.same({ "x: old → A changed", "x: A → B changed" }, again:effects())
    end)

    it("converges to what the corrected script wants, after a write that did not take place", function()
      local again = killed(kind, false):resumed()
      assert.same({ "B", "changed" }, { again:effect(kind, "x", "B") })
      assert.equal("B", again.system.x)
      assert.same({ "x: old → A dropped", "x: old → B changed" }, again:effects())
    end)

    it("converges when the script is corrected back and forth", function()
      local g = gates.new { system = { x = "old" } }
      for _, wanted in ipairs { "A", "B", "A", "B" } do
        g:effect(kind, "x", wanted)
        assert.equal(wanted, g.system.x)
        g = g:resumed()
      end
      assert.equal(4, #g:effects())
    end)

    for _, took_place in ipairs { true, false } do
      local when = took_place and "after the write" or "instead of the write"
      it("stops at somebody else's change " .. when .. ", with the three values", function()
        for _, wanted in ipairs { "A", "B" } do
          local g = killed(kind, took_place)
          g.system.x = "theirs"
          local again = g:resumed()
          local text, err = message(again.effect, again, kind, "x", wanted)
          assert.equal("conflict", err.kind)
          assert.matches("changed outside this run", text, 1, true)
          assert.matches("old → A", text, 1, true)
          assert.matches("old → theirs", text, 1, true)
          assert.matches("o2x resume R%-%d+ %-%-take%-over=%x+", err.hint)
          assert.equal("theirs", again.system.x)
        end
      end)

      it("overwrites it when the operator says so, and its before-image is theirs " .. when, function()
        for _, wanted in ipairs { "A", "B" } do
          local g = killed(kind, took_place)
          g.system.x = "theirs"
          local again = g:resumed { "x" }
          assert.equal(wanted, (again:effect(kind, "x", wanted)))
          assert.equal(wanted, again.system.x)
          local list = again:effects()
          assert.equal(("x: theirs → %s changed"):format(wanted), list[#list])
        end
      end)

      it("is content when somebody else did just what is wanted " .. when, function()
        local g = killed(kind, took_place)
        g.system.x = "B"
        local again = g:resumed()
        assert.equal("B", (again:effect(kind, "x", "B")))
        assert.is_nil(again.attempts.x)
      end)
    end

    it("that is finished is recalled without a question", function()
      local g = gates.new { system = { x = "old" } }
      g:effect(kind, "x", "A")
      g.system.x = "theirs"
      local again = g:resumed()
      assert.same({ "A", "changed" }, { again:effect(kind, "x", "A") })
      assert.equal("theirs", again.system.x)
    end)

    it("that is finished and now wants something else stops at somebody else's change", function()
      local g = gates.new { system = { x = "old" } }
      g:effect(kind, "x", "A")
      g.system.x = "theirs"
      local again = g:resumed()
      local _, err = message(again.effect, again, kind, "x", "B")
      assert.equal("foreign_change", err.code)
      assert.equal("theirs", again.system.x)
    end)
  end)
end

describe("a write that was cut short", function()
  it("goes on, and what was there before it counts", function()
    local g = gates.new { system = { x = "old" } }
    g.cut = "killed"
    pcall(g.effect, g, "halves", "x", "A")
    assert.equal("half", g.system.x)
    local again = g:resumed()
    assert.equal("A", (again:effect("halves", "x", "A")))
    assert.same({ "x: old → A changed" }, again:effects())
  end)

  it("counts also where the script was corrected meanwhile", function()
    local g = gates.new { system = { x = "old" } }
    g.cut = "killed"
    pcall(g.effect, g, "halves", "x", "A")
    local again = g:resumed()
    assert.equal("B", (again:effect("halves", "x", "B")))
    assert.same({ "x: old → A dropped", "x: old → B changed" }, again:effects())
  end)

  it("has its info asked for afterwards", function()
    local g = gates.new { system = { x = "old" } }
    g:crash_after "intent"
    pcall(g.effect, g, "halves", "x", "A")
    g.system.x = "A"
    local again = g:resumed()
    again:effect("halves", "x", "A")
    assert.same({ version = "of A" }, again:past().history.effects[1].info)
  end)
end)

describe("the end of a resumed run", function()
  it("settles what the script did not come by again, so that nothing is begun for ever", function()
    for _, took_place in ipairs { true, false } do
      local again = killed("marked", took_place):resumed()
      assert.same({}, resume.settle(again.gate))
      assert.same({ "x: old → A " .. (took_place and "changed" or "dropped") }, again:effects())
    end
  end)

  it("says what it could not ask", function()
    local g = gates.new { system = {} }
    g:crash_after "intent"
    pcall(g.effect, g, "blind", "x", "A")
    local problems = resume.settle(g:resumed().gate)
    assert.equal(1, #problems)
    assert.matches("blind x: ", problems[1], 1, true)
  end)
end)
