--- Waits for a condition, never for an amount of time.

local task = require "o2x.base.task"

local SECONDS <const> = 60 -- for a machine with much else to do; a test that meets it has failed
local POLL <const> = 0.02

--- Waits until a condition holds.
---@generic T
---@param what string named when it does not come about: "the child's end"
---@param condition fun(): T?
---@param seconds number? 60 if absent
---@return T what the condition gave
return function(what, condition, seconds)
  local deadline = task.now() + (seconds or SECONDS)
  while true do
    local found = condition()
    if found then return found end
    if task.now() > deadline then error(("not within %d s: %s"):format(seconds or SECONDS, what), 2) end
    task.sleep(POLL)
  end
end
