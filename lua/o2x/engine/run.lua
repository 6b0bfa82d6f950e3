--- One run of a runbook for a tenant, which preparation.lua has prepared: plan, apply or resume.

local lazy = require "o2x.base.lazy"
local breaker = require "o2x.base.breaker"
local deadline = require "o2x.engine.deadline"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local first_write = require "o2x.engine.first_write"
local guide = require "o2x.engine.guide"
local fs = require "o2x.base.fs"
local helm_client = lazy "o2x.client.helm"
local header = require "o2x.engine.header"
local holding = require "o2x.engine.holding"
local hooks = require "o2x.script.hooks"
local identity = require "o2x.base.identity"
local lease = require "o2x.base.lease"
local lock = require "o2x.engine.lock"
local override = require "o2x.script.override"
local permission = require "o2x.engine.permission"
local plan = require "o2x.engine.plan"
local plan_file = require "o2x.engine.plan_file"
local planned = require "o2x.engine.planned"
local program = require "o2x.core.program"
local registration = require "o2x.engine.registration"
local memory = require "o2x.engine.memory"
local resume = require "o2x.engine.resume"
local same_again = require "o2x.engine.same_again"
local run_memory = require "o2x.base.run_memory"
local skip = require "o2x.engine.skip"
local store = require "o2x.engine.store"
local take_over = require "o2x.engine.take_over"
local tape = require "o2x.engine.tape"
local task = require "o2x.base.task"
local undo = require "o2x.engine.undo"

local M = {}

--- The runbook file that a run started with.
---@param project table
---@param h table its history
---@return string path
function M.file_of(project, h)
  local path = h.runbook.path
  return path:sub(1, 1) == "/" and path or fs.join(project.root, path)
end

--- The runbook's file of a run that is resumed.
---@param project table
---@param h table the run's history
---@param edited boolean? as it is now; else as the run keeps it
---@return string path
function M.file_to_resume(project, h, edited)
  local path = M.file_of(project, h)
  if not edited or fs.exists(path) then return path end
  errors.input(
    ("%s no longer exists"):format(h.runbook.path),
    ("without --edited, the run continues with its own copy: o2x resume %s"):format(h.id)
  )
end

-- ---- performing ----

local NOTICE <const> = 3 -- seconds for the platform's notice

-- Shows the platform's notice about the tenant, in every run. A system that does not answer must not delay the run.
local function notice(run)
  if not run.platform.notice then return end
  local ok, text = pcall(task.timeout, NOTICE, tape.silently, run.platform.notice, run.tenant)
  if ok and type(text) == "string" then run.report:message("", "warning", text) end
end

local function perform(run)
  for _, warning in ipairs(run.warnings) do
    run.report:message("", "warn", warning)
  end
  notice(run)
  run.runbook.run(run.tenant, run.params)
  for _, word in ipairs(take_over.unused(run)) do
    run.ctx:log("warn", ("--take-over=%s: no effect of this run that changes anything has this key"):format(word))
  end
  for _, path in ipairs(override.unused(run)) do
    run.ctx:log("warn", ("%s: no step %q in this run"):format(run.runbook.path, path))
  end
end

-- Settles what is still begun at the end of a finished run: the script will not reach it again.
local function settle(run)
  for _, problem in ipairs(resume.settle(run.gate)) do
    run.ctx:log("warn", "the outcome is unknown: " .. problem)
  end
end

-- An arrival has no scripts, and no journal that says what it does: nothing of it can be replayed.
local function start_tape(run)
  local most = run.config.record << 20
  if run.arrival or most <= 0 then return end
  if run.undo then
    run.journal:append(undo.world(run), "later")
  else
    tape.note_world(run, header.texts(run))
  end
  run.tape = tape.new(run.journal, most)
end

-- A tenant that comes into a lab is in no registry yet.
local function register(run)
  if not run.arrival then return run.registration:check() end
  if run.arrival.id then run.registration:remember(run.arrival.id) end
end

local function apply(run)
  local _let_go <close> = defer(function() run.lease:let_go() end) -- the end is recorded meanwhile
  register(run)
  if run.undo then undo.remember_id(run) end
  if run.commit then run.commit:begin() end
  start_tape(run)
  deadline.perform(run, hooks.before)
  local ok, err = xpcall(lease.within, errors.handler, run.lease, deadline.perform, run, perform)
  if ok and run.commit then
    ok, err = xpcall(run.commit.perform, errors.handler, run.commit)
  end
  run.wrote = run.gate.wrote -- by the run, not by the hooks after it
  hooks.after(run, ok and "done" or "failed", not ok and errors.wrap(err) or nil)
  if not ok then error(err, 0) end
  settle(run)
end

-- What a step asks only if there is something to write.
local function look_before_changes(run)
  local rights = first_write.look(run)
  if rights then table.insert(run.looks_before_changes, { path = "", look = rights }) end
  for _, one in ipairs(run.looks_before_changes) do
    local ok, err = xpcall(task.within, errors.handler, "step_path", one.path, deadline.perform, run, one.look)
    err = not ok and errors.wrap(err) or nil
    if err and not run.plan:goes_on_after(err) then error(err, 0) end
    if err then run.plan:problem(one.path, errors.amend(err, { step = one.path })) end
  end
end

-- Hooks alone are not a change: the plan shows them only if there are other changes.
local function rehearse(run)
  local _close <close> = defer(run.close_clients)
  run.registration:check()
  if run.undo then undo.remember_id(run) end
  if run.commit then run.commit:begin() end
  local last = {}
  local ok, err = xpcall(task.within, errors.handler, "last_look", last, deadline.perform, run, perform)
  if not ok then
    err = errors.wrap(err)
    same_again.blame(run, err)
    local alone = #run.plan.problems == 0 and not (run.guide and registration.UNANSWERED[err.kind])
    if alone or not run.plan:goes_on_after(err) then error(err, 0) end
    local _, why = run.plan:skip("", err)
    if run.guide then run.guide:stuck("", why, last) end
  end
  if run.auditing or not run.plan:has_changes() then return end
  look_before_changes(run)
  hooks.before(run)
  hooks.after(run, "done")
end

-- The run whose id is on what the effects write. What an undo takes back belongs to the run that wrote it.
local function owner_of(run) return run.undo and run.undo.origin or run.id end

--- Runs the runbook against an overlay. Only reads from the systems.
---@param run table
---@param whole boolean? also with the values of what would not change
---@return table plan
function M.plan(run, whole)
  run.id, run.plan = run.guide and "by-hand" or "plan", plan.new(whole)
  run.ctx.run_id = owner_of(run)
  local _memory <close> = defer(run_memory.open())
  run.report:during(breaker.within, rehearse, run)
  return run.plan
end

--- Plans a run, and makes the checklist of those who do it by hand.
---@param run table
---@return table guide
---@return table plan
function M.guide(run)
  run.guide = guide.new(run.tenant.secrets_source, run.tenant.secrets)
  return run.guide, M.plan(run)
end

local function take_lock(run, id)
  local user, host = identity.here()
  return lock.take(run.store.folder, run.tenant_name, {
    user = user,
    host = host,
    run = id,
    runbook = run.runbook.name,
    since = store.now(),
  })
end

-- Writes the end record. A run whose end cannot be recorded is not done.
local function conclude(run, status, err)
  local ended, problem = xpcall(run.journal.append, errors.handler, run.journal, {
    t = "end",
    status = status,
    error = err and same_again.problem(run, err) or nil,
    at = store.now(),
  })
  run.journal:close()
  run.report:close()
  if ended then return status, err end
  return status == "done" and "failed" or status, err or problem
end

-- A run that was refused before its first write is finished: nothing needs a resume.
local function verdict(run, err)
  if err.kind == "cancelled" then return "interrupted" end
  local wrote = run.wrote
  if wrote == nil then wrote = run.gate.wrote end
  if run.past or wrote then return "failed" end
  -- An undo that could not compare has nothing to resume, and does not keep its run from going on.
  local refused = run.undo ~= nil or err.kind == "input" or err.kind == "refused"
  return refused and "refused" or "failed"
end

local function execute(run)
  run.ctx.run_id = owner_of(run)
  run.report:log_to(fs.join(run.folder, "log"), { tenant = run.tenant, run = run.id })
  local _memory <close> = defer(run_memory.open())
  local ok, err = xpcall(run.report.during, errors.handler, run.report, apply, run)
  if ok then return conclude(run, run.undo and run.undo.left[1] and "incomplete" or "done") end
  err = errors.wrap(err)
  return conclude(run, verdict(run, err), err)
end

-- What a run keeps of its own: the scripts that it starts with, and its plan.
local function sources_of(run)
  local texts = {}
  for path, text in pairs(run.sandbox.texts) do
    texts[path] = text
  end
  if run.planned then texts[plan_file.KEPT] = run.planned.text end
  return texts
end

--- Applies a prepared run.
---@param run table
---@param started fun(run: table)? called once it has its id and its journal
---@return "done"|"incomplete"|"failed"|"refused"|"interrupted" status
---@return table? error
function M.apply(run, started)
  run.store = run.store or store.open(run.config.state)
  local id, _reserved <close> = run.store:new_id()
  run.id = id
  local _held <close> = take_lock(run, run.id)
  run.override = permission.check(run)
  local _close <close> = defer(run.close_clients)
  local _lease <close> = holding.take(run)
  run.folder, run.journal = run.store:create(run.id, header.of(run), sources_of(run))
  run.sandbox.keep = function(path, text) run.store:keep(run.id, path, text) end
  if started then started(run) end
  return execute(run)
end

--- Continues a run that did not finish.
---@param run table prepared from the run's own header
---@param id string
---@param started fun(run: table, changed: string[], files: string[], warning: string?)? called with the scripts, and
---  the tenant's files, that were edited since the run started; warning: it will fail again
---@param words string[]? effects whose foreign changes are overwritten
---@param skipped { step: string, reason: string }? a step that was done by hand
---@return "done"|"incomplete"|"failed"|"refused"|"interrupted" status
---@return table? error
function M.resume(run, id, started, words, skipped)
  local _held <close> = take_lock(run, id)
  local old = run.store:reopen(id)
  local ahead = fs.join(old.folder, helm_client.AHEAD)
  if fs.exists(ahead) then fs.remove_tree(ahead) end -- of a process that was killed
  run.store:check_unfinished(old.history) -- it may have ended since the command looked
  memory.check_take_over(id, { old.history, run.undo and run.undo.history }, words or {})
  run.id, run.folder, run.journal = id, old.folder, old.journal
  run.planned = planned.of_run(run.store, old.history)
  local as_started = run.undo ~= nil or run.sandbox.kept ~= nil -- an undo has no scripts that could be edited
  run.past, run.edited = memory.new(old.history, words), not as_started
  local against = permission.check(run)
  local _close <close> = defer(run.close_clients)
  local held <close> = holding.take(run)
  local proved = skipped and skip.prove(run, skip.step_of(old.history, skipped.step))
  local changed, files = resume.edited(run, id), resume.changed_files(old.history)
  local user, host = identity.here()
  run.journal:append {
    t = "resume",
    o2x = program.version,
    at = store.now(),
    pid = program.pid(),
    user = user,
    host = host,
    who = identity.details(),
    edited = changed,
    kept = as_started,
    override = against,
    lock = held:record(),
  }
  if run.edited then tape.note_sources(run, changed) end
  run.sandbox.keep = function(path, text) run.store:keep(id, path, text) end
  if started then started(run, changed, files, same_again.warning(old.history, changed, run.edited)) end
  if proved then skip.record(run, proved, skipped.reason) end
  return execute(run)
end

return M
