--- The journal of a replay: it keeps nothing, and compares. What differs between a step, a result or a check of the
--- record and one of the replay ends the replay (player.lua). A step or a check that did not come is found at the end.

local lanes = require "o2x.script.lanes"
local mask = require "o2x.base.mask"
local player = require "o2x.engine.player"

local M = {}

--- What names a check of the record.
---@param record table
---@return string
function M.check_key(record) return ("%s\0%s"):format(mask.shown(record.path), mask.shown(record.name)) end

--- What names something that an undo left.
---@param record table
---@return string
function M.left_key(record) return ("%s %s"):format(mask.shown(record.kind), mask.shown(record.key)) end

--- A message without the line of the script where it was raised: a script that was edited elsewhere has other lines.
---@param text string
---@return string
function M.without_place(text) return (tostring(text):gsub("[%w_./-]+%.lua:%d+: ", "")) end

local function is_over(self) return self.attempt.ending ~= nil and self.attempt.ending.status ~= "interrupted" end

local function check_text(record, name)
  if not record then return ("no check %q"):format(name) end
  local found = mask.shown(record.found) or mask.shown(record.message)
  return ("check %q: %s%s"):format(mask.shown(name), record.ok and "true" or "false", found and ", " .. found or "")
end

-- By record type: ends the replay if the record does not have what came.
local COMPARE <const> = {
  step = function(self, record)
    if self.attempt.steps[record.path] or not is_over(self) then return end
    self.tape:diverge("no such step", ("step %q"):format(record.path), record.path)
  end,
  done = function(self, record)
    local recorded = self.attempt.done[record.path]
    if not recorded then
      local failed = self.attempt.failed[record.path]
      if failed then self.tape:diverge("failed: " .. failed, "done", record.path) end
      return
    end
    local difference = not recorded.masked and self.stand_ins:difference(recorded.result, record.result)
    if not difference then return end
    self.tape:diverge(
      "result" .. player.value_text(difference, "recorded"),
      "result" .. player.value_text(difference, "came"),
      record.path
    )
  end,
  fail = function(self, record)
    if record.kind == "cancelled" or self.tape.divergence then return end
    local recorded, done = self.attempt.failed[record.path], self.attempt.done[record.path]
    if recorded and M.without_place(recorded) == M.without_place(record.message) then return end
    if not recorded and not (done or is_over(self)) then return end
    self.tape:diverge(
      recorded and "failed: " .. recorded or done and "done" or "not ended",
      "failed: " .. record.message,
      record.path
    )
  end,
  left = function(self, record)
    local name = M.left_key(record)
    local recorded = self.attempt.left[name]
    if recorded == record.why then return end
    self.tape:diverge(
      recorded and ("%s stays: %s"):format(name, recorded) or name .. " goes back",
      ("%s stays: %s"):format(name, record.why),
      record.path
    )
  end,
  check = function(self, record)
    local recorded = self.attempt.checks[M.check_key(record)]
    if not recorded and not is_over(self) then return end
    if recorded and recorded.ok == record.ok and recorded.masked then return end
    local was, came = check_text(recorded, record.name), check_text(record, record.name)
    if M.without_place(was) ~= M.without_place(came) then self.tape:diverge(was, came, record.path) end
  end,
}

-- What names a step or a check, if the record is of one.
local function key_of(record)
  if record.t == "check" then return M.check_key(record) end
  return (record.t == "step" or record.t == "done") and record.path or nil
end

local Steps = {}
Steps.__index = Steps

--- A journal that compares.
---@param attempt o2x.replay.attempt
---@param tape table of player.lua
---@param stand_ins table
---@param on fun(what: string, record: table)
---@return table journal
function M.new(attempt, tape, stand_ins, on)
  return setmetatable(
    { attempt = attempt, tape = tape, stand_ins = stand_ins, on = on, came = {}, begun = {}, outside = {} },
    Steps
  )
end

--- Compares a record of the replay.
---@param record table
---@return integer
function Steps:append(record)
  local tape, key = self.tape, key_of(record)
  tape.moves = tape.moves + 1
  if key then
    self.came[key] = true
    local reached = record.t == "step" and self.begun or self.outside
    reached[key] = lanes.here() == ""
  end
  if COMPARE[record.t] and not tape.divergence then COMPARE[record.t](self, record) end
  self.on(record.t, record)
  return 0
end

-- Did this come outside of any branch? Then all that was before it came, too.
local function is_reached(self, item)
  if item.answer then return item.lane == "" and self.tape.used[item.answer] end
  return item.begun and self.begun[item.begun] or item.key and self.outside[item.key]
end

--- The last step or check of the record that should have come, and did not. Branches that were cancelled, and what was
--- cut off by a limit of time, may have come farther then than now: a sleep takes no time in a replay.
---@return { step: string, recorded: string, came: string }? divergence
function Steps:missing()
  local order, ending = self.attempt.order, self.attempt.ending
  local is_certain, found = ending ~= nil and ending.status == "done", nil
  for i = #order, 1, -1 do
    local item = order[i]
    if item.cut then
      is_certain = false
    elseif is_reached(self, item) then
      is_certain = true
    elseif is_certain and item.key and not self.came[item.key] then
      found = item
    end
  end
  if not found then return nil end
  local recorded = found.name and ("check %q"):format(found.name) or ("step %q"):format(found.path)
  return { step = found.path, recorded = recorded, came = found.name and "no such check" or "no such step" }
end

return M
