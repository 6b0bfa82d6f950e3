--- Answers that several tasks share for a short time: whoever asks while the same question is under way waits for its
--- answer instead of asking again. What is shared must not be changed.

local task = require "o2x.base.task"

local M = {}

local Memo = {}
Memo.__index = Memo

--- An empty memo.
---@param seconds number for how long an answer counts; 0: only for those who ask while the question is under way
---@return table memo
function M.new(seconds) return setmetatable({ seconds = seconds, entries = {} }, Memo) end

--- Forgets all answers, also those that are still under way: something was changed.
function Memo:forget() self.entries = {} end

-- Asks, and wakes those who wait. A cancelled task leaves the question to the next one.
local function ask(self, key, entry, fn)
  local results = table.pack(pcall(fn))
  entry.results, entry.at = results, task.now()
  local failed = not results[1]
  if (failed or self.seconds <= 0) and self.entries[key] == entry then self.entries[key] = nil end
  for _, turn in ipairs(entry.waiting) do
    turn:set()
  end
  if failed then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

-- Each task has an event of its own: one event wakes one task.
local function wait(entry)
  local turn = task.event()
  entry.waiting[#entry.waiting + 1] = turn
  task.wait(turn, math.huge)
  return entry.results
end

local function is_cancelled(err) return type(err) == "table" and err.kind == "cancelled" end

--- The answer to a question; fn is called if nobody has it. An error goes to all who wait for the answer.
---@param key any the question
---@param fn fun(): any
---@return any results of fn
function Memo:get(key, fn)
  while true do
    local entry = self.entries[key]
    if not entry or entry.at and task.now() - entry.at > self.seconds then
      entry = { waiting = {} }
      self.entries[key] = entry
      return ask(self, key, entry, fn)
    end
    local results = entry.results or wait(entry)
    if results[1] then return table.unpack(results, 2, results.n) end
    if not is_cancelled(results[2]) then error(results[2], 0) end
  end
end

return M
