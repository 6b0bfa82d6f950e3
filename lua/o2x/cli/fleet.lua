--- Runs over several tenants: o2x run RUNBOOK --tenants=WHICH, and o2x resume F-….

local args = require "o2x.cli.args"
local common = require "o2x.cli.common"
local ending = require "o2x.cli.ending"
local errors = require "o2x.base.error"
local fleet_ending = require "o2x.cli.fleet_ending"
local fleets = require "o2x.engine.fleet"
local json = require "o2x.base.json"
local out = require "o2x.report.out"
local progress = require "o2x.report.progress"
local memory = require "o2x.engine.memory"
local preparation = require "o2x.engine.preparation"
local run = require "o2x.engine.run"
local task = require "o2x.base.task"

local M = {}

local ENDED <const> = { done = true, incomplete = true }

--- Runs one tenant; an error becomes the outcome of that tenant.
---@param fleet table
---@param tenant string
---@param prepare fun(report: table): table run
---@param apply fun(run: table, started: function): string, table?
---@return table outcome
function M.attempt(fleet, tenant, prepare, apply)
  local start = task.now()
  local report = progress.new { quiet = out.quiet or fleet.at_once > 1, verbose = out.verbose }
  local this
  local ok, status, err = xpcall(function()
    this = prepare(report)
    return apply(this, function()
      local what = this.undo and "undo of " .. this.undo.history.id
        or ("%s %s"):format(this.runbook.name, this.runbook.version)
      out.say(("%s for %s, run %s"):format(what, tenant, this.id))
      common.print_notes(this)
    end)
  end, errors.handler)
  if not ok then
    status, err = "refused", errors.wrap(status)
    if err.kind == "cancelled" then status = "interrupted" end
  end
  local outcome =
    { status = status, error = err, run = this and this.id, counts = report.counts, seconds = task.now() - start }
  if status == "incomplete" then outcome.left = this.undo.left end
  outcome.begun = this ~= nil and ending.has_begun(this)
  if err and status ~= "interrupted" then out.problem(err, ("%s: %s"):format(tenant, err.step or status)) end
  if this and err then
    outcome.again, outcome.edited = ending.same_again_of(this, status, err)
  end
  if outcome.again then out.say(("  %s: %s"):format(tenant, outcome.again)) end
  return outcome
end

local function again(store, project, config, fleet, past, report, options)
  return preparation.run {
    mode = "apply",
    project = project,
    config = config,
    file = run.file_to_resume(project, past, options.edited),
    tenant = past.tenant,
    params = past.params,
    secrets = options.secrets or past.secrets,
    seed = past.seed,
    fleet = fleet.id,
    report = report,
    allow_edited = options.allow_edited,
    kept = not options.edited and store:kept(past) or nil,
  }
end

local RESUMABLE = { failed = true, interrupted = true, crashed = true }

local function go_on(store, project, config, fleet, options)
  return function(tenant, past)
    if past and RESUMABLE[past.status] then
      past = store:origin(past.id)
      return M.attempt(fleet, tenant, function(report)
        local this = again(store, project, config, fleet, past, report, options)
        this.store = store
        return this
      end, function(this, started) return run.resume(this, past.id, started, options.take_over) end)
    end
    return M.attempt(fleet, tenant, function(report)
      local planned, header = fleets.planned(store, fleet, tenant)
      return preparation.run {
        mode = "apply",
        project = project,
        config = config,
        tenant = tenant,
        params = fleet.params,
        report = report,
        file = header and run.file_of(project, header) or common.runbook(project, fleet, { fleet.runbook, tenant }),
        allow_edited = fleet.allow_edited,
        secrets = fleet.secrets,
        fleet = fleet.id,
        seed = header and header.seed,
        take_over = fleet.take_over,
        planned = planned,
        approved = fleet.approved,
      }
    end, function(this, started)
      preparation.confirm(this, fleet.confirmed and tenant or nil)
      this.store = store
      return run.apply(this, started)
    end)
  end
end

--- Runs the tenants of a fleet and prints how each ended.
---@param store table
---@param project table
---@param config table
---@param fleet table
---@param options table of the command line
---@param go function? fleet_undo.go, of an undo
---@return integer exit code
function M.perform(store, project, config, fleet, options, go)
  ending.carry_local_lock(options.local_lock)
  common.if_ended(fleet_ending.next_of(fleet, options))
  out.say(("%s for %d tenants, %s"):format(fleet.runbook, #fleet.tenants, fleet.id))
  common.print_warnings(config)
  local outcomes, status = fleets.perform(store, fleet, (go or go_on)(store, project, config, fleet, options))
  return fleet_ending.conclude(fleet, outcomes, status, options, common.warnings(config))
end

local function at_once(options)
  local count = math.tointeger(tonumber(options.at_once or "1"))
  if not count or count < 1 or count > 64 then errors.input("--at-once: expected a number from 1 to 64") end
  return count
end

-- Over several tenants, --confirm must repeat the selector, so that nobody confirms more tenants than intended.
local function check_confirmed(options, selector)
  if options.confirm and options.confirm ~= selector then
    errors.input(
      ("--confirm=%s does not match --tenants=%s"):format(options.confirm, selector),
      "repeat the selector: --confirm=" .. selector
    )
  end
end

-- The tenants of a command line, and how its runs are to be.
local function spec_of(options, arguments, project, config)
  if options.secrets == "-" then
    errors.input("--secrets=- works for one tenant only", "put the secrets into a folder and set O2X_SECRETS to it")
  end
  local names = fleets.select(project, config, options.tenants)
  return {
    runbook = arguments[1],
    selector = options.tenants,
    tenants = json.array(names),
    params = args.assignments(arguments, 2, common.declared(project, options, { arguments[1], names[1] })),
    at_once = at_once(options),
    keep_going = options.keep_going or false,
    standard = options.standard,
    confirmed = options.confirm ~= nil,
    allow_edited = options.allow_edited,
    take_over = options.take_over,
    secrets = options.secrets,
    root = project.root,
  }
end

--- o2x run RUNBOOK --tenants=WHICH
---@param options table
---@param arguments string[]
---@return integer exit code
function M.run(options, arguments)
  local project, config = common.load_project(options, arguments[1])
  check_confirmed(options, options.tenants)
  local spec = spec_of(options, arguments, project, config)
  preparation.params(project, common.runbook(project, spec, { arguments[1], spec.tenants[1] }), spec.params, options)
  local store = common.open_store(config)
  return M.perform(store, project, config, fleets.create(store, spec), options)
end

--- The runs of o2x plan RUNBOOK --tenants=WHICH, ready to be planned.
---@param options table
---@param arguments string[]
---@param project table
---@param config table
---@return table spec runbook, selector, tenants, params …
---@return fun(tenant: string): table run
function M.planning(options, arguments, project, config)
  local spec = spec_of(options, arguments, project, config)
  return spec,
    function(tenant)
      return preparation.run {
        mode = "plan",
        project = project,
        config = config,
        file = common.runbook(project, spec, { spec.runbook, tenant }),
        tenant = tenant,
        params = spec.params,
        secrets = spec.secrets,
        take_over = spec.take_over,
        report = progress.new { quiet = true, planning = true },
      }
    end
end

--- o2x apply FILE, where the file is the plan of a fleet. Nothing has moved.
---@param this { project: table, config: table, store: table, options: table }
---@param file table of plan_file.read
---@return integer exit code
function M.apply(this, file)
  local planned, first = file.header.plan, file.parts[1]
  check_confirmed(this.options, planned.selector)
  local spec = {
    runbook = first.header.runbook.name,
    selector = planned.selector,
    tenants = json.array(planned.tenants),
    params = first.header.params,
    at_once = planned.at_once,
    keep_going = planned.keep_going,
    confirmed = this.options.confirm ~= nil,
    allow_edited = first.header.allow_edited ~= nil,
    take_over = first.header.take_over,
    secrets = this.options.secrets or first.header.secrets,
    root = first.header.root,
    plan = file.hash,
    approved = this.approved,
  }
  preparation.params(
    this.project,
    run.file_of(this.project, first.header),
    spec.params,
    { confirm = this.options.confirm, tenants = planned.selector }
  )
  local fleet = fleets.create(this.store, spec, first.text)
  return M.perform(this.store, this.project, this.config, fleet, this.options)
end

local function check_take_over(store, fleet, words)
  local histories = {}
  for _, past in pairs(#words > 0 and fleets.runs(store, fleet) or {}) do
    histories[#histories + 1] = store:look(past.id)
    if past.undo then histories[#histories + 1] = store:look(past.undo.run) end
  end
  memory.check_take_over(fleet.id, histories, words)
end

--- o2x resume F-…
---@param options table
---@param store table
---@param fleet table
---@param go function? fleet_undo.go, of an undo
---@return integer exit code
function M.resume(options, store, fleet, go)
  local undo = fleets.undo_of(store, fleet.id)
  if undo then
    errors.input(
      ("%s was undone by %s"):format(fleet.id, undo.id),
      ENDED[undo.status] and ("o2x undo %s brings its state back"):format(undo.id)
        or ("o2x resume %s continues that"):format(undo.id)
    )
  end
  check_take_over(store, fleet, options.take_over or {})
  local project, config = common.load_project_of(options, fleet)
  return M.perform(store, project, config, fleet, options, go)
end

return M
