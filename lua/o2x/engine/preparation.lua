--- What a run needs before it starts: everything is loaded and checked, nothing is read from a system or written.

local arrival = require "o2x.engine.rehearsal.arrival"
local commit = require "o2x.engine.commit"
local clients = require "o2x.engine.clients"
local context = require "o2x.engine.context"
local crypto = require "o2x.base.crypto"
local differences = require "o2x.engine.differences"
local gate = require "o2x.engine.gate"
local effects = require "o2x.effects"
local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local hooks = require "o2x.script.hooks"
local kept = require "o2x.engine.kept"
local params = require "o2x.project.params"
local runbook_files = require "o2x.project.runbook_files"
local registration = require "o2x.engine.registration"
local progress = require "o2x.report.progress"
local runbooks = require "o2x.script.runbook"
local sandbox = require "o2x.script.sandbox"
local secret_names = require "o2x.engine.secret_names"
local secrets_source = require "o2x.project.secrets_source"
local store = require "o2x.engine.store"
local tape = require "o2x.engine.tape"
local tenant_files = require "o2x.project.tenant_files"
local tenants = require "o2x.project.tenants"
local undo = require "o2x.engine.undo"
local versions = require "o2x.project.versions"

local M = {}

---@class o2x.preparation.options
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
---@field tagging boolean? a plan says of each difference by which tag a tenant's file keeps it (kept.lua)
---@field beside string? the folder of the run for which this one looks ahead
---@field files table? of tenant_files.read: the files of all tenants, one of which may not be on the disk
---@field place table? of place: the sandboxes, which no other run uses at the time; files: of all tenants
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
  again.loaded_secrets, again.planned, again.beside = run.loaded_secrets, run.planned, run.folder
  again.undo = run.undo and undo.again(run.undo)
  return M.run(again)
end

-- What the runbook that makes tenants would change, if the tenant's file said something else. It is another run, so
-- nothing of what a script keeps in its variables is shared.
local function differences_with(run, file)
  local files = tenant_files.read(run.config)
  files:put(run.config, run.tenant_name, file)
  local twin = M.run {
    mode = "plan",
    project = run.project,
    config = run.config,
    report = progress.new { quiet = true, planning = true },
    file = runbook_files.find(run.project, run.platform.MAKES, run.tenant_name),
    tenant = run.tenant_name,
    params = {},
    secrets = run.secrets_source,
    loaded_secrets = run.loaded_secrets,
    files = files,
    audit = true,
    tagging = true,
    beside = run.folder,
  }
  run.twin = twin -- keeps the secrets that it has read: no file of this run may have their texts
  return differences.of(twin, run.gate.overlay)
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

-- The tenant, what a run for it may touch, and its contents. What goes on with a run, or takes it back, needs the file
-- that the run had: it says what may be touched.
local function load_tenant(run, options)
  local loaded = table.pack(
    xpcall(
      tenants.load,
      errors.handler,
      run.platform_sandbox,
      run.config,
      options.tenant,
      function(id) tape.silently(run.registration.confirm, run.registration, id) end,
      options.files or options.place and options.place.files,
      run.runbook.adopts or options.tagging
    )
  )
  if loaded[1] then return table.unpack(loaded, 2, 4) end
  local err, goes_on = loaded[2], options.undo or options.kept
  if goes_on and err.code == "no_tenant" then
    errors.amend(err, { hint = err.hint .. "; put the file back as the run had it, under that name" })
  end
  error(err, 0)
end

--- Loads and checks all that a run needs. Reads nothing from a system and writes nothing.
---@param options o2x.preparation.options
---@return table run
function M.run(options)
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
    tagging = options.tagging,
    beside = options.beside,
    witness = options.witness,
  }
  tenants.check_name(options.tenant)
  load_sandboxes(run, options)
  load_script(run, options)
  run.params = frozen.new(params.check(run.runbook.params, options.params, run.runbook.name))
  local contents
  run.tenant, run.scope, contents = load_tenant(run, options)
  run.kept = kept.of(run)
  run.client, run.close_clients = clients.new(run.config, run.scope, run)
  if not run.undo then load_secrets(run, contents, options.loaded_secrets) end
  secret_names.check(run, contents.secrets)
  run.warnings = secret_names.warnings(contents.secrets)
  run.gate = gate.new(run)
  run.ctx = context.new(run)
  run.registration = registration.new(run)
  run.commit = commit.new(run)
  run.sandbox.run, run.platform_sandbox.run = run, run
  run.plan_again = function() return plan_again(run, options) end
  run.differences = function(file) return differences_with(run, file) end
  return run
end

--- The sandboxes of looks at one tenant after the other: the same for all, because loading stdlib takes longer than a
--- look.
---@param project table
---@return table place sandbox, platform_sandbox, platform
function M.place(project)
  local place = { sandbox = sandbox.new(project) }
  load_platform(place)
  return place
end

--- A read-only run, for commands that use stdlib for a tenant. The caller closes its clients.
---@param project table
---@param config table
---@param name string of the tenant
---@param place table? of place, which no other look uses at the time
---@param loaded table? tenant and scope, as tenants.load gives them there
---@return table run
function M.look(project, config, name, place, loaded)
  place = place or M.place(project)
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
function M.params(project, file, given, options)
  local runbook = runbooks.load(sandbox.new(project), file)
  params.check(runbook.params, given, runbook.name)
  if runbook.severe and not options.confirm then unconfirmed(runbook, options.tenants) end
end

--- Refuses a severe runbook that was not confirmed.
---@param run table
---@param confirmed string? the tenant's name, as the operator typed it
function M.confirm(run, confirmed)
  if confirmed and confirmed ~= run.tenant_name then
    errors.input(
      ("--confirm=%s, but the run is for %s"):format(confirmed, run.tenant_name),
      "repeat the tenant's name: --confirm=" .. run.tenant_name
    )
  end
  if run.runbook.severe and not confirmed and not params.harmless(run.runbook.params, run.params) then
    unconfirmed(run.runbook, run.tenant_name)
  end
end

return M
