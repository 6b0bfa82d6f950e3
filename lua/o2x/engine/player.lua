--- The tape of a run, played (tape.lua records it). Each call of an api by a script gets the answer that the record has
--- for it; no api does anything. A call that the record does not have there is a divergence: the replay ends, and says
--- what was recorded and what came.
---
--- Within a lane, calls must come in the order of the record. Between lanes they are answered in the order in which
--- they were answered then, as far as the scripts ask in that order: so the same branch of a parallel fails first.

local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local json = require "o2x.base.json"
local lanes = require "o2x.script.lanes"
local mask = require "o2x.base.mask"
local step = require "o2x.script.step"
local tape = require "o2x.engine.tape"
local task = require "o2x.base.task"

local M = {}

local MOST_SLEEPS <const> = 10000 -- one after the other, without a call between them

local Player = {}
Player.__index = Player

---@class o2x.divergence
---@field step string
---@field lane string?
---@field recorded string what the record has there, for people
---@field came string what the scripts did instead

--- A player.
---@param answers table[] records of one attempt, in their order
---@param stand_ins table of stand_ins.lua
---@param on_call fun(answer: table)? called with each answer that is given
---@return table player a tape: moves, divergence, lost, parked
function M.new(answers, stand_ins, on_call)
  local queues = {}
  for i, answer in ipairs(answers) do
    local lane = mask.shown(answer.lane) or ""
    local queue = queues[lane] or { at = 1 }
    queues[lane] = queue
    queue[#queue + 1] = i
  end
  return setmetatable({
    answers = answers,
    stand_ins = stand_ins,
    on_call = on_call or function() end,
    queues = queues,
    next = 1,
    used = {},
    waiting = {}, -- number of an answer → events of the tasks that wait for its turn
    moves = 0, -- grows with all that the scripts do
    sleeps = 0,
    parked = {}, -- calls that have no answer
  }, Player)
end

-- ---- saying what differs ----

local function cut(text, most)
  return #text > most and text:sub(1, (utf8.offset(text, 0, most) or most) - 1) .. "…" or text
end

local function shown(v)
  if v == nil then return "nothing" end
  if type(v) ~= "table" or v == json.null then return json.encode(v) end
  if v["$absent"] then return "nothing" end
  if v["$secret"] then return ("‹secret %s›"):format(v["$secret"]) end
  if v["$cut"] then
    return ("a text of %d bytes, SHA-256 %s…"):format(v.bytes or 0, tostring(v["$cut"]):sub(1, 12))
  end
  return json.encode(v)
end

--- A call as people read it: vault.ensure("quickbooks", {…}).
---@param name string
---@param given any[]
---@return string
function M.text(name, given)
  local words = {}
  for i, item in ipairs(type(given) == "table" and given or {}) do
    words[i] = shown(item)
  end
  return cut(("%s(%s)"):format(name, table.concat(words, ", ")), 300)
end

--- Ends the replay: the scripts do something else than the record says.
---@param recorded string
---@param came string
---@param path string? the step, if it is not the task's own
function Player:diverge(recorded, came, path)
  local lane = lanes.here()
  self.divergence = self.divergence
    or { step = path or step.path(), lane = lane ~= "" and lane or nil, recorded = recorded, came = came }
  errors.raise { kind = "failed", code = "diverged", message = "the replay diverges from the record", final = true }
end

--- One side of a difference, for people.
---@param difference { path: string, recorded: any, came: any }
---@param side "recorded"|"came"
---@return string " .path is VALUE"
function M.value_text(difference, side)
  local text = cut(shown(difference[side]), 200)
  return ("%s is %s"):format(difference.path, text)
end

local function argument_text(difference, side) return (M.value_text(difference, side):gsub("^%.", "argument ")) end

-- ---- whose turn it is ----

local function head_of(self, lane)
  local queue = self.queues[lane or lanes.here()]
  local number = queue and queue[queue.at]
  return number and self.answers[number], number
end

-- Waits until all answers before this one have been given, or until nobody asks for them.
local function wait_for_turn(self, number)
  if self.next >= number then return end
  local event = task.event()
  self.waiting[number] = self.waiting[number] or {} -- several branches may wait for the end of one time limit
  table.insert(self.waiting[number], event)
  task.wait(event, math.huge)
end

local function wake(self)
  local events = self.waiting[self.next] or {}
  self.waiting[self.next] = nil
  for _, event in ipairs(events) do
    event:set()
  end
end

local function use(self, number, lane)
  wait_for_turn(self, number)
  local queue = self.queues[lane or lanes.here()]
  queue.at, self.used[number], self.sleeps = queue.at + 1, true, 0
  self.moves = self.moves + 1
  while self.used[self.next] do
    self.next = self.next + 1
  end
  wake(self)
end

--- Lets the first of those go on who wait for answers that nobody asks for.
---@return boolean any is there one?
function Player:skip()
  local first = math.huge
  for number in pairs(self.waiting) do
    first = math.min(first, number)
  end
  if first == math.huge then return false end
  self.next = first
  wake(self)
  return true
end

-- Is the end of a time limit around this task the next thing that happened to it? A branch of a parallel within the
-- limit may have been told more before.
local function limit_is_next(self)
  local limit = task.context().time_limit
  if not limit then return nil end
  local answer, number = head_of(self, limit.lane)
  if not answer or answer.call ~= "timeout" or not answer.over then return nil end
  local _, own = head_of(self)
  if own and own < number then return nil end
  return limit, number
end

-- A call without an answer waits, as it did: until it is cancelled, or the replay ends.
local function park(self, call, is_missing)
  local limit, number = limit_is_next(self)
  if limit then
    wait_for_turn(self, number)
    limit.is_over = true
    limit.handle:cancel()
  else
    self.moves = self.moves + 1
    table.insert(self.parked, { step = step.path(), lane = lanes.here(), call = call, is_missing = is_missing })
  end
  task.wait(task.event(), math.huge)
end

-- ---- calls ----

local function raise(fields)
  local copy = {}
  for name, item in pairs(type(fields) == "table" and fields or {}) do
    copy[name] = item
  end
  copy.kind = type(copy.kind) == "string" and copy.kind or "failed"
  copy.message = tostring(mask.shown(copy.message) or copy.kind)
  for _, name in ipairs { "hint", "where" } do
    copy[name] = mask.shown(copy[name])
  end
  error(errors.new(copy), 0)
end

local function new_handle(self, name)
  return frozen.handle(setmetatable({}, {
    __metatable = false,
    __index = function(_, key)
      return function(...) return self:call(nil, ("%s.%s"):format(name, tostring(key)), 1, ...) end
    end,
  }))
end

local function results_of(self, answer)
  local results = { n = #answer.gave }
  for i, kept in ipairs(answer.gave) do
    if type(kept) == "table" and kept["$handle"] then
      results[i] = new_handle(self, answer.call)
    elseif type(kept) ~= "table" or not kept["$absent"] then
      results[i] = self.stand_ins:revive(kept)
    end
  end
  return table.unpack(results, 1, results.n)
end

local function check(self, answer, name, given)
  local path = step.path()
  local was = M.text(answer.call, answer.given)
  if mask.shown(answer.path) ~= path and type(answer.path) == "string" then
    local came = path == "" and "outside of steps" or ("in step %q"):format(path)
    self:diverge(was, ("%s %s"):format(M.text(name, given), came), answer.path)
  end
  if answer.call ~= name then self:diverge(was, M.text(name, given)) end
  local difference = self.stand_ins:difference(answer.given, given)
  if difference then
    self:diverge(
      ("%s: %s"):format(name, argument_text(difference, "recorded")),
      ("%s: %s"):format(name, argument_text(difference, "came"))
    )
  end
end

--- Answers a call.
---@param _ function the api's, which is not called
---@param name string
---@param first integer the first argument that counts
---@param ... any arguments
---@return any what the record has
function Player:call(_, name, first, ...)
  self.moves = self.moves + 1
  local given = json.decode(tape.given(table.pack(...), first))
  local answer, number = head_of(self)
  if not answer or limit_is_next(self) then return park(self, M.text(name, given), true) end
  if answer.lost and answer.call ~= name then
    self.lost = self.lost or tostring(answer.lost)
    return park(self, answer.call)
  end
  check(self, answer, name, given)
  use(self, number)
  self.on_call(answer)
  if answer.cancelled then return park(self, M.text(name, given)) end
  if answer.raised then raise(answer.raised) end
  if type(answer.gave) ~= "table" then
    self.lost = self.lost or tostring(answer.lost)
    return park(self, answer.call)
  end
  return results_of(self, answer)
end

--- A function of an api that is answered.
---@param fn function
---@param name string
---@param first integer
---@return function
function Player:wrap(fn, name, first)
  return function(...) return self:call(fn, name, first, ...) end
end

--- Was the time of this wait_until over?
---@param what string
---@return boolean
function Player:is_over(what)
  local answer, number = head_of(self)
  if not answer then return park(self, ("wait_until(%q)"):format(what), true) end
  if answer.call ~= "wait_until" then return false end
  check(self, answer, "wait_until", json.decode(tape.given({ what, n = 1 }, 1)))
  use(self, number)
  return true
end

--- Does not sleep: what the script waits for has happened.
function Player:sleep()
  self.moves, self.sleeps = self.moves + 1, self.sleeps + 1
  local limit, number = limit_is_next(self)
  if self.sleeps > MOST_SLEEPS or limit and self.next >= number then park(self, "sleep", true) end
  task.sleep(0)
end

-- Raises the end of a time limit, as recorded.
local function end_limit(self, limit)
  local answer, number = head_of(self, limit.lane)
  use(self, number, limit.lane)
  raise(answer.raised)
end

--- Runs fn, whose time was over where the record says so.
---@param _ number
---@param fn function
---@param ... any arguments of fn
---@return any its results
function Player:timeout(_, fn, ...)
  local limit = { lane = lanes.here() }
  limit.handle = task.spawn(task.within, "time_limit", limit, fn, ...)
  local ok, problem = pcall(limit.handle.wait, limit.handle)
  if not ok then
    limit.handle:cancel()
    limit.handle:wait(nil, true)
    error(problem, 0)
  end
  local answer = head_of(self, limit.lane)
  local is_over = answer and answer.call == "timeout" and answer.over
  if limit.is_over or is_over and limit.handle:outcome() then end_limit(self, limit) end
  return limit.handle:join()
end

--- The first answer that was never asked for.
---@return table? answer
function Player:left_over()
  for number, answer in ipairs(self.answers) do
    if not self.used[number] and not answer.lost then return answer end
  end
end

return M
