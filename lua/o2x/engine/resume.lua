--- What a resumed run does with each record of its journal:
---
---   done (a step)     the step is not run; its result is given
---   value             the same value is given (the time, a random name)
---   result            the effect is not done again if the script still wants the same; else it is a new effect
---   intent, no result the system is asked whether the write took place (outcome.lua):
---                       it did               → RESULT is written now
---                       it did not           → it is done now, or DROPPED if the script wants something else now
---                     the same before another effect on its target is written: its step may have been renamed
---   end of the run    intents that the script did not reach again are settled in the same way, in every run
---
--- Before anything is written, three values are compared: before, ours, now. If now is neither of the
--- others, it was changed outside this run: a conflict, and the operator decides: `o2x resume RUN --take-over=EFFECT`.
--- "Ours" is also what a later effect of this run left on the same target.

local apply = require "o2x.engine.apply"
local contract = require "o2x.engine.contract"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local header = require "o2x.engine.header"
local mask = require "o2x.base.mask"
local memory = require "o2x.engine.memory"
local outcome = require "o2x.engine.outcome"
local task = require "o2x.base.task"
local value = require "o2x.base.value"

local M = {}

-- ---- one effect ----

-- A value of the journal; secrets stay references.
local revived = value.revive

-- The target of the earlier attempt, with its columns or fields. A corrected script may name others.
local function target_then(e, entry)
  if e.type.record or value.equal(value.plain(e.target, e.key), entry.target) then return e.target end
  local target = revived(entry.target)
  return value.has_reference(target) and e.target or target
end

-- The effect of an earlier attempt, in the gate's form. If the script still wants the same, its own value is better
-- than the journal's, which has no secrets.
local function earlier(e, entry)
  local desired
  if e.same then
    desired = e.desired
  else
    desired = revived(entry.desired)
  end
  return {
    type = e.type,
    target = target_then(e, entry),
    desired = desired,
    key = entry.key,
    slot = entry.slot,
    id = entry.id,
    path = entry.path,
    start = e.start,
    origin = entry.before,
    lost = true,
  }
end

-- The current value, as the script reads it now and as the earlier attempt read it.
local function read_now(gate, e, old)
  local now = gate:read_live(e)
  if rawequal(old.target, e.target) then return now, now end
  return now, gate:read_live(old)
end

local MOST <const> = 300 -- bytes of a change in a message

local function one_line(lines)
  for i, line in ipairs(lines) do
    lines[i] = line:match("^%s*(.-)%s*$")
  end
  if #lines == 0 then return "nothing" end
  local text = mask.text(table.concat(lines, "; ")) -- before it is cut
  return #text > MOST and text:sub(1, (utf8.offset(text, 0, MOST) or MOST) - 1) .. "…" or text
end

-- What the intent showed was made of the values themselves; the journal may have but their hashes or tags.
local function change_of(old, entry)
  if entry.show then return one_line(table.move(entry.show.lines or {}, 1, #(entry.show.lines or {}), 1, {})) end
  return one_line(contract.describe(old.type, old.target, revived(entry.before), revived(entry.desired)).lines)
end

local FOREIGN <const> = "%s %s was changed outside this run since it stopped. "
  .. "This run's change: %s. What it is now: %s"

local function conflict(gate, old, entry, now)
  local image = contract.image(old.type, now, revived(entry.desired), old.key)
  errors.raise {
    kind = "conflict",
    op = old.type.kind,
    code = "foreign_change",
    message = FOREIGN:format(
      old.type.kind,
      old.key,
      change_of(old, entry),
      one_line(contract.describe(old.type, old.target, revived(entry.before), revived(image)).lines)
    ),
    hint = "check it; to overwrite it: " .. memory.take_over_command(gate.run, entry.id),
  }
end

-- Does the value equal `image`? nil means that it does not exist.
local function is_like(old, entry, now, image)
  return value.equal(contract.image(old.type, now, revived(entry.desired), old.key), image)
end

-- Is the value what a later effect of this run wrote, or was about to write?
local function is_later(gate, old, entry, now)
  for _, other in ipairs(gate.run.past:later(entry)) do
    if other.result and is_like(old, other, now, other.image) then return true end
    if not other.result and contract.equal(old.type, now, revived(other.desired)) then return true end
    if other.left ~= nil and is_like(old, other, now, other.left) then return true end
  end
  return false
end

-- Stops at a value from outside this run, unless the script wants that value anyway or the operator has decided.
---@param now any the value as the script reads it now
---@param seen any the value as the earlier attempt read it
---@param known boolean is the value one that this run knows?
local function check_foreign(gate, e, entry, old, now, seen, known)
  if known or contract.equal(e.type, now, e.desired) then return end
  if gate.run.past:takes_over(entry) then
    e.taken = true
    return
  end
  local past = { before = entry.before, desired = old.desired, id = entry.id }
  if apply.is_interim(gate, old, past, seen) then return end
  conflict(gate, old, entry, seen)
end

local function drop(gate, entry)
  gate:append({ t = "dropped", path = entry.path, effect = entry.id, at = gate.run.now() }, true)
end

-- The write took place, but the run ended before it could record that. The current value may be from outside this run.
local function settle(gate, old, entry, now)
  local info = old.type.info and gate:ask(old, old.type.info, old.target, now) or nil
  local after = old.desired
  if contract.equal(old.type, now, old.desired) then after = now end
  apply.record(gate, old, contract.outcome(entry.before, entry.desired), after, info)
end

-- The journal knows the result. It has no secrets, so those are read from the system.
local function recall(gate, e, entry)
  gate.run.report:effect_done(e.path, e.type.kind, e.key, "recalled", 0)
  if not value.has_reference(entry.after) then return true, revived(entry.after), entry.outcome end
  return true, gate:read_live(e), entry.outcome
end

-- Passes the effect to the gate, with the value that was read.
local function go_on(e, now)
  e.read, e.before = true, now
  return false
end

-- The effect is finished, but the script now wants something else, or wrote something else here meanwhile.
local function after_result(gate, e, entry)
  local old = earlier(e, entry)
  local now, seen = read_now(gate, e, old)
  if e.same and contract.equal(e.type, now, e.desired) then return recall(gate, e, entry) end
  local known = is_like(old, entry, seen, entry.image) or is_later(gate, old, entry, seen)
  check_foreign(gate, e, entry, old, now, seen, known)
  return go_on(e, now)
end

-- The write took place; the script wants the same, or something else.
local function after_write(gate, e, entry, old, now, seen)
  local known = contract.equal(e.type, seen, old.desired) or is_later(gate, old, entry, seen)
  check_foreign(gate, e, entry, old, now, seen, known)
  settle(gate, old, entry, seen)
  local stands = contract.equal(e.type, now, e.desired) or not gate.run.past:takes_over(entry)
  if not e.same or not stands then return go_on(e, now) end
  gate.run.report:effect_done(e.path, e.type.kind, e.key, entry.outcome, 0)
  return true, now, entry.outcome
end

-- The write did not take place. If it was interrupted, it may have left a part: then the value before it still counts.
local function before_write(gate, e, entry, old, now, seen)
  local untouched = is_like(old, entry, seen, entry.before)
  local known = untouched or entry.left ~= nil and is_like(old, entry, seen, entry.left)
  local later = not known and is_later(gate, old, entry, seen)
  check_foreign(gate, e, entry, old, now, seen, known or later)
  local by_word = gate.run.past:takes_over(entry)
  local taken = later or by_word
  -- Where the marker says that it was not this run, somebody else did what is wanted: nothing is left to write.
  local by_others = e.type.class == "transactional" and contract.equal(e.type, now, e.desired)
  if e.same and not taken and not by_others then
    e.id, e.intended, e.origin, e.taken = entry.id, true, entry.before, entry.taken
    return go_on(e, now)
  end
  drop(gate, entry)
  e.taken = e.taken or by_word or nil
  if not untouched and not taken and not by_others and rawequal(old.target, e.target) then e.carried = entry end
  return go_on(e, now)
end

-- Finds out what became of a write without a result, and what follows for the effect that the script wants now.
local function unfinished(gate, e, entry)
  local old = earlier(e, entry)
  local took_place = outcome.took_place(gate, old)
  local now, seen = read_now(gate, e, old)
  if took_place then return after_write(gate, e, entry, old, now, seen) end
  return before_write(gate, e, entry, old, now, seen)
end

--- Decides about an effect that the journal may know.
---@param gate table
---@param e table the effect, as the script wants it now
---@return boolean over is there nothing left to do?
---@return any after
---@return string? outcome
function M.effect(gate, e)
  local past = gate.run.past
  if not past then return false end
  local entries = past:effects(e.slot)
  local entry = entries[#entries]
  if not entry then return false end
  gate.name(e, #entries)
  if entry.dropped then return false end
  e.same = value.equal(value.plain(e.desired, e.key), entry.desired)
  local superseded = past:superseded(entry)
  past:touch(entry)
  if entry.result and e.same and not superseded then return recall(gate, e, entry) end
  if entry.result then return after_result(gate, e, entry) end
  return unfinished(gate, e, entry)
end

--- Before an effect is written, settles what an earlier attempt began on the same target in another place, such as a
--- step that was renamed. A change from outside this run is a conflict there too.
---@param gate table
---@param e table the effect
function M.others(gate, e)
  if not gate.run.past then return end
  local key = e.type.whole and e.type.whole(e.target) or e.key
  for _, entry in ipairs(gate.run.past:unfinished(e.type.kind, value.text(key))) do
    e.same = false
    entry.visited = true
    unfinished(gate, e, entry)
  end
end

-- ---- the end of the run ----

-- An intent of a step that the script no longer has, or of a write whose failure it handled.
local function settle_left_over(gate, entry)
  local e = {
    type = gate:type_of(entry.kind),
    target = revived(entry.target),
    desired = revived(entry.desired),
    key = entry.key,
    slot = entry.slot,
    id = entry.id,
    path = entry.path,
    start = task.now(),
    lost = true,
  }
  if outcome.took_place(gate, e) then
    settle(gate, e, entry, gate:read_live(e))
  else
    drop(gate, entry)
  end
end

local function is_left_over(entry)
  if not entry.intent or entry.result or entry.dropped then return false end
  return entry.outcome == "begun" or entry.earlier and not entry.visited or false
end

--- Settles what the journal holds as begun and the script did not reach again, so that the records are complete. If the
--- system cannot be asked, the effect counts as failed.
---@param gate table
---@return string[] problems of systems that could not be asked
function M.settle(gate)
  local problems = {}
  for _, entry in ipairs(gate:history().effects) do
    if is_left_over(entry) then
      local ok, err = xpcall(settle_left_over, errors.handler, gate, entry)
      if not ok then
        apply.failed(gate, entry, errors.wrap(err))
        problems[#problems + 1] = ("%s %s: %s"):format(entry.kind, entry.key, tostring(err))
      end
    end
  end
  return problems
end

-- ---- scripts and files ----

--- The sources that changed since a run started.
---@param run table
---@param id string
---@return string[] paths
function M.edited(run, id)
  local changed = {}
  for path in pairs(run.sandbox.texts) do
    local was = run.store:source(id, path)
    local now = fs.read_if(path:sub(1, 1) == "/" and path or fs.join(run.project.root, path))
    if was and was ~= now then changed[#changed + 1] = path end
  end
  table.sort(changed)
  return changed
end

--- The tenant's files that changed since a run started. Finished steps keep the values from then.
---@param h table history
---@return string[] paths
function M.changed_files(h) return header.changed_files(h.inputs or {}, h.root) end

return M
