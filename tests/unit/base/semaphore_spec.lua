local task = require "o2x.base.task"
local semaphore = require "o2x.base.semaphore"

describe("a semaphore", function()
  it("lets at most n tasks run at a time, in order", function()
    local gate, inside, most, order = semaphore.new(2), 0, 0, {}
    task.each({ 1, 2, 3, 4, 5 }, function(i)
      return gate:run(function()
        inside = inside + 1
        most = math.max(most, inside)
        order[#order + 1] = i
        task.sleep(0.005)
        inside = inside - 1
      end)
    end)
    assert.equal(2, most)
    assert.same({ 1, 2, 3, 4, 5 }, order)
    assert.equal(2, gate.free)
  end)

  it("releases the permit of a task that failed or was cancelled", function()
    local gate = semaphore.new(1)
    assert.is_false(pcall(gate.run, gate, error, "x"))
    local holder = task.spawn(gate.run, gate, task.sleep, 10)
    local waiter = task.spawn(gate.run, gate, task.sleep, 10)
    local second = task.spawn(gate.run, gate, function() return "in" end)
    task.sleep(0.005)
    waiter:cancel()
    assert.is_false((pcall(waiter.join, waiter)))
    holder:cancel()
    assert.equal("in", second:join())
    assert.is_false((pcall(holder.join, holder)))
    assert.equal(1, gate.free)
  end)
end)
