local breaker = require "o2x.base.breaker"
local errors = require "o2x.base.error"
local task = require "o2x.base.task"

-- A server that answers, hangs until its client gives up, or refuses.
local function server()
  local one = { asked = 0 }
  function one.ask(patience)
    one.asked = one.asked + 1
    if one.mood == "hangs" then
      task.sleep(patience)
      errors.raise { kind = "timeout", module = "x", message = "no answer in time" }
    elseif one.mood == "refuses" then
      errors.raise { kind = "unreachable", module = "x", message = "refuses connections" }
    end
    return "answer", one.asked
  end
  return one
end

local function ask(one, patience)
  local start = task.now()
  local ok, result = pcall(breaker.guard, "the server", one.ask, patience or 60)
  return ok and result or errors.wrap(result).code or errors.wrap(result).kind, task.now() - start
end

-- Seconds of waiting take none: the clock runs two hundred times as fast meanwhile.
local function quickly(fn)
  local hasten = require("o2x.core.forks").hasten
  hasten(200)
  local ok, problem = pcall(breaker.within, fn)
  hasten(1)
  if not ok then error(problem, 0) end
end

describe("a breaker", function()
  it("does nothing but call where there is none", function()
    assert.is_false(breaker.active())
    assert.equal("answer", breaker.guard("x", function() return "answer" end))
  end)

  it("gives a silent server one short try, and asks no more", function()
    quickly(function()
      local one = server()
      assert.equal("answer", ask(one))
      one.mood = "hangs"
      local what, seconds = ask(one, 60)
      assert.equal("timeout", what)
      assert.is_true(seconds >= 60)
      what, seconds = ask(one, 60)
      assert.equal(breaker.CODE, what)
      assert.is_true(seconds < 30, tostring(seconds))
      for _ = 1, 50 do
        what = ask(one, 60)
        assert.equal(breaker.CODE, what)
      end
      assert.equal(3, one.asked)
    end)
  end)

  it("forgets the silence of a server that answers the short try", function()
    quickly(function()
      local one = server()
      one.mood = "hangs"
      ask(one, 60)
      one.mood = nil
      assert.equal("answer", ask(one))
      one.mood = "hangs"
      assert.equal("timeout", (ask(one, 60)))
    end)
  end)

  describe("of what is behind a server", function()
    local function ask_behind(name, one)
      local ok, result = pcall(breaker.guard_behind, "the proxy", name, one.ask, 60)
      return ok and result or errors.wrap(result).code or errors.wrap(result).kind
    end

    it("is its own where the server answers others", function()
      quickly(function()
        local dead, alive = server(), server()
        dead.mood = "hangs"
        assert.equal("timeout", ask_behind("dead", dead))
        for _ = 1, 5 do
          assert.equal(breaker.CODE, ask_behind("dead", dead))
        end
        assert.equal(2, dead.asked)
        assert.equal("answer", ask_behind("alive", alive))
        assert.equal("answer", breaker.guard("the proxy", alive.ask))
      end)
    end)

    it("is the server's where nobody behind it answers", function()
      quickly(function()
        local dead = server()
        dead.mood = "hangs"
        assert.equal("timeout", ask_behind("one", dead))
        for i = 1, 15 do
          assert.equal(breaker.CODE, ask_behind("other " .. i, dead))
        end
        assert.equal(2, dead.asked)
        assert.is_false((pcall(breaker.guard, "the proxy", dead.ask, 60)))
        assert.equal(2, dead.asked)
      end)
    end)
  end)

  it("is one for each server", function()
    quickly(function()
      local one = server()
      one.mood = "hangs"
      ask(one, 60)
      ask(one, 60)
      assert.equal("fine", breaker.guard("another", function() return "fine" end))
    end)
  end)

  it("is not for one that refuses at once, or whose client is impatient", function()
    quickly(function()
      local one = server()
      for _, mood in ipairs { "refuses", "hangs" } do
        one.mood = mood
        for _ = 1, 5 do
          ask(one, 0)
        end
      end
      assert.equal(10, one.asked)
    end)
  end)

  it("takes a client that gave up first for a sign of silence, too", function()
    quickly(function()
      local one = server()
      one.mood = "hangs"
      pcall(task.timeout, 10, breaker.guard, "the server", one.ask, 60)
      assert.equal(breaker.CODE, (ask(one, 60)))
    end)
  end)

  it("does not blame a server that answers others meanwhile", function()
    quickly(function()
      local slow, quick = server(), server()
      slow.mood = "hangs"
      task.parallel {
        function() pcall(breaker.guard, "the server", slow.ask, 60) end,
        function()
          task.sleep(20)
          breaker.guard("the server", quick.ask)
        end,
      }
      assert.equal("timeout", (ask(slow, 60)))
    end)
  end)
end)
