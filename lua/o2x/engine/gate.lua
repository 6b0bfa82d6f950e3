--- The gate: every write of every run goes through here. It reads what is there, compares it with what should be, and
--- writes only the difference; it records before and after, so that a run can be planned, resumed and looked at.
---
---   apply    read; equal → unchanged; else INTENT → write → read back → RESULT
---   plan     read through the overlay; note the difference; write to the overlay only
---   resume   apply, but first resume.lua says what the journal and the system know of this effect

local contract = require "o2x.engine.contract"
local crypto = require "o2x.base.crypto"
local diff = require "o2x.base.diff"
local effects = require "o2x.effects"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local kill_points = require "o2x.engine.kill_points"
local outcome = require "o2x.engine.outcome"
local overlay = require "o2x.engine.overlay"
local resume = require "o2x.engine.resume"
local retry = require "o2x.base.retry"
local step = require "o2x.script.step"
local task = require "o2x.base.task"
local value = require "o2x.base.value"

local M = {}

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
  for _, effect_type in ipairs(module.types or {}) do
    contract.check(module, effect_type)
    self.types[effect_type.kind] = { type = effect_type, declares = module.declares }
  end
end

--- One module's effects may read another's ("helm" reads the values files of "files"), used by the script or not.
---@param kind string
---@return { type: o2x.effect_type, declares: string? }? entry nil if no module has it
function Gate:load_type(kind)
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
  if not entry then error("there is no effect type " .. tostring(kind), 0) end
  return entry.type, entry.declares
end

--- How a change looks to people.
---@param effect_type o2x.effect_type
---@param target any
---@param before any
---@param after any
---@return { title: string, lines: string[] }
function Gate.describe(effect_type, target, before, after)
  local shown = effect_type.show and effect_type.show(target, before, after) or { lines = diff.lines(before, after) }
  local lines = {}
  for i, line in ipairs(shown.lines or {}) do
    lines[i] = value.text(line)
  end
  return { title = value.text(shown.title or effect_type.key(target)), lines = lines }
end

--- Is the current value what is desired, in the type's own sense?
---@param effect_type o2x.effect_type
---@param current any
---@param desired any
---@return boolean
function Gate.equal(effect_type, current, desired)
  if current == nil or desired == nil then return current == desired end
  if effect_type.equal then return effect_type.equal(current, desired) end
  return value.equal(current, desired)
end

--- What of a value the journal keeps: what undo restores, and what tells whether somebody else changed it.
---@param effect_type o2x.effect_type
---@param current any
---@param desired any
---@param key string for the error about a value that cannot be recorded
---@return any
function Gate.image(effect_type, current, desired, key)
  if current ~= nil and effect_type.image then current = effect_type.image(current, desired) end
  return value.plain(current, key)
end

-- ---- reading ----

-- How an effect's operations are retried: within the run's time, each retry in the report and the journal.
local function retries(gate, e, attempts)
  local function on_retry(attempt, err, seconds)
    gate.run.report:retry(step.path(), e.key, attempt, err, seconds)
    if not gate.run.journal then return end
    gate.run.journal:append({
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
  return { on_retry = on_retry, attempts = attempts, seconds = gate.run.retry_seconds }
end

--- Asks the system, again while its failures are transient.
---@param e table
---@param fn fun(ctx: table, ...): any
---@param ... any arguments of fn
---@return any
function Gate:ask(e, fn, ...) return retry.read(retries(self, e), fn, self.ctx, ...) end

--- The value as the system has it.
---@param e table type, target, key
---@return any
function Gate:read_live(e)
  local system = e.type.kind:match("^[^.]+")
  local attempts = not self.reached[system] and retry.first_attempts or nil
  local found = retry.read(retries(self, e, attempts), e.type.read, self.ctx, e.target)
  self.reached[system] = true
  return found
end

--- Reads what is there, as the run sees it: in a plan, what earlier steps would have written is there.
---@param kind string
---@param target any
---@return any
function Gate:read(kind, target)
  local effect_type = self:type_of(kind)
  local key = effect_type.key(target)
  if self.run.mode == "plan" then
    local known, current = self.overlay:get(kind, key)
    if known then return current end
    if self:parent_is_new(effect_type, target) then return nil end
  end
  return self:read_live { type = effect_type, target = target, key = key }
end

--- Does the plan itself create something that this target lives in? Then the system need not be asked.
---@param effect_type o2x.effect_type
---@param target any
---@return boolean
function Gate:parent_is_new(effect_type, target)
  if not effect_type.parent then return false end
  local kind, parent = effect_type.parent(target)
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
  local effect_type, declares = self:type_of(kind)
  refuse_undeclared(self.run, kind, declares)
  if step.in_check() then
    errors.raise { kind = "refused", op = kind, message = "a check may only read, this one writes " .. kind }
  end
  if self.run.mode == "plan" then return self:plan(effect_type, target, desired) end
  return self:apply(effect_type, target, desired)
end

local function outcome_of(before, after)
  if before == nil then return "created" end
  return after == nil and "deleted" or "changed"
end

--- Plans an effect: compares, and writes to the overlay only.
---@param effect_type o2x.effect_type
---@param target any
---@param desired any
---@return any after what would be there
---@return string outcome
function Gate:plan(effect_type, target, desired)
  local key = effect_type.key(target)
  local before = self:read(effect_type.kind, target)
  if self.equal(effect_type, before, desired) then
    self.run.plan:unchanged(effect_type.kind, key, step.path())
    return before, "unchanged"
  end
  local after = desired
  if effect_type.predict then after = effect_type.predict(self.ctx, target, desired, before) end
  local result = outcome_of(before, desired)
  self.overlay:set(effect_type.kind, key, after, before == nil)
  self.run.plan:change {
    kind = effect_type.kind,
    key = key,
    path = step.path(),
    outcome = result,
    class = effect_type.class,
    show = self.describe(effect_type, target, before, after),
    before = before,
    after = after,
  }
  self.run.report:planned(step.path(), effect_type.kind, key, result)
  return after, result
end

local function hash(...) return crypto.sha256(table.concat({ ... }, "\0")):sub(1, 32) end

--- The place of an effect: the n-th on this target within this step. It is the same in a resumed run, whatever else is
--- edited around it.
---@param effect_type o2x.effect_type
---@param key string
---@return string slot
function Gate:slot(effect_type, key)
  local name = table.concat({ step.path(), effect_type.kind, key }, "\0")
  self.counts[name] = (self.counts[name] or 0) + 1
  return hash(self.run.id, name, self.counts[name])
end

--- Names an effect by its place, by what it wants, and by how many came before it there. A script that was corrected
--- asks for another effect, with a marker of its own.
---@param e table slot, desired, key
---@param earlier integer effects that the journal has at this place
function Gate.name(e, earlier)
  e.id = hash(e.slot, earlier, e.desired == nil and "nothing" or json.encode { value.plain(e.desired, e.key) })
end

--- Applies an effect, unless a resumed run finds it done.
---@param effect_type o2x.effect_type
---@param target any
---@param desired any
---@return any after what is there now
---@return string outcome
function Gate:apply(effect_type, target, desired)
  local key = effect_type.key(target)
  local e = {
    type = effect_type,
    target = target,
    desired = desired,
    key = key,
    slot = self:slot(effect_type, key),
    path = step.path(),
    start = task.now(),
  }
  self.name(e, 0)
  local over, after, result = resume.effect(self, e)
  if over then return after, result end
  return self:perform(e)
end

--- resume.lua may have read the value already (e.read), and may go on with an intent of the journal (e.intended) or
--- with what was there before it (e.carried).
---@param e table the effect
---@return any after what is there now
---@return string outcome
function Gate:perform(e)
  self.run.report:effect_started(e.path, e.type.kind, e.key)
  if not e.read then e.before = self:read_live(e) end
  if not e.intended then
    if self.equal(e.type, e.before, e.desired) then return self:unchanged(e) end
    self:intend(e)
  end
  local info, after = self:write(e)
  return self:conclude(e, info, after)
end

--- Notes that there is nothing to do.
---@param e table
---@return any current
---@return string "unchanged"
function Gate:unchanged(e)
  local record =
    { t = "same", path = e.path, kind = e.type.kind, key = value.text(e.key), effect = e.id, slot = e.slot }
  self.run.journal:append(record, true)
  self.run.report:effect_done(e.path, e.type.kind, e.key, "unchanged", task.now() - e.start)
  return e.before, "unchanged"
end

--- By what the system itself gives the before-image back.
---@param e table the effect
---@return table? reference plain data; nil if the before-image is in the journal
function Gate:reference(e)
  if e.carried then return e.carried.reference end
  if e.before == nil or not e.type.reference then return nil end
  return value.plain(e.type.reference(self.ctx, e.target, e.before), e.key)
end

--- Everything that undo and a resumed run need, on the disk before the write begins.
---@param e table the effect
function Gate:intend(e)
  self.wrote = true
  kill_points.pass()
  local target = e.target
  if e.type.record then target = e.type.record(target) end
  local carried = e.carried
  local before = carried and carried.before
  if not carried then before = self.image(e.type, e.before, e.desired, e.key) end
  e.origin = before
  self.run.journal:append {
    t = "intent",
    path = e.path,
    kind = e.type.kind,
    key = value.text(e.key),
    effect = e.id,
    slot = e.slot,
    class = e.type.class,
    target = value.plain(target, e.key),
    before = before,
    reference = self:reference(e),
    desired = value.plain(e.desired, e.key),
    show = self.describe(e.type, e.target, e.before, e.desired),
    at = self.run.now(),
  }
  kill_points.pass()
end

--- Notes that an intended write did not get there, and what it left.
---@param e table
---@param err table
---@param left any what was read back, if it was
function Gate:failed(e, err, left)
  if err.kind == "cancelled" then return end
  self.run.journal:append({
    t = "failed",
    path = e.path,
    effect = e.id,
    message = value.text(err),
    left = self.image(e.type, left, e.desired, e.key),
  }, true)
end

--- Writes, again where that is safe. After a failure the system is asked first: somebody (perhaps this very request)
--- may have done it.
---@param e table the effect
---@return any info for the journal
---@return any after what write left, if it knows
function Gate:write(e)
  local budget
  while true do
    local results = table.pack(xpcall(e.type.write, errors.handler, self.ctx, e.target, e.desired, e.before, e.id))
    if results[1] then
      kill_points.pass()
      return table.unpack(results, 2, results.n)
    end
    local err = errors.wrap(results[2])
    local unknown = err.kind == "unknown"
    local again = unknown or retry.may(err, false)
    if unknown and e.type.class == "unprovable" then again = false end
    if again and unknown and self:happened(e) then return nil end
    budget = budget or retry.budget(retries(self, e))
    if not again or not budget.again(err) then
      self:failed(e, err)
      error(err, 0)
    end
    if self:happened(e) then return nil end
  end
end

--- Did the write take place? If not, `before` is brought up to date, in the journal too: what counts is what was there
--- before the write that stands.
---@param e table the effect
---@return boolean
function Gate:happened(e)
  if e.type.class ~= "unprovable" and outcome.took_place(self, e) then
    e.lost = true
    return true
  end
  local current = self:read_live(e)
  if self.equal(e.type, current, e.desired) then
    e.lost = true
    return true
  end
  local was, is = self.image(e.type, e.before, e.desired, e.key), self.image(e.type, current, e.desired, e.key)
  e.before = current
  if not value.equal(was, is) and not self:is_interim(e, { before = was, desired = e.desired, id = e.id }, current) then
    self:intend(e)
  end
  return false
end

--- Is the value one that a write of ours, cut short, leaves, or that the system reaches by itself?
---@param e table
---@param past table before, desired, id
---@param now any
---@return boolean
function Gate:is_interim(e, past, now)
  return e.type.interim ~= nil and self:ask(e, e.type.interim, e.target, past, now) or false
end

local function mismatch(gate, e, after)
  return errors.new {
    kind = "conflict",
    op = e.type.kind,
    message = ("%s: read-back mismatch, it is not what was written: %s"):format(
      e.key,
      table.concat(gate.describe(e.type, e.target, e.desired, after).lines, "; "):sub(1, 400)
    ),
    hint = "somebody else may be changing it; o2x resume tries again",
  }
end

local function info_of(gate, e, info, after)
  if e.lost then return e.type.info and gate:ask(e, e.type.info, e.target, after) or nil end
  if info ~= nil and not e.type.info then
    error(("effect type %s: its write gives info, so it must have the function info"):format(e.type.kind), 0)
  end
  return info
end

--- Reads back what was written and records the result.
---@param e table
---@param info any what write gave, for the journal
---@param after any what write left, if it knows
---@return any after
---@return string outcome
function Gate:conclude(e, info, after)
  if after == nil or e.lost then after = self:read_live(e) end
  if not self.equal(e.type, after, e.desired) then
    local past = { before = e.origin, desired = e.desired, id = e.id }
    if not self:is_interim(e, past, after) then
      local err = mismatch(self, e, after)
      self:failed(e, err, after)
      error(err, 0)
    end
  end
  local result = outcome_of(e.origin, e.desired)
  self:record(e, result, after, info_of(self, e, info, after))
  kill_points.pass()
  self.run.report:effect_done(e.path, e.type.kind, e.key, result, task.now() - e.start)
  return after, result
end

--- Writes the RESULT of an effect.
---@param e table
---@param result string outcome
---@param after any
---@param info any
function Gate:record(e, result, after, info)
  self.run.journal:append {
    t = "result",
    path = e.path,
    effect = e.id,
    outcome = result,
    info = value.plain(info, e.key),
    after = value.plain(after, e.key),
    image = e.type.image and self.image(e.type, after, e.desired, e.key) or nil,
    seconds = task.now() - e.start,
    at = self.run.now(),
  }
end

return M
