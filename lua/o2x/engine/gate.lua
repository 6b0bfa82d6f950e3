--- The gate: every write of every run goes through here. It reads what is there, compares it with what should be, and
-- writes only the difference; it records before and after, so that a run can be planned, resumed and looked at.
--
--   apply    read; equal → unchanged; else INTENT → write → read back → RESULT
--   plan     read through the overlay; note the difference; write to the overlay only
--   resume   apply, but what the journal knows is not done again: RESULT → its value; INTENT alone → ask the system

local crash = require "o2x.engine.kill_points"
local crypto = require "o2x.base.crypto"
local diff = require "o2x.base.diff"
local effects = require "o2x.effects"
local errors = require "o2x.base.error"
local overlay = require "o2x.engine.overlay"
local retry = require "o2x.base.retry"
local step = require "o2x.script.step"
local task = require "o2x.base.task"
local value = require "o2x.base.value"

local M = {}

local CLASSES = { read = true, transactional = true, idempotent = true, probed = true, unprovable = true }

--- Checks an effect type; one without a class does not load.
---@param module table what a file of lua/o2x/effects returns
---@param type table
function M.check_type(module, type)
  local function must(condition, what)
    if not condition then error(("effect type %s of o2x.%s: %s"):format(tostring(type.kind), module.name, what), 0) end
  end
  must(type.kind, "has no kind")
  must(CLASSES[type.class], "its class is none of read, transactional, idempotent, probed, unprovable")
  must(type.key and type.read, "key and read are missing")
  must(type.class == "read" or type.write, "write is missing")
  must(type.class == "read" or module.declares, "its module declares nothing")
end

local Gate = {}
Gate.__index = Gate

--- The gate of one run.
---@param run table mode, id, journal, past, declared, report, plan
---@return table gate
function M.new(run)
  return setmetatable({ run = run, types = {}, overlay = overlay.new(), counts = {}, reached = {} }, Gate)
end

--- Takes the effect types of a module in.
---@param module table
---@param ctx table
function Gate:register(module, ctx)
  self.ctx = ctx
  for _, type in ipairs(module.types or {}) do
    M.check_type(module, type)
    self.types[type.kind] = { type = type, declares = module.declares }
  end
end

-- One module's effects may read another's ("helm" reads the values files of "files"), used by the script or not.
function Gate:load_type(kind)
  for _, name in ipairs(effects.NAMES) do
    self:register(effects.find(name), self.run.ctx)
    if self.types[kind] then return self.types[kind] end
  end
end

function Gate:type_of(kind)
  local entry = self.types[kind] or self:load_type(kind)
  if not entry then error("there is no effect type " .. tostring(kind), 0) end
  return entry.type, entry.declares
end

local function describe(type, target, before, after)
  local shown = type.show and type.show(target, before, after) or { lines = diff.lines(before, after) }
  local lines = {}
  for i, line in ipairs(shown.lines or {}) do
    lines[i] = value.text(line)
  end
  return { title = value.text(shown.title or type.key(target)), lines = lines }
end

local function equal(type, current, desired)
  if current == nil or desired == nil then return current == desired end
  if type.equal then return type.equal(current, desired) end
  return value.equal(current, desired)
end

-- ---- reading ----

function Gate:on_retry(type, key, effect_key)
  return function(attempt, err, seconds)
    self.run.report:retry(step.path(), key, attempt, err, seconds)
    if self.run.journal then
      self.run.journal:append({
        t = "retry",
        path = step.path(),
        kind = type.kind,
        key = value.text(key),
        effect = effect_key,
        attempt = attempt,
        problem = err.kind,
        message = value.text(err),
      }, true)
    end
  end
end

function Gate:read_live(type, target, key)
  local system = type.kind:match("^[^.]+")
  local attempts = not self.reached[system] and retry.first_attempts or nil
  local found = retry.read(self:on_retry(type, key), attempts, type.read, self.ctx, target)
  self.reached[system] = true
  return found
end

--- Reads what is there, as the run sees it: in a plan, what earlier steps would have written is there.
---@param kind string
---@param target any
---@return any
function Gate:read(kind, target)
  local type = self:type_of(kind)
  local key = type.key(target)
  if self.run.mode == "plan" then
    local known, current = self.overlay:get(kind, key)
    if known then return current end
    if self:parent_is_new(type, target) then return nil end
  end
  return self:read_live(type, target, key)
end

-- Does the plan itself create something that this target lives in? Then the system need not be asked.
function Gate:parent_is_new(type, target)
  if not type.parent then return false end
  local kind, parent = type.parent(target)
  if not kind then return false end
  local parent_type = self:type_of(kind)
  if self.overlay:is_new(kind, parent_type.key(parent)) then return true end
  return self:parent_is_new(parent_type, parent)
end

-- ---- writing ----

local function refuse_undeclared(run, kind, declares)
  if declares and not run.declared[declares] then
    errors.raise {
      kind = "refused",
      op = kind,
      where = run.runbook.path,
      message = ("writes %s without declaring it"):format(kind),
      hint = ("add %q to the runbook's effects, or use only its reads"):format(declares),
    }
  end
end

--- Makes the target what it should be; nil as desired means that it should not be there.
---@param kind string
---@param target any
---@param desired any
---@return any what is there now (in a plan: would be)
---@return string outcome "unchanged", "created", "changed" or "deleted"
function Gate:effect(kind, target, desired)
  local type, declares = self:type_of(kind)
  refuse_undeclared(self.run, kind, declares)
  if step.in_check() then
    errors.raise { kind = "refused", op = kind, message = "a check may only read, this one writes " .. kind }
  end
  if self.run.mode == "plan" then return self:plan(type, target, desired) end
  return self:apply(type, target, desired)
end

local function outcome_of(before, after)
  if before == nil then return "created" end
  return after == nil and "deleted" or "changed"
end

function Gate:plan(type, target, desired)
  local key = type.key(target)
  local before = self:read(type.kind, target)
  if equal(type, before, desired) then
    self.run.plan:unchanged(type.kind, key, step.path())
    return before, "unchanged"
  end
  local after = desired
  if type.predict then after = type.predict(self.ctx, target, desired, before) end
  local outcome = outcome_of(before, desired)
  self.overlay:set(type.kind, key, after, before == nil)
  self.run.plan:change {
    kind = type.kind,
    key = key,
    path = step.path(),
    outcome = outcome,
    class = type.class,
    show = describe(type, target, before, after),
    before = before,
    after = after,
  }
  self.run.report:planned(step.path(), type.kind, key, outcome)
  return after, outcome
end

-- The n-th effect on this target within this step: the same in a resumed run, whatever else is edited around it.
function Gate:identify(type, key)
  local name = table.concat({ step.path(), type.kind, key }, "\0")
  self.counts[name] = (self.counts[name] or 0) + 1
  return crypto.sha256(table.concat({ self.run.id, name, self.counts[name] }, "\0")):sub(1, 32)
end

-- State of one effect on its way through apply.
function Gate:begin(type, target, desired)
  local key = type.key(target)
  return {
    type = type,
    target = target,
    desired = desired,
    key = key,
    id = self:identify(type, key),
    path = step.path(),
    start = task.now(),
  }
end

function Gate:apply(type, target, desired)
  local e = self:begin(type, target, desired)
  local past = self.run.past and self.run.past.effects[e.id]
  if past and past.result and self:same_desire(e, past) then return self:recall(e, past) end
  self.run.report:effect_started(e.path, type.kind, e.key)
  local interrupted = past and past.intent and not past.result
  local same = interrupted and self:same_desire(e, past)
  if interrupted and self:finished_after_all(e) and same then return self:record(e, past.before) end
  e.before = self:read_live(type, target, e.key)
  if equal(type, e.before, desired) then return self:unchanged(e) end
  local origin = e.before
  if same then
    origin = past.before
  else
    self:intend(e)
  end
  local info = self:write(e)
  return self:record(e, origin, info)
end

-- The journal knows the result. If the runbook was edited so that it now wants something else, it is an effect anew.
function Gate:same_desire(e, past) return value.equal(value.plain(e.desired), past.desired) end

function Gate:recall(e, past)
  self.run.report:effect_done(e.path, e.type.kind, e.key, "recalled", 0)
  if not past.masked and not value.has_reference(past.after) then return past.after, past.outcome end
  return self:read_live(e.type, e.target, e.key), past.outcome -- secrets are not in the journal: their place is asked
end

function Gate:probe(e)
  return retry.read(self:on_retry(e.type, e.key, e.id), nil, e.type.probe, self.ctx, e.target, e.desired, e.id)
end

-- An INTENT without RESULT: was it carried out before the crash? The system knows.
function Gate:finished_after_all(e)
  if e.type.probe then return self:probe(e) == "done" end
  if e.type.class == "unprovable" then
    errors.raise {
      kind = "unknown",
      op = e.type.kind,
      message = ("%s %s: it is not known whether it was done before the crash"):format(e.type.kind, e.key),
      hint = "look at the system, then start a new run",
    }
  end
  return equal(e.type, self:read_live(e.type, e.target, e.key), e.desired)
end

function Gate:unchanged(e)
  local record = { t = "same", path = e.path, kind = e.type.kind, key = value.text(e.key), effect = e.id }
  self.run.journal:append(record, true)
  self.run.report:effect_done(e.path, e.type.kind, e.key, "unchanged", task.now() - e.start)
  return e.before, "unchanged"
end

function Gate:intend(e)
  self.wrote = true
  crash.point()
  local show = describe(e.type, e.target, e.before, e.desired)
  self.run.journal:append {
    t = "intent",
    path = e.path,
    kind = e.type.kind,
    key = value.text(e.key),
    effect = e.id,
    class = e.type.class,
    before = value.plain(e.before, e.key),
    desired = value.plain(e.desired, e.key),
    show = show,
    at = self.run.now(),
  }
  crash.point()
end

-- Writes, again where that is safe. After a failure the system is asked first: somebody (perhaps this very
-- request) may have done it.
function Gate:write(e)
  local budget
  while true do
    local ok, result = xpcall(e.type.write, errors.handler, self.ctx, e.target, e.desired, e.before, e.id)
    if ok then
      crash.point()
      return result
    end
    local unknown = errors.is(result) and result.kind == "unknown"
    if not unknown and not retry.may(result, false) then error(result, 0) end
    if unknown and self:happened(e) then return nil end
    if unknown and e.type.class == "unprovable" then error(result, 0) end
    budget = budget or retry.budget(self:on_retry(e.type, e.key, e.id))
    if not budget.again(result) then error(result, 0) end
    if self:happened(e) then return nil end
  end
end

-- Asks whether the write took place; brings `before` up to date if it did not.
function Gate:happened(e)
  if e.type.probe and self:probe(e) == "done" then return true end
  local current = self:read_live(e.type, e.target, e.key)
  if equal(e.type, current, e.desired) then return true end
  e.before = current
  return false
end

function Gate:record(e, before, info)
  local after = self:read_live(e.type, e.target, e.key)
  if not equal(e.type, after, e.desired) then
    errors.raise {
      kind = "conflict",
      op = e.type.kind,
      message = ("%s: written, but it reads back otherwise: %s"):format(
        e.key,
        table.concat(describe(e.type, e.target, e.desired, after).lines, "; "):sub(1, 400)
      ),
      hint = "somebody else may be changing it; o2x resume tries again",
    }
  end
  local outcome = outcome_of(before, e.desired)
  self.run.journal:append {
    t = "result",
    path = e.path,
    effect = e.id,
    outcome = outcome,
    info = value.plain(info, e.key),
    after = value.plain(after, e.key),
    seconds = task.now() - e.start,
    at = self.run.now(),
  }
  crash.point()
  self.run.report:effect_done(e.path, e.type.kind, e.key, outcome, task.now() - e.start)
  return after, outcome
end

return M
