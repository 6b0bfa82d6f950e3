--- Lets so many tasks at a time do something; the others wait for their turn, in order.

local defer = require "o2x.base.defer"
local task = require "o2x.base.task"

local M = {}

local Turnstile = {}
Turnstile.__index = Turnstile

---@param places integer
---@return table turnstile
function M.new(places) return setmetatable({ free = places, waiting = {} }, Turnstile) end

-- The place goes to whoever waits longest, without being free in between.
function Turnstile:leave()
  local turn = table.remove(self.waiting, 1)
  if turn then
    turn:set()
  else
    self.free = self.free + 1
  end
end

function Turnstile:enter()
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
  self:leave() -- the turn had come just before the cancellation
  error(cancelled, 0)
end

--- Runs fn when there is a place.
---@param fn function
---@return any what fn returns
function Turnstile:run(fn, ...)
  self:enter()
  local _leave <close> = defer(function() self:leave() end)
  return fn(...)
end

return M
