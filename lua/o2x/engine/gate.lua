--- The gate: every write of every run goes through here. It reads the current value, compares it with the desired
--- one and writes only a difference. It records the values before and after, so a run can be planned, resumed and
--- shown.
---
---   apply    read; equal → unchanged; else INTENT → write → read back → RESULT
---   plan     read through the overlay; record the difference; write to the overlay only
---   resume   as apply, but resume.lua first decides from the journal and the system

local apply = require "o2x.engine.apply"
local asked = require "o2x.engine.asked"
local contract = require "o2x.engine.contract"
local crypto = require "o2x.base.crypto"
local effects = require "o2x.effects"
local errors = require "o2x.base.error"
local guide = require "o2x.engine.guide"
local history = require "o2x.engine.history"
local json = require "o2x.base.json"
local leaks = require "o2x.base.leaks"
local limits = require "o2x.base.limits"
local overlay = require "o2x.engine.overlay"
local planning = require "o2x.engine.planning"
local points = require "o2x.base.points"
local resume = require "o2x.engine.resume"
local retry = require "o2x.base.retry"
local step = require "o2x.script.step"
local task = require "o2x.base.task"
local together = require "o2x.engine.together"
local unknown = require "o2x.base.unknown"
local value = require "o2x.base.value"

local M = {}

local Gate = {}
Gate.__index = Gate

--- The gate of one run.
---@param run table mode, id, journal, past, declared, report, plan
---@return table gate
function M.new(run)
  local function record_at(place) return run.journal:record_at(place) end
  return setmetatable({
    run = run,
    types = {},
    overlay = overlay.new(),
    counts = {},
    asked = asked.new(run.mode == "plan"),
    own_history = history.new(record_at),
  }, Gate)
end

--- What the run's journal says of its effects, up to now.
---@return table history
function Gate:history() return self.run.past and self.run.past.history or self.own_history end

--- Adds a record to the journal and to the history.
---@param record table
---@param lazy boolean? need not be on the disk yet
function Gate:append(record, lazy)
  local place = self.run.journal:append(record, lazy)
  history.add(self:history(), record, place)
end

-- The effect types that were looked at: they do not change, and a list of tenants makes a gate for each.
local checked = setmetatable({}, { __mode = "k" })

--- Registers the effect types of a module.
---@param module table
---@param ctx table
function Gate:register(module, ctx)
  self.ctx = ctx
  for _, effect_type in ipairs(module.types or {}) do
    if not checked[effect_type] then contract.check(module, effect_type) end
    checked[effect_type] = true
    self.types[effect_type.kind] = { type = effect_type, declares = module.declares }
  end
end

--- Finds an effect type in all modules: one module's effects may read another's ("helm" reads the values files of
--- "files"), even if the script does not use that one.
---@param kind string
---@return { type: o2x.effect_type, declares: string? }? entry nil if no module has it
function Gate:load_type(kind)
  local named = effects.find(kind:match "^[^.]*") -- mostly the kind's first word is the module's name
  if named then self:register(named, self.run.ctx) end
  if self.types[kind] then return self.types[kind] end
  for _, name in ipairs(effects.NAMES) do
    self:register(effects.find(name), self.run.ctx)
    if self.types[kind] then return self.types[kind] end
  end
end

--- The effect type of a kind, and the word that a runbook declares to use it.
---@param kind string
---@return o2x.effect_type
---@return string? declares
function Gate:type_of(kind)
  local entry = self.types[kind] or self:load_type(kind)
  if not entry then error("unknown effect type " .. tostring(kind), 0) end
  return entry.type, entry.declares
end

-- ---- reading ----

--- Options for the retries of an effect: within the run's time, each retry in the report and the journal.
---@param e table type, key, id
---@return o2x.retry.options
function Gate:retries(e)
  local function on_retry(attempt, err, seconds)
    self.run.report:retry(step.path(), e.key, attempt, err, seconds)
    if not self.run.journal then return end
    self.run.journal:append({
      t = "retry",
      path = step.path(),
      kind = e.type.kind,
      key = value.text(e.key),
      effect = e.id,
      attempt = attempt,
      problem = err.kind,
      message = value.text(err),
    }, true)
  end
  return { on_retry = on_retry, seconds = self.run.retry_seconds, first_pause = self.run.first_pause }
end

--- Options of a retry: in a plan, for a shorter time.
---@param options o2x.retry.options
---@return o2x.retry.options
function Gate:hurried(options) return self.asked:hurried(options) end

--- Asks a system. Until it has answered once in this run, its address may be wrong: then few attempts are enough.
---@param system string
---@param options o2x.retry.options
---@param fn function
---@param ... any arguments of fn
---@return any
function Gate:reach(system, options, fn, ...)
  options.on_retry = options.on_retry or self.run.ctx:retry_options().on_retry
  return self.asked:reach(system, options, fn, ...)
end

--- Asks the system, with retries of transient failures.
---@param e table
---@param fn fun(ctx: table, ...): any
---@param ... any arguments of fn
---@return any
function Gate:ask(e, fn, ...) return retry.read(self:hurried(self:retries(e)), fn, self.ctx, ...) end

--- The current value in the system.
---@param e table type, target, key
---@return any
function Gate:read_live(e)
  local current = self:reach(e.type.kind:match("^[^.]+"), self:retries(e), e.type.read, self.ctx, e.target)
  if self.run.witness then self.run.witness:note(e.type, e.target, e.key, current) end
  return current
end

--- Reads a target as the run sees it: a plan sees what its earlier steps would have written. A check of an audit sees
--- what is there.
---@param kind string
---@param target any
---@return any
function Gate:read(kind, target)
  local effect_type = self:type_of(kind)
  if effect_type.look then guide.note_look(function() return effect_type.look(self.ctx, target) end) end
  local key = effect_type.key(target)
  local looked, place = self.run.looked, kind .. "\0" .. key
  if looked then looked[place] = looked[place] or true end
  if self.run.mode == "plan" and not (self.run.auditing and step.in_check()) then
    return self.overlay:read(self, effect_type, target, key)
  end
  return self:read_live { type = effect_type, target = target, key = key }
end

--- Would the plan create something that this target lives in? Then the system need not be asked.
---@param effect_type o2x.effect_type
---@param target any
---@return boolean
---@return any parent the value that the plan gives it
---@return o2x.effect_type? parent_type
function Gate:parent_is_new(effect_type, target)
  if not effect_type.parent then return false end
  local kind, parent = effect_type.parent(target)
  if not kind then return false end
  local parent_type = self:type_of(kind)
  local key = parent_type.key(parent)
  if not self.overlay:is_new(kind, key) then return self:parent_is_new(parent_type, parent) end
  return true, select(2, self.overlay:get(kind, key)), parent_type
end

-- ---- writing ----

local function refuse_undeclared(run, kind, declares)
  if declares and not effects.is_declared(run.declared, kind, declares) then
    errors.raise {
      kind = "refused",
      op = kind,
      where = run.runbook.path,
      message = ("writes %s without declaring it"):format(kind),
      hint = ("add %q to the runbook's effects, or use only its reads"):format(declares),
    }
  end
end

-- Secrets go only where the type allows them, and their text nowhere.
local function refuse_leaks(run, effect_type, target, desired)
  local border = {
    what = effect_type.kind,
    secrets = effect_type.secrets ~= nil,
    stored = effect_type.secrets == "stored",
    is_public = effects.is_public(run),
    plan = run.mode == "plan",
  }
  leaks.check(desired, border)
  border.secrets = true -- a request that finds or creates the target may hold one
  leaks.check(target, border)
  border.stored = nil
  leaks.check(effect_type.key(target), border)
end

--- Brings a target to its desired value; nil means that it should not exist.
---@param kind string
---@param target any
---@param desired any
---@param of { undoes: string, check: fun(now: any), taken: boolean? }? of an undo: the effect that it takes back, what
---  refuses a foreign value before anything is written, and whether the operator has decided to overwrite it
---@return any what is there now (in a plan: would be)
---@return string outcome "unchanged", "created", "changed" or "deleted"
function Gate:effect(kind, target, desired, of)
  local effect_type = self:admit(kind, target, desired)
  if self.run.mode == "plan" then return planning.effect(self, effect_type, target, desired) end
  return self:apply(effect_type, target, desired, self:entry(effect_type, target, desired, of))
end

--- Brings targets of one kind to their desired values, in order, together where that is possible.
---@param kind string
---@param items { target: any, desired: any }[]
---@return { [1]: any, [2]: string }[] results as those of effect
function Gate:effects(kind, items)
  local effect_type, results = self:type_of(kind), {}
  for _, item in ipairs(items) do
    self:admit(kind, item.target, item.desired)
  end
  if self.run.mode ~= "plan" then return together.apply(self, effect_type, items) end
  for i, item in ipairs(items) do
    results[i] = { planning.effect(self, effect_type, item.target, item.desired) }
  end
  return results
end

--- Refuses an effect that this run may not have, here and now.
---@param kind string
---@param target any
---@param desired any
---@return o2x.effect_type
function Gate:admit(kind, target, desired)
  local effect_type, declares = self:type_of(kind)
  refuse_undeclared(self.run, kind, declares)
  if value.is_unknown(effect_type.key(target)) then unknown.refuse_elements() end -- which of them is it?
  limits.count(self.run, "effects", 1, "more than %s effects in one run")
  limits.check_journal(self.run)
  if step.in_check() then
    errors.raise { kind = "refused", op = kind, message = "a check must only read, but this one writes " .. kind }
  end
  refuse_leaks(self.run, effect_type, target, desired)
  if self.run.registration and not self.run.guide then self.run.registration:require(kind) end
  return effect_type
end

--- Announces a request that has an effect but leaves nothing behind to compare: a login, a test of a connection. It
--- must be declared, a plan does not send it, and the journal says that it was sent. A check may send it.
---@param declares string the word that the runbook must declare
---@param what string "log in: POST newclient-service-sso /api/auth/login"
function Gate:announce(declares, what)
  local run = self.run
  refuse_undeclared(run, "a request (" .. what .. ")", declares)
  if run.mode == "plan" then
    errors.raise {
      kind = "refused",
      code = "when_applied",
      message = ("a plan sends no such request: %s"):format(what),
      hint = "put it into a check: what needs it is then checked when the run is applied",
    }
  end
  limits.count(run, "effects", 1, "more than %s effects in one run")
  run.journal:append { t = "sent", path = step.path(), what = value.text(what), at = run.now() }
end

--- The number of an effect: the n-th on this target within this step.
---@param effect_type o2x.effect_type
---@param key string
---@param undoes string? the effect that it takes back
---@return integer nth
---@return string name of the target in this step
function Gate:count(effect_type, key, undoes)
  local name = table.concat({ step.path(), effect_type.kind, key, undoes }, "\0")
  self.counts[name] = (self.counts[name] or 0) + 1
  return self.counts[name], name
end

local function hash(...) return crypto.sha256(table.concat({ ... }, "\0")):sub(1, 32) end

--- The place of an effect: the n-th on this target within this step. A resumed run finds the same place, even if the
--- script was edited around it.
---@param effect_type o2x.effect_type
---@param key string
---@param undoes string? the effect that it takes back
---@return string slot
---@return integer nth
function Gate:slot(effect_type, key, undoes)
  local nth, name = self:count(effect_type, key, undoes)
  return hash(self.run.id, name, nth), nth
end

--- The id of an effect: from its place, its desired value, and the number of effects before it at that place. A
--- corrected script gets another id, and so its own marker.
---@param e table slot, desired, key
---@param earlier integer effects that the journal has at this place
function Gate.name(e, earlier)
  e.id = hash(e.slot, earlier, e.desired == nil and "nothing" or json.encode { value.plain(e.desired, e.key) })
end

--- Records an effect that was found done, without the run having done it: its step was done by hand.
---@param planned o2x.plan.effect
function Gate:found(planned)
  local effect_type = self:type_of(planned.kind)
  local slot = task.within("step_path", planned.path, self.slot, self, effect_type, planned.key)
  self.run.journal:append({
    t = "same",
    path = planned.path,
    kind = planned.kind,
    key = value.text(planned.key),
    effect = hash(slot, "found"),
    slot = slot,
  }, true)
  self.run.report:effect_done(planned.path, planned.kind, planned.key, "unchanged", 0)
end

--- An effect as apply.lua and resume.lua take it.
---@param effect_type o2x.effect_type
---@param target any
---@param desired any
---@param of table? as of effect
---@return table e
function Gate:entry(effect_type, target, desired, of)
  local key, undoes = effect_type.key(target), of and of.undoes
  local slot, nth = self:slot(effect_type, key, undoes)
  local e = {
    type = effect_type,
    target = target,
    desired = desired,
    key = key,
    slot = slot,
    nth = nth,
    undoes = undoes,
    check = of and of.check,
    taken = of and of.taken,
    path = step.path(),
    place = task.place(),
    start = task.now(),
  }
  if points.watched() then points.before("effect", effect_type.kind .. " " .. key, nil, { gate = self, effect = e }) end
  self.name(e, 0)
  return e
end

--- Applies an effect, unless a resumed run has done it already.
---@param effect_type o2x.effect_type
---@param target any
---@param desired any
---@param e table? its entry, if there is one already
---@return any after what is there now
---@return string outcome
function Gate:apply(effect_type, target, desired, e)
  e = e or self:entry(effect_type, target, desired)
  local over, after, result = resume.effect(self, e)
  if over then return after, result end
  resume.others(self, e)
  return apply.perform(self, e)
end

return M
