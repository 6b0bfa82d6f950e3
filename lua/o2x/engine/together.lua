--- Effects of one kind that a script wants together: rows of a step. Each has its own intent, marker and result, as if
--- it stood alone; what they share is the way to the system, if their type has one (write_all).
---
--- What is not simple goes one by one through the gate: a plan, which writes nothing; a resumed run, which must decide
--- about each; two effects on one target; effects that could not be written together.

local apply = require "o2x.engine.apply"
local errors = require "o2x.base.error"
local points = require "o2x.base.points"

local M = {}

local function are_apart(entries)
  local seen = {}
  for _, e in ipairs(entries) do
    if seen[e.key] then return false end
    seen[e.key] = true
  end
  return true
end

-- Compares each with what is there. -> those that are to be written, with their intents on the disk
local function intend(gate, entries)
  local changes = {}
  for _, e in ipairs(entries) do
    gate.run.report:effect_started(e.path, e.type.kind, e.key)
    e.before = gate:read_live(e)
    if apply.is_right(gate, e) then
      e.results = { apply.unchanged(gate, e) }
    else
      changes[#changes + 1] = e
    end
  end
  for i, e in ipairs(changes) do
    apply.intend(gate, e, i < #changes) -- the last one takes the others to the disk
  end
  return changes
end

-- All or none; what remains to be done is done one by one, and says what is wrong.
local function write(gate, effect_type, changes)
  local ok, after = xpcall(effect_type.write_all, errors.handler, gate.ctx, changes)
  if not ok then
    local err = errors.wrap(after)
    if err.kind == "cancelled" or err.kind == "bug" then error(err, 0) end
    after = nil
  end
  for i, e in ipairs(changes) do
    if after then points.effect("written", gate, e) end
    local info, left = nil, after and after[i]
    if not after and not (i > 1 and apply.is_done_since(gate, e)) then
      info, left = apply.write(gate, e)
    end
    e.results = { apply.conclude(gate, e, info, left, after and i < #changes) }
  end
end

--- Brings targets to their desired values, in order.
---@param gate table
---@param effect_type o2x.effect_type
---@param items { target: any, desired: any }[]
---@return { [1]: any, [2]: string }[] results of each: what is there now, the outcome
function M.apply(gate, effect_type, items)
  local entries, results = {}, {}
  local alone = gate.run.past or not effect_type.write_all or #items < 2
  for i, item in ipairs(alone and {} or items) do
    entries[i] = gate:entry(effect_type, item.target, item.desired)
  end
  if alone or not are_apart(entries) then
    for i, item in ipairs(items) do
      results[i] = { gate:apply(effect_type, item.target, item.desired, entries[i]) }
    end
    return results
  end
  local changes = intend(gate, entries)
  if #changes > 0 then write(gate, effect_type, changes) end
  for i, e in ipairs(entries) do
    results[i] = e.results
  end
  return results
end

return M
