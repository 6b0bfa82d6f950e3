--- One run of a runbook for a tenant: prepare (load and check everything), then plan, apply or resume.

local arrival = require "o2x.engine.rehearsal.arrival"
local breaker = require "o2x.base.breaker"
local clients = require "o2x.engine.clients"
local context = require "o2x.engine.context"
local crypto = require "o2x.base.crypto"
local deadline = require "o2x.engine.deadline"
local defer = require "o2x.base.defer"
local gate = require "o2x.engine.gate"
local effects = require "o2x.effects"
local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local guide = require "o2x.engine.guide"
local fs = require "o2x.base.fs"
local header = require "o2x.engine.header"
local hooks = require "o2x.script.hooks"
local identity = require "o2x.base.identity"
local lock = require "o2x.engine.lock"
local override = require "o2x.script.override"
local params = require "o2x.project.params"
local permission = require "o2x.engine.permission"
local plan = require "o2x.engine.plan"
local plan_file = require "o2x.engine.plan_file"
local planned = require "o2x.engine.planned"
local program = require "o2x.core.program"
local registration = require "o2x.engine.registration"
local progress = require "o2x.report.progress"
local memory = require "o2x.engine.memory"
local resume = require "o2x.engine.resume"
local same_again = require "o2x.engine.same_again"
local run_memory = require "o2x.base.run_memory"
local runbooks = require "o2x.script.runbook"
local sandbox = require "o2x.script.sandbox"
local secret_names = require "o2x.engine.secret_names"
local skip = require "o2x.engine.skip"
local secrets_source = require "o2x.project.secrets_source"
local store = require "o2x.engine.store"
local take_over = require "o2x.engine.take_over"
local tape = require "o2x.engine.tape"
local task = require "o2x.base.task"
local tenants = require "o2x.project.tenants"
local undo = require "o2x.engine.undo"
local versions = require "o2x.project.versions"

local M = {}

---@class o2x.run.options
---@field mode "plan"|"apply"
---@field project table
---@field config table
---@field report table
---@field file string of the runbook
---@field tenant string
---@field params table<string, string>
---@field secrets string? the source of the tenant's secrets
---@field seed integer? of a run that is resumed
---@field kept (fun(shown: string): string?)? the sources that a resumed run started with
---@field allow_edited boolean? also run a changed runbook with an unchanged version
---@field fleet string? the id of the fleet that it belongs to
---@field take_over string[]? keys of targets of which the operator wants to overwrite what belongs to others
---@field planned table? what it may do, by a plan (planned.lua)
---@field approved string[]? who approved that plan
---@field audit boolean? compares the tenant with what the runbook would make of it, and looks at all checks
---@field place table? of place_to_look: the sandboxes, which no other run uses at the time; files: of all tenants
---@field loaded_secrets table? what secrets_source.load gave, where it was asked already
---@field arrival table? of rehearsal/arrival: the run brings a tenant into the lab of a rehearsal
---@field witness table? of rehearsal/witness: it notes what the run reads
---@field undo table? of undo.open: the run takes an earlier one back, and has no runbook, no hooks and no secrets file

local function set_of(words)
  local set = {}
  for _, word in ipairs(words) do
    set[word] = true
  end
  return set
end

local function load_secrets(run, contents, loaded)
  run.loaded_secrets = loaded
    or table.pack(secrets_source.load(run.secrets_source, run.config.secrets, run.tenant_name, run.client))
  contents.secrets, contents.secrets_source = run.loaded_secrets[1], run.loaded_secrets[2]
end

-- The same run once more, to look ahead: nothing of what a script keeps in its variables is shared.
local function plan_again(run, options)
  local again = {}
  for name, option in pairs(options) do
    again[name] = option
  end
  again.mode, again.place, again.report = "plan", nil, progress.new { quiet = true, planning = true }
  again.loaded_secrets, again.planned = run.loaded_secrets, run.planned
  again.undo = run.undo and undo.again(run.undo)
  return M.prepare(again)
end

-- Refuses a changed runbook with an unchanged version; a plan only reports it.
local function check_versions(run, options)
  if options.kept then return end
  for _, edited in ipairs(versions.edited(run.sandbox)) do
    if run.mode == "apply" and not options.allow_edited then error(versions.problem(edited), 0) end
    table.insert(run.edited_versions, ("%s %s"):format(edited.path, edited.version))
  end
end

-- What decides about tenants and grants is loaded before the runbook, in a sandbox that the runbook cannot reach.
local function load_platform(run)
  run.platform_sandbox = run.sandbox:apart()
  run.platform = run.platform_sandbox:require "stdlib.platform"
end

local function load_sandboxes(run, options)
  local place = options.place
  if not place then
    run.sandbox = sandbox.new(run.project, run.seed, options.kept)
    return load_platform(run)
  end
  run.sandbox, run.platform_sandbox, run.platform = place.sandbox, place.platform_sandbox, place.platform
end

-- The runbook and the hooks around it. The script of an undo is the journal of the run that goes back.
local function load_script(run, options)
  run.undo, run.arrival, run.edited_versions = options.undo, options.arrival, {}
  if run.arrival then
    local runbook, words = arrival.runbook()
    run.runbook, run.declared = runbook, set_of(words)
    run.runbook.run = function() arrival.perform(run) end
    return
  end
  if run.undo then
    run.runbook, run.declared = undo.runbook(run.undo), set_of(effects.words())
    run.runbook.run = function() undo.perform(run) end
    return
  end
  run.runbook = runbooks.load(run.sandbox, options.file)
  run.hooks = hooks.load(run.sandbox)
  check_versions(run, options)
  run.declared = set_of(run.runbook.effects)
end

-- What does not answer for so long is a finding.
local AUDIT_SECONDS <const> = 2

--- Loads and checks all that a run needs. Reads nothing from a system and writes nothing.
---@param options o2x.run.options
---@return table run
function M.prepare(options)
  local run = {
    mode = options.mode,
    project = options.project,
    config = options.config,
    report = options.report,
    given = options.params,
    retry_seconds = options.audit and math.min(options.config.retry.seconds, AUDIT_SECONDS)
      or options.config.retry.seconds,
    tenant_name = options.tenant,
    secrets_source = options.secrets,
    seed = options.seed or string.unpack("<i8", crypto.random(8)),
    seen_steps = {},
    now = store.now,
    fleet = options.fleet,
    planned = options.planned,
    approved = options.approved,
    take_over = options.take_over,
    auditing = options.audit,
    witness = options.witness,
  }
  tenants.check_name(options.tenant)
  load_sandboxes(run, options)
  load_script(run, options)
  run.params = frozen.new(params.check(run.runbook.params, options.params, run.runbook.name))
  local contents
  run.tenant, run.scope, contents = tenants.load(
    run.platform_sandbox,
    run.config,
    options.tenant,
    function(id) tape.silently(run.registration.confirm, run.registration, id) end,
    options.place and options.place.files
  )
  run.client, run.close_clients = clients.new(run.config, run.scope, run)
  if not run.undo then load_secrets(run, contents, options.loaded_secrets) end
  secret_names.check(run, contents.secrets)
  run.warnings = secret_names.warnings(contents.secrets)
  run.gate = gate.new(run)
  run.ctx = context.new(run)
  run.registration = registration.new(run)
  run.sandbox.run, run.platform_sandbox.run = run, run
  run.plan_again = function() return plan_again(run, options) end
  return run
end

--- The sandboxes of looks at one tenant after the other: the same for all, because loading stdlib takes longer than a
--- look.
---@param project table
---@return table place sandbox, platform_sandbox, platform
function M.place_to_look(project)
  local place = { sandbox = sandbox.new(project) }
  load_platform(place)
  return place
end

--- A read-only run, for commands that use stdlib for a tenant. The caller closes its clients.
---@param project table
---@param config table
---@param name string of the tenant
---@param place table? of place_to_look, which no other look uses at the time
---@param loaded table? tenant and scope, as tenants.load gives them there
---@return table run
function M.prepare_look(project, config, name, place, loaded)
  place = place or M.place_to_look(project)
  loaded = loaded or table.pack(tenants.load(place.platform_sandbox, config, name))
  local run = {
    mode = "apply",
    project = project,
    config = config,
    retry_seconds = config.retry.seconds,
    tenant_name = name,
    seen_steps = {},
    now = store.now,
    report = progress.new { quiet = true },
    declared = {},
    params = {},
    id = "look",
    runbook = { name = "look", path = "look", effects = {} },
    sandbox = place.sandbox,
    platform_sandbox = place.platform_sandbox,
    platform = place.platform,
    tenant = loaded[1],
    scope = loaded[2],
  }
  run.client, run.close_clients = clients.new(config, run.scope, run)
  run.gate = gate.new(run)
  run.ctx = context.new(run)
  run.sandbox.run, run.platform_sandbox.run = run, run
  return run
end

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

local function unconfirmed(runbook, word)
  errors.raise {
    kind = "input",
    message = ("%s is severe: %s"):format(runbook.name, runbook.summary),
    lacks = "--confirm=" .. word,
  }
end

--- Loads a runbook and checks its parameters before the first of several tenants starts.
---@param project table
---@param file string
---@param given table<string, string>
---@param options { confirm: string?, tenants: string }
function M.rehearse_params(project, file, given, options)
  local runbook = runbooks.load(sandbox.new(project), file)
  params.check(runbook.params, given, runbook.name)
  if runbook.severe and not options.confirm then unconfirmed(runbook, options.tenants) end
end

--- Refuses a severe runbook that was not confirmed.
---@param run table
---@param confirmed string? the tenant's name, as the operator typed it
function M.confirm(run, confirmed)
  if confirmed and confirmed ~= run.tenant_name then
    errors.input(("--confirm=%s, but the run is for %s"):format(confirmed, run.tenant_name))
  end
  if run.runbook.severe and not confirmed and not params.harmless(run.runbook.params, run.params) then
    unconfirmed(run.runbook, run.tenant_name)
  end
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

-- An undo and an arrival have no scripts, so nothing of them can be replayed.
local function start_tape(run)
  local most = run.config.record << 20
  if run.undo or run.arrival or most <= 0 then return end
  tape.note_world(run, header.texts(run))
  run.tape = tape.new(run.journal, most)
end

-- A tenant that comes into a lab is in no registry yet.
local function register(run)
  if not run.arrival then return run.registration:check() end
  if run.arrival.id then run.registration:remember(run.arrival.id) end
end

local function apply(run)
  local _close <close> = defer(run.close_clients)
  register(run)
  if run.undo then undo.remember_id(run) end
  start_tape(run)
  deadline.perform(run, hooks.before)
  local ok, err = xpcall(deadline.perform, errors.handler, run, perform)
  run.wrote = run.gate.wrote -- by the run, not by the hooks after it
  hooks.after(run, ok and "done" or "failed", not ok and errors.wrap(err) or nil)
  if not ok then error(err, 0) end
  settle(run)
end

-- Hooks alone are not a change: the plan shows them only if there are other changes.
local function rehearse(run)
  local _close <close> = defer(run.close_clients)
  run.registration:check()
  if run.undo then undo.remember_id(run) end
  local last = {}
  local ok, err = xpcall(task.within, errors.handler, "last_look", last, deadline.perform, run, perform)
  if not ok then
    err = errors.wrap(err)
    local alone = #run.plan.problems == 0 and not (run.guide and registration.UNANSWERED[err.kind])
    if alone or not run.plan:goes_on_after(err) then error(err, 0) end
    local _, why = run.plan:skip("", err)
    if run.guide then run.guide:stuck("", why, last) end
  end
  if run.auditing or not run.plan:has_changes() then return end
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
  run.store:check_unfinished(old.history) -- it may have ended since the command looked
  memory.check_take_over(id, { old.history, run.undo and run.undo.history }, words or {})
  run.id, run.folder, run.journal = id, old.folder, old.journal
  run.planned = planned.of_run(run.store, old.history)
  run.past, run.edited = memory.new(old.history, words), run.sandbox.kept == nil
  local against = permission.check(run)
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
    kept = run.sandbox.kept ~= nil,
    override = against,
  }
  if run.edited then tape.note_sources(run, changed) end
  run.sandbox.keep = function(path, text) run.store:keep(id, path, text) end
  if started then started(run, changed, files, same_again.warning(old.history, changed, run.edited)) end
  if proved then skip.record(run, proved, skipped.reason) end
  return execute(run)
end

return M
