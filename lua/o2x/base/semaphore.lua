--- A counting semaphore for tasks: at most n run at a time, the others wait in order.

local defer = require "o2x.base.defer"
local task = require "o2x.base.task"

local M = {}

local Semaphore = {}
Semaphore.__index = Semaphore

--- A semaphore.
---@param permits integer how many tasks may hold it at a time
---@return table semaphore
function M.new(permits) return setmetatable({ free = permits, waiting = {} }, Semaphore) end

--- Gives a permit back. It goes straight to the longest waiting task, so that no later one can take it first.
function Semaphore:release()
  local turn = table.remove(self.waiting, 1)
  if turn then
    turn:set()
  else
    self.free = self.free + 1
  end
end

--- Takes a permit; waits until one is free.
function Semaphore:acquire()
  if self.free > 0 then
    self.free = self.free - 1
    return
  end
  local turn = task.event()
  self.waiting[#self.waiting + 1] = turn
  local ok, cancelled = pcall(task.wait, turn, math.huge)
  if ok then return end
  for i, one in ipairs(self.waiting) do
    if one == turn then
      table.remove(self.waiting, i)
      error(cancelled, 0)
    end
  end
  self:release() -- the permit arrived just before the cancellation
  error(cancelled, 0)
end

--- Runs fn while holding a permit; waits until one is free.
---@param fn function
---@param ... any arguments of fn
---@return any the results of fn
function Semaphore:run(fn, ...)
  self:acquire()
  local _release <close> = defer(function() self:release() end)
  return fn(...)
end

return M
