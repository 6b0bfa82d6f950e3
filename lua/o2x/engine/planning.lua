--- What an effect would do: the gate's part in a plan. It reads through the overlay, compares, notes the difference in
--- the plan, and writes to the overlay only. A checklist for people is made along with it.

local contract = require "o2x.engine.contract"
local errors = require "o2x.base.error"
local kept = require "o2x.engine.kept"
local step = require "o2x.script.step"
local take_over = require "o2x.engine.take_over"
local task = require "o2x.base.task"
local value = require "o2x.base.value"

local M = {}

-- Adds an effect to the checklist for people, if that is wanted. One that could not be looked at
-- has neither before nor after.
local function tell(gate, effect_type, target, desired, planned, found)
  local list = gate.run.guide
  if not list then return end
  found.path, found.key, found.target, found.desired = step.path(), planned.key, target, desired
  list:effect(gate.ctx, effect_type, found)
end

-- What the plan itself would have made is known as far as it sets it; the system may add more before it is removed.
local function plain_before(gate, effect_type, key, before, desired)
  local is_own = before ~= nil and desired == nil and effect_type.image and gate.overlay:get(effect_type.kind, key)
  return contract.image(effect_type, is_own and value.unknown or before, desired, key, true)
end

-- What no undo brings back. What lives in something that the plan makes may go with that.
local function irreversible(gate, effect_type, target, before, desired)
  local is_inside, _, parent_type = gate:parent_is_new(effect_type, target)
  local goes = is_inside and parent_type.undo.contents
  return is_inside or nil, not goes and contract.irreversible(effect_type, target, before, desired) or nil
end

-- Fills `planned`, the effect of the plan, as far as it comes.
local function predict(gate, effect_type, target, desired, planned)
  local key, run = planned.key, gate.run
  -- A checklist says what is not certain beside the command, instead of leaving the command out.
  if run.guide and run.registration then run.registration:require(effect_type.kind) end
  local before, plans = gate:read(effect_type.kind, target), gate.run.plan
  if run.looked then run.looked[effect_type.kind .. "\0" .. key] = desired or true end
  planned.nth, planned.path = gate:count(effect_type, key), step.path()
  local equal = contract.equal(effect_type, before, desired)
  if not equal or plans.whole then
    planned.before = plain_before(gate, effect_type, key, before, desired)
    planned.desired = value.plain(desired, key, true)
  end
  if equal then
    plans:unchanged(planned)
    tell(gate, effect_type, target, desired, planned, { before = before, after = before, outcome = "unchanged" })
    return before, "unchanged"
  end
  planned.tag = run.tagging and kept.tag(effect_type, key, before, desired) or nil
  if kept.covers(run, effect_type, key, before, desired) then
    local there = before == nil and desired or before
    plans:keep(planned, before == nil)
    tell(gate, effect_type, target, desired, planned, { before = before, after = there, outcome = "unchanged" })
    return there, "unchanged"
  end
  if run.commit then run.commit:admit(effect_type.kind, key, target, before) end
  local after = desired
  planned.outcome = contract.outcome(before, desired)
  planned.taken = take_over.wants(gate.run, effect_type.kind, key) or nil
  if effect_type.predict then after = effect_type.predict(gate.ctx, target, desired, before, planned.taken) end
  planned.class = effect_type.class
  planned.inside, planned.irreversible = irreversible(gate, effect_type, target, before, desired)
  planned.show = contract.describe(effect_type, target, before, after)
  planned.after = contract.image(effect_type, after, desired, key, true)
  gate.overlay:set(effect_type.kind, key, after, before == nil, target)
  plans:change(planned)
  tell(gate, effect_type, target, desired, planned, { before = before, after = after, outcome = planned.outcome })
  gate.run.report:planned(planned.path, effect_type.kind, key, planned.outcome)
  return after, planned.outcome
end

-- Notes an effect of which only the run can know whether there is something to do.
local function leave_open(gate, effect_type, key, desired)
  gate.run.plan:open {
    kind = effect_type.kind,
    key = key,
    nth = gate.counts[table.concat({ step.path(), effect_type.kind, key }, "\0")] or gate:count(effect_type, key),
    path = step.path(),
    desired = value.plain(desired, key, true),
    class = effect_type.class,
  }
end

--- What a checklist goes on with where a system does not answer: what the tenant's file says of its row in the
--- registry, or the id that the tenant's services have; otherwise, that nobody knows it. An audit takes the row's id
--- from the services.
---@param gate table
---@param effect_type o2x.effect_type? of a write: what is not predicted is as desired
---@param target any
---@param desired any
---@return any
function M.assumed(gate, effect_type, target, desired)
  local run = gate.run
  if run.auditing then return run.registration and run.registration:witnessed(target) end
  if not run.guide then return nil end
  local row = run.registration and (run.registration:assumed(target) or run.registration:witnessed(target))
  if row then return row end
  if effect_type and effect_type.assume and desired ~= nil then return effect_type.assume(gate.ctx, target, desired) end
  return (not effect_type or effect_type.predict) and value.unknown or nil
end

--- Plans an effect: compares, and writes to the overlay only. What cannot be planned is noted, and taken as done,
--- unless the script wants to know.
---@param gate table
---@param effect_type o2x.effect_type
---@param target any
---@param desired any
---@return any after what would be there
---@return string outcome
function M.effect(gate, effect_type, target, desired)
  local key = effect_type.key(target)
  local planned = { kind = effect_type.kind, key = key }
  local ok, after, result = xpcall(predict, errors.handler, gate, effect_type, target, desired, planned)
  if ok then return after, result end
  local err = errors.wrap(after)
  if err.kind ~= "cancelled" then
    local later = err.code == "when_applied" and gate.run.plan:has_changes(task.place())
    tell(gate, effect_type, target, desired, planned, { problem = not later and err or nil, later = later })
  end
  if err.code == "when_applied" then leave_open(gate, effect_type, key, desired) end
  if
    err.kind == "bug"
    or err.code == "when_applied"
    or task.context().catches
    or not gate.run.plan:goes_on_after(err)
  then
    error(err, 0)
  end
  if err.code == "foreign_change" then
    err = errors.amend(err, { hint = "look at it; to overwrite it: " .. take_over.option(key) })
  end
  gate.run.plan:problem(step.path(), err, effect_type.kind, key, planned)
  return M.assumed(gate, effect_type, target, desired) or desired, desired == nil and "deleted" or "changed"
end

return M
