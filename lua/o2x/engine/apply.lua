--- Applies one effect: intent, write, read back, result. resume.lua decides what a resumed run skips.

local contract = require "o2x.engine.contract"
local errors = require "o2x.base.error"
local first_write = require "o2x.engine.first_write"
local guard = require "o2x.base.guard"
local hooks = require "o2x.script.hooks"
local kept = require "o2x.engine.kept"
local mask = require "o2x.base.mask"
local memory = require "o2x.engine.memory"
local outcome = require "o2x.engine.outcome"
local overtaken = require "o2x.engine.overtaken"
local points = require "o2x.base.points"
local script_order = require "o2x.base.script_order"
local retry = require "o2x.base.retry"
local take_over = require "o2x.engine.take_over"
local task = require "o2x.base.task"
local value = require "o2x.base.value"

local M = {}

-- Nothing is written, and nothing announced, unless the run holds its tenant. A hook's message is no part of the run.
local function admit(gate, e)
  local held = gate.run.lease
  if not held or hooks.is_hook(e.path or "") then return end
  held:admit()
  first_write.admit(gate.run)
end

--- Writes an effect. resume.lua may have read the value already (e.read), and may continue an intent of the journal
--- (e.intended) or keep its before-image (e.carried).
---@param gate table
---@param e table the effect
---@return any after what is there now
---@return string outcome
function M.perform(gate, e)
  gate.run.report:effect_started(e.path, e.type.kind, e.key)
  if not e.read then
    e.before = gate:read_live(e)
    if e.check then e.check(e.before) end
  end
  e.taken = e.taken or take_over.wants(gate.run, e.type.kind, e.key) or nil
  if not e.intended then
    if M.is_right(gate, e) then return M.unchanged(gate, e) end
    M.intend(gate, e)
  end
  local info, after = M.write(gate, e)
  return M.conclude(gate, e, info, after)
end

--- Is there nothing to do? What is there is what is wanted, or the tenant's file keeps what is there.
---@param gate table
---@param e table the effect, with what is there
---@return boolean
function M.is_right(gate, e)
  return contract.equal(e.type, e.before, e.desired) or kept.covers(gate.run, e.type, e.key, e.before, e.desired)
end

--- Records that there is nothing to do. The run's own history does not need to know: nothing is left to settle.
---@param gate table
---@param e table
---@return any current
---@return string "unchanged"
function M.unchanged(gate, e)
  local record = {
    t = "same",
    path = e.path,
    place = e.place and script_order.text(e.place) or nil,
    kind = e.type.kind,
    key = value.text(e.key),
    effect = e.id,
    slot = e.slot,
  }
  gate.run.journal:append(record, true)
  gate.run.report:effect_done(e.path, e.type.kind, e.key, "unchanged", task.now() - e.start)
  if e.before == nil then return e.desired, "unchanged" end -- kept missing: for the script as if it were there
  return e.before, "unchanged"
end

--- The reference by which the system itself returns the before-image.
---@param gate table
---@param e table the effect
---@return table? reference plain data; nil if the before-image is in the journal
function M.reference(gate, e)
  if e.carried then return e.carried.reference end
  if not e.type.reference then return nil end
  return value.plain(e.type.reference(gate.ctx, e.target, e.before), e.key)
end

--- Writes the intent, all that undo and a resumed run need, to the disk before the write begins.
---@param gate table
---@param e table the effect
---@param lazy boolean? another intent follows before the first write, and takes this one to the disk
function M.intend(gate, e, lazy)
  admit(gate, e)
  if gate.run.planned then gate.run.planned:admit(e, gate.run.id) end
  if gate.run.commit then gate.run.commit:admit(e.type.kind, e.key, e.target, e.before) end
  local hook = hooks.is_hook(e.path or "") or nil
  gate.wrote = gate.wrote or not hook -- a message before the run is no part of it
  points.effect("begun", gate, e)
  local target = e.target
  if e.type.record then target = e.type.record(target) end
  local carried = e.carried
  local before = carried and carried.before
  if not carried then before = contract.image(e.type, e.before, e.desired, e.key) end
  e.origin = before
  gate:append({
    t = "intent",
    path = e.path,
    place = e.place and script_order.text(e.place) or nil,
    kind = e.type.kind,
    key = value.text(e.key),
    effect = e.id,
    slot = e.slot,
    class = e.type.class,
    hook = hook,
    whole = e.type.whole and value.text(e.type.whole(e.target)) or nil,
    target = value.plain(target, e.key),
    before = before,
    reference = M.reference(gate, e),
    desired = value.plain(e.desired, e.key),
    taken = e.taken,
    undoes = e.undoes,
    show = contract.describe(e.type, e.target, e.before, e.desired),
    at = gate.run.now(),
  }, lazy)
  points.effect("intended", gate, e)
end

--- Records that an intended write failed, and what it left.
---@param gate table
---@param e table id, path
---@param err table
---@param left any the image of what was read back, if it was
function M.failed(gate, e, err, left)
  if err.kind == "cancelled" then return end
  gate:append({ t = "failed", path = e.path, effect = e.id, message = value.text(err), left = left }, true)
end

-- Is an image of a value what the effect's intent has as the value before?
local function looks_as(e, current, before)
  return value.equal(before, contract.image(e.type, current, e.desired, e.key))
end

-- An undo restores by the newest reference: where only what the effect does not look at has changed, the system has
-- another one.
local function renew_reference(gate, e, before)
  if e.intended or e.carried or not e.type.reference then return end
  local function reference(of) return value.plain(e.type.reference(gate.ctx, e.target, of), e.key) end
  if not value.equal(reference(before), reference(e.before)) then M.intend(gate, e) end
end

--- What stands after an attempt that failed? If it is the value before, this updates `e.before`: what else is in it may
--- have changed, and stays. A value from outside the run is a conflict, and is not overwritten.
---@param gate table
---@param e table the effect
---@param refused boolean? a guard refused the write, so this attempt wrote nothing
---@return boolean over there is nothing left to write
function M.is_over(gate, e, refused)
  local asks = e.type.class ~= "unprovable" and (not refused or e.in_doubt)
  e.lost = asks and outcome.took_place(gate, e) or nil
  if e.lost then return true end
  local before, current = e.before, gate:read_live(e)
  e.before = current
  if contract.equal(e.type, current, e.desired) then
    e.by_others = not e.in_doubt and (refused or e.type.class == "transactional") or nil
    e.lost = not e.by_others or nil
    return true
  end
  local image = contract.image(e.type, before, e.desired, e.key)
  local past = { before = image, desired = e.desired, id = e.id }
  if not looks_as(e, current, image) and not M.is_interim(gate, e, past, current) then
    local err = overtaken.conflict(gate, e, image, contract.image(e.type, current, e.desired, e.key))
    M.failed(gate, e, err)
    error(err, 0)
  end
  renew_reference(gate, e, before)
  return false
end

local function with_command(gate, e, err)
  if err.code ~= "foreign_change" then return err end
  return errors.amend(err, { hint = "check it; to overwrite it: " .. memory.take_over_command(gate.run, e.id) })
end

-- A program that was stopped at its deadline may have been done by then: it is not tried again, but looked at.
local function done_when_stopped(gate, e, err)
  if err.code ~= "stopped" or e.type.class == "unprovable" then return false end
  e.lost = outcome.took_place(gate, e) or nil
  return e.lost or false
end

--- Writes, with retries where they are safe. After a failure it looks at the system first: this request or another
--- client may have done it, and what was compared may be outdated.
---@param gate table
---@param e table the effect
---@return any info for the journal
---@return any after the value that write left, if it knows
function M.write(gate, e)
  local budget
  e.in_doubt = e.intended
  while true do
    admit(gate, e)
    local results =
      table.pack(xpcall(e.type.write, errors.handler, gate.ctx, e.target, e.desired, e.before, e.id, e.taken))
    if results[1] then
      if budget then budget.done() end
      points.effect("written", gate, e)
      return table.unpack(results, 2, results.n)
    end
    local err = with_command(gate, e, errors.wrap(results[2]))
    local unknown, refused = err.kind == "unknown", guard.refused(err)
    local again = unknown or refused or retry.may(err, false)
    if unknown and e.type.class == "unprovable" then again = false end
    e.in_doubt = e.in_doubt or unknown
    if again and (unknown or refused) and M.is_over(gate, e, refused) then return nil end
    if not again and done_when_stopped(gate, e, err) then return nil end
    budget = budget or retry.budget(gate:retries(e))
    if not again or not budget.again(err) then
      M.failed(gate, e, err)
      error(err, 0)
    end
    if not refused and M.is_over(gate, e) then return nil end
  end
end

--- Is the value one that this run's interrupted write leaves, or that the system reaches by itself?
---@param gate table
---@param e table
---@param past table before, desired, id
---@param now any
---@return boolean
function M.is_interim(gate, e, past, now)
  return e.type.interim ~= nil and gate:ask(e, e.type.interim, e.target, past, now) or false
end

local function mismatch(gate, e, after)
  return errors.new {
    kind = "conflict",
    op = e.type.kind,
    message = ("%s: read-back mismatch, the value differs from what was written: %s"):format(
      e.key,
      mask.text(table.concat(contract.describe(e.type, e.target, e.desired, after).lines, "; ")):sub(1, 400)
    ),
    hint = "another client may be changing it, or the server ignores the write: look at its log, and at what this user "
      .. "may do there; o2x resume tries again",
  }
end

local function info_of(gate, e, info, after)
  if e.lost then return e.type.info and gate:ask(e, e.type.info, e.target, after) or nil end
  if info ~= nil and not e.type.info then
    error(("effect type %s: its write gives info, so it must have the function info"):format(e.type.kind), 0)
  end
  return info
end

--- Looks at an effect's value again that was compared before others of the run were written: they may have changed it,
--- by a trigger for example.
---@param gate table
---@param e table the effect, begun
---@return boolean done it is as desired
function M.is_done_since(gate, e)
  local before = contract.image(e.type, e.before, e.desired, e.key)
  e.before = gate:read_live(e)
  e.lost = contract.equal(e.type, e.before, e.desired) or nil
  if not e.lost and not looks_as(e, e.before, before) then M.intend(gate, e) end
  return e.lost or false
end

-- Somebody else has done it: nothing of it is the run's, so an undo leaves it alone.
local function by_others(gate, e)
  gate:append({ t = "dropped", path = e.path, effect = e.id, at = gate.run.now() }, true)
  return M.unchanged(gate, e)
end

-- What is no conflict for a write that was cut short is no result of one that went through: the server would have
-- ignored it. Where the answer was lost, or a transaction has compared already, others may have changed it since.
local function may_differ(gate, e, after)
  if not e.lost and e.type.class ~= "transactional" then return false end
  return M.is_interim(gate, e, { before = e.origin, desired = e.desired, id = e.id }, after)
end

--- Reads back what was written and records the result.
---@param gate table
---@param e table
---@param info any the info from write, for the journal
---@param after any the value that write left, if it knows
---@param lazy boolean? another result follows at once, and takes this one to the disk
---@return any after
---@return string outcome
function M.conclude(gate, e, info, after, lazy)
  if e.by_others then return by_others(gate, e) end
  if after == nil or e.lost then after = gate:read_live(e) end
  if not contract.equal(e.type, after, e.desired) and not may_differ(gate, e, after) then
    local err = mismatch(gate, e, after)
    M.failed(gate, e, err, contract.image(e.type, after, e.desired, e.key))
    error(err, 0)
  end
  local result = contract.outcome(e.origin, e.desired)
  M.record(gate, e, result, after, info_of(gate, e, info, after), lazy)
  points.effect("recorded", gate, e)
  if gate.run.registration then gate.run.registration:hear(e.type.kind, e.target, after) end
  gate.run.report:effect_done(e.path, e.type.kind, e.key, result, task.now() - e.start)
  return after, result
end

--- Writes the RESULT of an effect.
---@param gate table
---@param e table
---@param result string outcome
---@param after any
---@param info any
---@param lazy boolean? need not be on the disk yet
function M.record(gate, e, result, after, info, lazy)
  gate:append({
    t = "result",
    path = e.path,
    effect = e.id,
    outcome = result,
    info = value.plain(info, e.key),
    after = value.plain(after, e.key),
    image = e.type.image and contract.image(e.type, after, e.desired, e.key) or nil,
    filled = e.type.fills,
    show = e.type.fills and contract.describe(e.type, e.target, e.before, after) or nil,
    seconds = task.now() - e.start,
    at = gate.run.now(),
  }, lazy)
end

return M
