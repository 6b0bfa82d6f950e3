-- A timer that was due before the loop polled made it sleep until something else happened, with a task ready to run.
local event = require "o2x.core.event"
local task = require "o2x.base.task"

describe("a timer that is due already", function()
  it("does not wait for another event", function()
    local _far <close> = event.timer(30)
    local start = task.now()
    for _ = 1, 3 do
      local timer <close> = event.timer(0.005)
      local busy_until = task.now() + 0.01
      while task.now() < busy_until do
      end
      task.wait(timer, 60)
    end
    assert.is_true(task.now() - start < 20)
  end)
end)
