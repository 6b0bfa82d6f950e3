--- What the modules of lua/o2x/effects see of a run: its tenant, grants, clients and gate. Everything is a method:
--- ctx:client "pg", ctx:effect(kind, target, desired), ctx:read(kind, target).

local clock = require "o2x.base.clock"
local effects = require "o2x.effects"
local errors = require "o2x.base.error"
local guide = require "o2x.engine.guide"
local memo = require "o2x.base.memo"
local params = require "o2x.project.params"
local plain = require "o2x.base.plain"
local planning = require "o2x.engine.planning"
local registration = require "o2x.engine.registration"
local retry = require "o2x.base.retry"
local step = require "o2x.script.step"
local store = require "o2x.engine.store"
local task = require "o2x.base.task"
local unknown = require "o2x.base.unknown"
local value = require "o2x.base.value"

local M = {}

---@class o2x.context
---@field mode "apply"|"plan"
---@field tenant table
---@field scope table the grants of stdlib/platform.lua
---@field config table
---@field declared table<string, boolean>
---@field run_id string
---@field progress fun(text: string) shows what the run waits for; a plain function, so that clients can take it
local Context = {}
Context.__index = Context

local runs = setmetatable({}, { __mode = "k" }) -- context → its run, out of reach of the modules

--- The context of a run.
---@param run table
---@return o2x.context
function M.new(run)
  local ctx = setmetatable({
    mode = run.mode,
    tenant = run.tenant,
    scope = run.scope,
    config = run.config,
    declared = run.declared,
    progress = function(text) run.report:waiting(step.path(), text) end,
  }, Context)
  run.looks_before_changes = {}
  run.answers = run.mode == "plan" and memo.new(math.huge) or nil
  runs[ctx] = run
  return ctx
end

-- The kinds of what an undo takes back; `made`: of what it removes again.
local function of_undo(run)
  local words, made = {}, {}
  for _, entry in ipairs(run.undo.history.effects) do
    words[entry.kind .. ":write"] = true
    made[entry.kind] = made[entry.kind] or entry.before == nil
  end
  return words, made
end

--- The effect types that the run may use: those that its runbook declares, or of which an undo takes effects back.
---@return o2x.effect_type[]
---@return table<string, boolean> removed the kinds of which an undo removes targets
function Context:declared_types()
  local run = runs[self]
  if not run.undo then return effects.types_of(self.declared), {} end
  local words, made = of_undo(run)
  return effects.types_of(words), made
end

--- Notes that the run's rights were asked for.
---@return boolean before had they been?
function Context:ask_for_rights()
  local run = runs[self]
  local before = run.asked_for_rights == true
  run.asked_for_rights = true
  return before
end

--- The number by which the run holds its tenant, for transactions that check it.
---@return { tenant: string, number: integer, run: string }? nil: it has none
function Context:fence()
  local held = runs[self].lease
  return held and held:fence()
end

--- A wire client of the run, created at its first use.
---@param name string
---@return table
function Context:client(name) return runs[self].client(name) end

--- Brings a target to its desired value.
---@param kind string
---@param target any
---@param desired any nil: it should not exist
---@return any after the current value (in a plan: the predicted one)
---@return "created"|"changed"|"deleted"|"unchanged" outcome
function Context:effect(kind, target, desired) return runs[self].gate:effect(kind, target, desired) end

--- Brings targets of one kind to their desired values, in order, and together where their type can do that.
---@param kind string
---@param items { target: any, desired: any }[]
---@return { [1]: any, [2]: string }[] results of each, as those of effect
function Context:effects(kind, items) return runs[self].gate:effects(kind, items) end

--- Announces a request with an effect that leaves nothing behind to compare: a login, a test. Raises in a plan.
---@param declares string the word that the runbook must declare
---@param what string for people
function Context:announce(declares, what) runs[self].gate:announce(declares, what) end

--- Lists something in the plan that is checked only when the run is applied.
---@param what string
function Context:check_later(what) runs[self].plan:check_later(step.path(), what) end

--- Reads a target as the run sees it.
---@param kind string
---@param target any
---@return any
function Context:read(kind, target)
  local run = runs[self]
  if not run.guide or step.in_check() then return run.gate:read(kind, target) end
  local ok, found = xpcall(run.gate.read, errors.handler, run.gate, kind, target)
  if ok then return found end
  if not registration.UNANSWERED[errors.wrap(found).kind] then error(found, 0) end
  local assumed = planning.assumed(run.gate, nil, target)
  local look = rawequal(assumed, value.unknown) and run.gate:type_of(kind).look
  return look and run.guide:unread(look(self, target)) or assumed
end

--- Tells a rehearsal of a target that was seen in another way than by its type's read: in a list.
---@param kind string
---@param target any
function Context:noticed(kind, target)
  local run = runs[self]
  if not run.witness then return end
  local effect_type = run.gate:type_of(kind)
  run.witness:note(effect_type, target, effect_type.key(target), true)
end

--- Would an earlier step of this plan have changed something? Then there is nothing to wait for.
---@return boolean
function Context:planned()
  local run = runs[self]
  if run.auditing and step.in_check() then return false end
  return run.mode == "plan" and run.plan:has_changes(task.place())
end

--- Is what is not there no problem? Not if an earlier step of this plan would make it, nor in an audit, which names it
--- as missing itself.
---@param kind string
---@param key string
---@return boolean
function Context:may_be_missing(kind, key)
  local run = runs[self]
  return run.mode == "plan" and (run.auditing or run.gate.overlay:is_new(kind, key)) or false
end

--- What the earlier steps of a plan would have written of some kinds, in their order; nothing in a run.
---@param kinds string[]
---@return { kind: string, key: string, target: any, value: any, number: integer }[]
function Context:written_ahead(kinds)
  local run = runs[self]
  if run.mode ~= "plan" or run.auditing and step.in_check() then return {} end
  return run.gate.overlay:written(kinds)
end

--- Does only the run wait for what is not true yet? A plan lists it; an audit reports it.
---@return boolean
function Context:waits_later()
  local run = runs[self]
  return run.mode == "plan" and not run.auditing
end

--- Puts a look off to the end of the plan, and makes it only if something would change. What it raises is a problem of
--- the step that put it off. An audit has no use for what only a write needs.
---@param look fun()
---@return boolean put_off false: a run, or a checklist for people, which must look now
function Context:look_before_changes(look)
  local run = runs[self]
  if run.mode ~= "plan" or run.guide then return false end
  table.insert(run.looks_before_changes, { path = step.path(), look = look })
  return true
end

--- How long to wait for something that is not true yet. An audit looks once: it reports what is, and not what may be.
---@param seconds number of a run
---@return number seconds
function Context:patience(seconds) return runs[self].auditing and 0 or seconds end

--- Shows a message and writes it to the run's log.
---@param level "info"|"warning"|"warn"
---@param message string
---@param fields table?
function Context:log(level, message, fields) runs[self].report:message(step.path(), level, message, fields) end

--- A copy of a value for a command by hand: secrets are variables of the shell.
---@param given any
---@return any
function Context:filled(given)
  local run = runs[self]
  run.guide = run.guide or guide.new()
  return run.guide:filled(given)
end

--- A variable of the shell for commands by hand, which a command sets before it is used first.
---@param name string capitals, digits and _
---@param command string prints the value
---@return string mark of base/shell.lua
function Context:variable(name, command)
  local run = runs[self]
  run.guide = run.guide or guide.new()
  return run.guide:variable(name, command)
end

--- A function of the shell for commands by hand, which is defined before it is used first.
---@param name string
---@param command string what it does
---@return string name
function Context:function_by_hand(name, command)
  local run = runs[self]
  run.guide = run.guide or guide.new()
  return run.guide:define(name, command)
end

--- A value that only the run will know. A checklist gives it a name: its command sets the variable.
---@param name string capitals, digits and _
---@return any unknown
function Context:known_later(name) return runs[self].guide and unknown.named(name) or unknown.value end

--- A text in the place of one that only the run will know, for a checklist: in its commands it is a variable, which a
--- command sets.
---@param name string capitals, digits and _
---@param text string of the form that the true one has
---@return string text
function Context:stand_in(name, text) return runs[self].guide:stands(name, text) end

--- Says by which commands a person sees what is looked at here. A run does not ask for them.
---@param fn fun(): string[] lines
function Context:look(fn) guide.note_look(fn) end

--- Does a checklist go on after this error? Where a system does not answer, people follow it all the same.
---@param err any
---@return boolean
function Context:followed_without(err)
  return runs[self].guide ~= nil and registration.UNANSWERED[errors.wrap(err).kind] or false
end

-- Is there something in a step that could not be read? Then nobody knows whether what follows from it is true.
local function is_unread(run, path)
  for _, problem in ipairs(run.plan and run.plan.problems or {}) do
    if problem.path == path and registration.UNANSWERED[problem.error.kind] then return true end
  end
  return false
end

--- Waits for something: a checklist has it as a check.
---@param title string
---@param fn fun(): string[] lines by which a person waits for the same
function Context:wait_by_hand(title, fn)
  local list = runs[self].guide
  local function look()
    guide.note_look(fn)
    return true -- what is there already is waited for in earnest
  end
  if list then list:look(step.path(), title, look, self:planned() or is_unread(runs[self], step.path())) end
end

--- Shows what the run waits for.
---@param text string
function Context:waiting(text) self.progress(text) end

--- Runs a check: an assertion that only reads.
---@param name string
---@param fn function
---@param ... any arguments of fn
---@return any
function Context:check(name, fn, ...) return step.check(runs[self], name, fn, ...) end

--- A value that a resumed run must see again, such as the time or a random name. The journal keeps it under its step
--- and name.
---@param name string
---@param fn fun(): any
---@return any
function Context:recorded(name, fn)
  local run = runs[self]
  local base = ("%s: %s"):format(step.path(), name)
  run.value_counts = run.value_counts or {}
  run.value_counts[base] = (run.value_counts[base] or 0) + 1
  local key = ("%s #%d"):format(base, run.value_counts[base])
  local past = run.past and run.past:value(key)
  if past then return plain.revive(past.value) end
  past = run.planned and run.planned:value(key)
  local kept = past and past.value
  if not past then kept = plain.of(fn(), { what = name }) end
  if run.plan then run.plan.values[key] = kept end
  local record = { t = "value", path = step.path(), name = name, key = key, value = kept }
  if run.journal then run.journal:append(record, true) end
  return plain.revive(kept)
end

--- A value of the run itself that it writes somewhere: its id, its time. A plan has another, and does not show that one
--- as what would come: there it is known after apply. In a checklist it is what it is now.
---@param name string as of recorded
---@param fn fun(): any
---@return any
function Context:of_the_run(name, fn)
  local run = runs[self]
  if run.mode == "plan" and not run.guide then return unknown.value end
  return self:recorded(name, fn)
end

--- The time of the run for names, the same as in its id: "20261123-143015". A plan has no id yet, and "plan" in its
--- place; in a checklist it is what it is now.
---@return string
function Context:stamp_of_the_run()
  local run = runs[self]
  local stamp = self.run_id:match "^R%-(%d+%-%d+)%-"
  if stamp or not run.guide then return stamp or self.run_id end
  return (self:recorded("clock.now", clock.iso):gsub("[-:Z]", ""):gsub("T", "-"))
end

--- The id of the run for a desired value: known after apply in a plan.
---@return string|table
function Context:id_of_the_run()
  local run = runs[self]
  return run.mode == "plan" and not run.guide and unknown.value or self.run_id
end

--- Calls a function that only reads, outside any effect. Retries transient failures and shows why it waits.
---@param fn function
---@param ... any arguments of fn
---@return any
function Context:retry(fn, ...) return retry.read(runs[self].gate:hurried(self:retry_options()), fn, ...) end

--- The options of a retry outside any effect.
---@return o2x.retry.options
function Context:retry_options()
  local run = runs[self]
  return {
    seconds = run.retry_seconds,
    first_pause = run.first_pause,
    on_retry = function(_, err) self:waiting("trying again: " .. tostring(err)) end,
  }
end

--- As retry, for a system of which nobody knows yet that its address is right: until it has answered once in this run,
--- only few attempts are made.
---@param system string "broker"
---@param fn function
---@param ... any arguments of fn
---@return any
function Context:ask(system, fn, ...) return runs[self].gate:reach(system, self:retry_options(), fn, ...) end

--- The answer to a question that a system is asked. A plan is one look at the systems, which it does not change: it
--- asks once, whoever wants to know. A run asks each time: the answer may have changed, by itself or somebody else.
---@param question string names it: the system first, then all that the answer depends on
---@param fn function asks; what it returns must not be changed afterwards
---@param ... any arguments of fn
---@return any results of fn
function Context:once(question, fn, ...)
  local answers = runs[self].answers
  if not answers then return fn(...) end
  local given = table.pack(...)
  return answers:get(question, function() return fn(table.unpack(given, 1, given.n)) end)
end

--- Lets a plan ask again: its script has waited for something to change.
function Context:look_again()
  local answers = runs[self].answers
  if answers then answers:forget() end
end

--- What the runbook that makes tenants would change, if the tenant's file said something else: see differences.lua.
---@param file table what it would say
---@return { differences: table[], problems: table[], failed: table[] }
function Context:differences(file) return runs[self].differences(file) end

--- Is a text the value of a parameter of the run?
---@param text any
---@return boolean
function Context:is_given(text) return params.is_value(runs[self].params, text) end

--- The store of earlier runs.
---@return table store
function Context:run_store() return store.open(self.config.state) end

--- Raises a refusal with the script's line, unless it is in stdlib/.
---@param message string
---@param hint string?
function Context:refuse(message, hint)
  local where, line = runs[self].sandbox:said()
  errors.raise { kind = "refused", message = message, hint = hint, where = where, line = line }
end

return M
