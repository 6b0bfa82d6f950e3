--- What a resumed run remembers of its journal: results of steps, recorded values, and effects by their place and by
--- their target. What follows from it is resume.lua's to say.

local errors = require "o2x.base.error"
local history = require "o2x.engine.history"
local mask = require "o2x.base.mask"
local shell = require "o2x.base.shell"
local value = require "o2x.base.value"

local M = {}

local Memory = {}
Memory.__index = Memory

local SHORTEST <const> = 6 -- characters of an effect's id

local function names(word, entry)
  if word == entry.key then return true end
  return #word >= SHORTEST and entry.id:sub(1, #word) == word
end

local function is_known(word, runs)
  for _, h in pairs(runs) do
    for _, entry in ipairs(h.effects or {}) do
      if entry.intent and names(word, entry) then return true end
    end
  end
  return false
end

--- Refuses a word that names no effect: it would be ignored, and the run would stop at the same conflict again.
---@param id string of the run or the fleet
---@param runs table<any, table> the histories of its runs
---@param words string[] of --take-over
function M.check_take_over(id, runs, words)
  for _, word in ipairs(words) do
    if not is_known(word, runs) then
      errors.input(
        ("--take-over=%s: %s has no such effect"):format(word, id),
        "use the effect id (at least 6 characters) or key that the conflict's message shows"
      )
    end
  end
end

--- The command that overwrites what somebody else changed.
---@param run table
---@param effect string its id
---@return string
function M.take_over_command(run, effect)
  return ("o2x resume %s%s --take-over=%s"):format(run.id, run.edited and " --edited" or "", effect:sub(1, 8))
end

--- The command that goes on after a step which was done by hand.
---@param run table
---@param path string
---@return string
function M.skip_command(run, path)
  local edited = run.edited and " --edited" or ""
  return ("o2x resume %s%s --skip=%s --reason='done by hand'"):format(run.id, edited, shell.quote(path))
end

--- What a resumed run knows of its earlier attempts.
---@param h table history.of the journal's records
---@param take_over string[]? effects (ids or keys) whose foreign changes the operator wants overwritten
---@return table memory run.past
function M.new(h, take_over)
  for _, entry in ipairs(h.effects) do
    entry.earlier = true -- of an earlier attempt at this run
  end
  return setmetatable({ history = h, words = take_over or {}, touched = {}, open = {} }, Memory)
end

--- The result of a finished step.
---@param path string
---@return { result: any, reason: string? }? nil if it has to run; reason: of one that was done by hand
---@return boolean? forgotten it has to run again, because its result contained a secret
function Memory:step(path)
  local found = history.result(self.history, path)
  if not found or found.masked then return nil, found ~= nil end
  return { result = value.revive(found.result), reason = found.reason and mask.shown(found.reason) }
end

--- A recorded value.
---@param key string
---@return { value: any }? nil too if it contained a secret
function Memory:value(key)
  local found = history.value(self.history, key)
  if found and not found.masked then return { value = found.value } end
end

--- The effects that were intended at this place of the script, in order.
---@param slot string
---@return table[] entries
function Memory:effects(slot)
  local entries = self.history.by_slot[slot] or {}
  for _, entry in ipairs(entries) do
    entry.visited = true
  end
  return entries
end

--- Records that the script has reached an effect.
---@param entry table
function Memory:touch(entry)
  local _, target = history.beside(self.history, entry)
  self.touched[target] = math.max(self.touched[target] or 0, entry.order)
end

--- Did an effect that comes before this one in the script write to the same target after it? Then its result no longer
--- holds.
---@param entry table
---@return boolean
function Memory:superseded(entry)
  local all, target = history.beside(self.history, entry)
  local newest = all[#all]
  return (self.touched[target] or 0) > entry.order or not newest.earlier and newest.order > entry.order
end

--- The effects of this run on the same target that came after this one.
---@param entry table
---@return table[] entries
function Memory:later(entry)
  local list = {}
  for _, other in ipairs((history.beside(self.history, entry))) do
    if other ~= entry and other.order > entry.order and not other.dropped then list[#list + 1] = other end
  end
  return list
end

--- The effects on a target that an earlier attempt began and the script has not reached yet.
---@param kind string
---@param key string of the target, or of the whole that it is a part of
---@return table[] entries
function Memory:unfinished(kind, key)
  local all = history.on_target(self.history, kind, key)
  local list = {}
  for _, entry in ipairs(self.open[all] or all) do
    if entry.earlier and not (entry.result or entry.dropped or entry.visited) then list[#list + 1] = entry end
  end
  self.open[all] = list -- what is finished stays so; many effects may have the same target
  return table.move(list, 1, #list, 1, {})
end

--- Does one of the words of --take-over name this effect?
---@param words string[]
---@param entry table
---@return boolean
function M.names_any(words, entry)
  for _, word in ipairs(words) do
    if names(word, entry) then return true end
  end
  return false
end

--- Does the operator want this effect's foreign change overwritten?
---@param entry table
---@return boolean
function Memory:takes_over(entry) return M.names_any(self.words, entry) end

return M
