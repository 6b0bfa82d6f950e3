--- What a resumed run does with each record of its journal:
---
---   done (a step)     the step is not run; its result is given
---   value             the same value is given (the time, a random name)
---   result            the effect is not done again, if the script still wants the same; else it is a new effect
---   intent, no result the system is asked whether the write took place (outcome.lua):
---                       it did               → RESULT is written now
---                       it did not           → it is done now, or DROPPED if the script wants something else by now
---   end of the run    intents that the script came by no more are settled in the same way
---
--- Before anything is written, three values are compared: before, ours, now. A value that is neither was put there by
--- somebody else since; it is a conflict, and the operator decides: `o2x resume RUN --take-over=EFFECT`.

local apply = require "o2x.engine.apply"
local contract = require "o2x.engine.contract"
local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local outcome = require "o2x.engine.outcome"
local value = require "o2x.base.value"

local M = {}

-- ---- what the journal knows ----

local Past = {}
Past.__index = Past

--- The memory of a resumed run.
---@param h table history.of the journal's records
---@param take_over string[]? effects (ids or keys) whose foreign changes the operator wants overwritten
---@return table past
function M.past(h, take_over) return setmetatable({ history = h, take_over = take_over or {}, visited = {} }, Past) end

--- What a finished step gave.
---@param path string
---@return { result: any }? nil if it has to run
function Past:step(path)
  local found = self.history.results[path]
  return found and { result = value.revive(found.result) }
end

--- A recorded value.
---@param key string
---@return { value: any }?
function Past:value(key) return self.history.values[key] end

--- What was intended at this place of the script, in order.
---@param slot string
---@return table[] entries
function Past:effects(slot)
  local entries = self.history.by_slot[slot] or {}
  for _, entry in ipairs(entries) do
    self.visited[entry.id] = true
  end
  return entries
end

local function takes_over(past, entry)
  for _, word in ipairs(past.take_over) do
    if word == entry.key or #word >= 6 and entry.id:sub(1, #word) == word then return true end
  end
  return false
end

-- ---- one effect ----

-- The effect of an earlier attempt, as the gate knows effects. Where the script still wants the same, its own value is
-- better than the journal's, which has no secrets.
local function earlier(e, entry)
  local desired = entry.desired
  if e.same then desired = e.desired end
  return {
    type = e.type,
    target = e.target,
    desired = desired,
    key = e.key,
    slot = entry.slot,
    id = entry.id,
    path = entry.path,
    start = e.start,
    origin = entry.before,
    lost = true,
  }
end

local function changes(gate, e, before, after)
  local lines = contract.describe(e.type, e.target, before, after).lines
  if #lines == 0 then return "nothing" end
  return table.concat(lines, "; "):sub(1, 300)
end

local FOREIGN <const> = "%s %s was changed by somebody else since the run stopped. "
  .. "This run's change: %s. What it is now: %s"

local function conflict(gate, e, entry, now)
  errors.raise {
    kind = "conflict",
    op = e.type.kind,
    code = "foreign_change",
    message = FOREIGN:format(
      e.type.kind,
      e.key,
      changes(gate, e, entry.before, entry.desired),
      changes(gate, e, entry.before, now)
    ),
    hint = ("look at it; to overwrite it: o2x resume %s --take-over=%s"):format(gate.run.id, entry.id:sub(1, 8)),
  }
end

-- Is it what `image` says? nil is nothing there.
local function is_like(gate, e, entry, now, image)
  return value.equal(contract.image(e.type, now, entry.desired, e.key), image)
end

-- Stops at a value that somebody else put there, unless it is what the script wants anyway, or the operator has
-- decided.
---@param known boolean is the value one that this run knows?
local function check_foreign(gate, e, entry, now, known)
  if known or contract.equal(e.type, now, e.desired) or takes_over(gate.run.past, entry) then return end
  if apply.is_interim(gate, e, { before = entry.before, desired = entry.desired, id = entry.id }, now) then return end
  conflict(gate, e, entry, now)
end

local function drop(gate, entry)
  gate.run.journal:append { t = "dropped", path = entry.path, effect = entry.id, at = gate.run.now() }
  entry.dropped = true
end

-- The write took place, and the run ended before it could say so.
local function settle(gate, old, entry, now)
  local info = old.type.info and gate:ask(old, old.type.info, old.target, now) or nil
  apply.record(gate, old, contract.outcome(entry.before, entry.desired), now, info)
  entry.result = true
end

-- The journal knows the result. Secrets are not in it: their place is asked.
local function recall(gate, e, entry)
  gate.run.report:effect_done(e.path, e.type.kind, e.key, "recalled", 0)
  if not entry.masked and not value.has_reference(entry.after) then return true, entry.after, entry.outcome end
  return true, gate:read_live(e), entry.outcome
end

-- On to the gate, with the value that was read.
local function go_on(e, now)
  e.read, e.before = true, now
  return false
end

-- The effect is finished, and the script wants something else by now.
local function after_result(gate, e, entry)
  local now = gate:read_live(e)
  check_foreign(gate, e, entry, now, is_like(gate, e, entry, now, entry.image))
  return go_on(e, now)
end

-- The write took place; the script wants the same, or something else.
local function after_write(gate, e, entry, old, now)
  check_foreign(gate, e, entry, now, contract.equal(e.type, now, old.desired))
  settle(gate, old, entry, now)
  local stands = contract.equal(e.type, now, e.desired) or not takes_over(gate.run.past, entry)
  if not e.same or not stands then return go_on(e, now) end
  gate.run.report:effect_done(e.path, e.type.kind, e.key, contract.outcome(entry.before, entry.desired), 0)
  return true, now, contract.outcome(entry.before, entry.desired)
end

-- The write did not take place. Cut short, it may have left a part of it: then what was there before it still counts.
local function before_write(gate, e, entry, now)
  local untouched = is_like(gate, e, entry, now, entry.before)
  local left = entry.left ~= nil and is_like(gate, e, entry, now, entry.left)
  check_foreign(gate, e, entry, now, untouched or left)
  local taken = not untouched and takes_over(gate.run.past, entry)
  if e.same and not taken then
    e.id, e.intended, e.origin = entry.id, true, entry.before
    return go_on(e, now)
  end
  drop(gate, entry)
  if not untouched and not taken then e.carried = entry end
  return go_on(e, now)
end

--- Decides what becomes of an effect that the journal may know of.
---@param gate table
---@param e table the effect, as the script wants it now
---@return boolean over is there nothing left to do?
---@return any after
---@return string? outcome
function M.effect(gate, e)
  if not gate.run.past then return false end
  local entries = gate.run.past:effects(e.slot)
  local entry = entries[#entries]
  if not entry then return false end
  gate.name(e, #entries)
  if entry.dropped then return false end
  e.same = value.equal(value.plain(e.desired, e.key), entry.desired)
  if entry.result and e.same then return recall(gate, e, entry) end
  if entry.result then return after_result(gate, e, entry) end
  local old = earlier(e, entry)
  local took_place = outcome.took_place(gate, old)
  local now = gate:read_live(e)
  if took_place then return after_write(gate, e, entry, old, now) end
  return before_write(gate, e, entry, now)
end

-- ---- the end of the run ----

-- An intent of a step that the script does not have any more, or of a write whose failure it lived with.
local function settle_unvisited(gate, entry)
  local effect_type = gate:type_of(entry.kind)
  local e = {
    type = effect_type,
    target = entry.target,
    desired = entry.desired,
    key = entry.key,
    slot = entry.slot,
    id = entry.id,
    path = entry.path,
    start = 0,
    lost = true,
  }
  if outcome.took_place(gate, e) then
    settle(gate, e, entry, gate:read_live(e))
  else
    drop(gate, entry)
  end
end

--- Settles what the journal holds as begun and the script did not come by again, so that the records have no hole.
---@param gate table
---@return string[] problems of systems that could not be asked
function M.settle(gate)
  local problems = {}
  local past = gate.run.past
  for _, entry in ipairs(past and past.history.effects or {}) do
    if entry.intent and not entry.result and not entry.dropped and not past.visited[entry.id] then
      local ok, err = xpcall(settle_unvisited, errors.handler, gate, entry)
      if not ok then problems[#problems + 1] = ("%s %s: %s"):format(entry.kind, entry.key, tostring(err)) end
    end
  end
  return problems
end

-- ---- scripts and files ----

--- The sources that are not what they were when a run began.
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

--- The tenant's files that are not what they were when a run began. Finished steps keep what they said then.
---@param h table history
---@return string[] paths
function M.changed_files(h)
  local changed = {}
  for path, hash in pairs(h.inputs or {}) do
    local text = fs.read_if(path)
    if not text or crypto.sha256(text) ~= hash then changed[#changed + 1] = path end
  end
  table.sort(changed)
  return changed
end

return M
