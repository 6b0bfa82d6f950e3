local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local task = require "o2x.base.task"

local function raised(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

describe("task.spawn", function()
  it("gives the results of the task to whoever joins it", function()
    assert.same({ 1, 2 }, { task.spawn(function() return 1, 2 end):join() })
  end)

  it("raises the task's error at the join", function()
    local handle = task.spawn(errors.input, "bad")
    assert.equal("bad", raised(handle.join, handle).message)
    assert.is_true(handle:done())
  end)

  it("cancels a task at its next wait", function()
    local handle = task.spawn(task.sleep, 60)
    handle:cancel()
    assert.equal(errors.cancelled, raised(handle.join, handle))
  end)
end)

describe("task.each", function()
  it("gives the results in the order of the list, whichever is ready first", function()
    local second = task.event()
    local results = task.each({ "a", "b" }, function(item)
      if item == "a" then
        task.wait(second, 60)
      else
        second:set()
      end
      return item:upper()
    end)
    assert.same({ "A", "B" }, results)
  end)

  it("runs at most so many at a time", function()
    local running, most = 0, 0
    task.each({ 1, 2, 3, 4, 5, 6 }, function()
      running = running + 1
      most = math.max(most, running)
      task.sleep(0.001)
      running = running - 1
    end, { limit = 2 })
    assert.equal(2, most)
  end)

  it("ends the others when one fails, and raises its error", function()
    local ended = 0
    local err = raised(task.each, { 1, 2, 3 }, function(i)
      if i == 3 then errors.input "third" end
      local _ended <close> = defer(function() ended = ended + 1 end)
      task.sleep(60)
    end)
    assert.equal("third", err.message)
    assert.equal(2, ended)
  end)

  it("does nothing with an empty list", function() assert.same({}, task.each({}, error)) end)
end)

describe("task.parallel", function()
  it("gives each result under its key", function()
    local function give(v)
      return function() return v end
    end
    assert.same({ a = 1, b = 2 }, task.parallel { a = give(1), b = give(2) })
  end)
end)

describe("task.timeout", function()
  it("gives the results of what is ready in time", function()
    assert.same({ 1, 2 }, { task.timeout(60, function() return 1, 2 end) })
  end)

  it("ends what takes too long", function()
    local err = raised(task.timeout, 0.001, task.sleep, 60)
    assert.equal("timeout", err.kind)
    assert.matches("longer than 0.001 s", err.message)
  end)

  it("passes an error on", function() assert.equal("bad", raised(task.timeout, 60, errors.input, "bad").message) end)
end)

describe("task.within", function()
  it("sets a field of the context for the time of a call", function()
    task.within("colour", "red", function() assert.equal("red", task.context().colour) end)
    assert.is_nil(task.context().colour)
  end)

  it("sets it back after an error", function()
    pcall(task.within, "colour", "red", error, "x")
    assert.is_nil(task.context().colour)
  end)

  it("is seen by tasks that are started inside", function()
    task.within("colour", "red", function()
      assert.equal("red", task.spawn(function() return task.context().colour end):join())
    end)
  end)
end)

describe("a coroutine", function()
  it("may wait inside a generator", function()
    local next_item = coroutine.wrap(function()
      task.sleep(0.001)
      coroutine.yield "one"
      task.sleep(0.001)
      coroutine.yield "two"
    end)
    assert.equal("one", next_item())
    assert.equal("two", next_item())
  end)
end)
