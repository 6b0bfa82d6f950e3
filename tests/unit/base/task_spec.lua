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

-- Coroutines are used again: whatever the task before did, the next one has nothing of it.
describe("a task after another", function()
  local function deep(n) return n == 0 and 0 or 1 + deep(n - 1) end

  for name, before in pairs {
    ["that returned"] = function() return 1, 2, 3 end,
    ["that raised"] = function() error "no" end,
    ["that was cancelled"] = function() task.sleep(60) end,
    ["that went deep"] = function() return deep(10000) end,
    ["that set its context"] = function() task.context().left_behind = true end,
    ["that closed something"] = function()
      local _closed <close> = setmetatable({}, { __close = function() task.sleep(0) end })
      error "while it closes"
    end,
    ["that waited until its deadline"] = function() task.wait(task.event(), 0.001) end,
  } do
    it("begins anew: one " .. name, function()
      local other = task.spawn(task.sleep, 60) -- or the waits for nothing would be a deadlock
      for _ = 1, 3 do
        local first = task.spawn(before)
        if name == "that was cancelled" then
          task.sleep(0)
          first:cancel()
        end
        first:wait()
        local second = task.spawn(function(...)
          local event = task.event()
          local waited = task.wait(event, 0.005)
          return waited, task.cancelled(), task.context().left_behind, select("#", ...), ...
        end, "a", nil)
        assert.same({ nil, false, nil, 2, "a" }, { second:join() })
      end
      other:cancel()
      other:wait()
    end)
  end

  it("lets the one before be asked still", function()
    local first = task.spawn(function() return "mine" end)
    first:wait()
    local second = task.spawn(function() task.sleep(60) end)
    task.sleep(0)
    first:cancel() -- it has ended: nobody else is cancelled
    assert.is_nil(first:traceback())
    assert.equal("mine", first:join())
    assert.is_false(second:done())
    second:cancel()
    second:wait()
  end)
end)
