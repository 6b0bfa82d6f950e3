--- Runs over several tenants: o2x run RUNBOOK --tenants=WHICH, and o2x resume F-….

local args = require "o2x.cli.args"
local common = require "o2x.cli.common"
local ending = require "o2x.cli.ending"
local errors = require "o2x.base.error"
local fleets = require "o2x.engine.fleet"
local json = require "o2x.base.json"
local out = require "o2x.report.out"
local plan = require "o2x.engine.plan"
local progress = require "o2x.report.progress"
local proposed = require "o2x.report.proposed"
local memory = require "o2x.engine.memory"
local preparation = require "o2x.engine.preparation"
local run = require "o2x.engine.run"
local task = require "o2x.base.task"
local units = require "o2x.base.units"

local M = {}

local ENDED <const> = { done = true, incomplete = true }
local COLOURS = { done = "green", incomplete = "yellow", failed = "red", interrupted = "yellow", refused = "yellow" }

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

local function rows_of(outcomes, style)
  local rows = { { "TENANT", "STATUS", "CHANGED", "TIME", "RUN", "" } }
  for i, outcome in ipairs(outcomes) do
    local counts = outcome.counts
    rows[i + 1] = {
      outcome.tenant,
      style[COLOURS[outcome.status] or "dim"](outcome.status .. (outcome.earlier and " earlier" or "")),
      counts and tostring(counts.created + counts.changed + counts.deleted) or "-",
      outcome.seconds and units.duration(outcome.seconds) or "-",
      outcome.run or "-",
      out.printable(outcome.error and tostring(outcome.error) or outcome.note or ""),
    }
  end
  return rows
end

-- Where no run has written anything, all of it is started again: a resumed check finds the same, and is no way on. What
-- was done before this attempt is left out by o2x resume only.
local function only_looked(outcomes)
  for _, outcome in ipairs(outcomes) do
    if outcome.begun or outcome.earlier then return false end
  end
  return true
end

-- One line for all: the first tenant that was refused stopped the fleet.
local function from_the_start(outcomes)
  for _, outcome in ipairs(outcomes) do
    if outcome.status == "refused" and outcome.error and ending.were_words_wrong(outcome.error) then return nil end
  end
  return proposed.typed()
end

local function next_of(fleet, options, outcomes)
  if outcomes and not fleet.undoes and only_looked(outcomes) then return from_the_start(outcomes) end
  return "o2x resume " .. fleet.id .. (options.edited and " --edited" or "")
end

local function data_of(fleet, outcomes, status, next_command, warnings)
  local list = {}
  for i, outcome in ipairs(outcomes) do
    list[i] = {
      tenant = outcome.tenant,
      status = outcome.status,
      run = outcome.run,
      seconds = outcome.seconds,
      left = outcome.left and json.array(outcome.left),
      totals = outcome.counts and plan.totals(outcome.counts) or nil,
      error = outcome.error
          and { kind = outcome.error.kind, message = tostring(outcome.error), hint = outcome.error.hint }
        or nil,
    }
  end
  return {
    fleet = fleet.id,
    runbook = fleet.runbook,
    status = status,
    tenants = json.array(list),
    warnings = json.array(warnings),
    undoes = fleet.undoes,
    next = next_command and proposed.text(next_command),
  }
end

local function exit_code(outcomes, status)
  if status == "interrupted" then return 130 end
  for _, outcome in ipairs(outcomes) do
    if outcome.error then return errors.exit_code(outcome.error) end
  end
  return status == "incomplete" and ending.INCOMPLETE or 0
end

-- What could not be taken back.
local function say_left(outcomes)
  for _, outcome in ipairs(outcomes) do
    for _, one in ipairs(outcome.left or {}) do
      out.say(("%s: not undone: %s: %s"):format(outcome.tenant, one.title, one.why))
    end
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
  common.if_ended(next_of(fleet, options))
  out.say(("%s for %d tenants, %s"):format(fleet.runbook, #fleet.tenants, fleet.id))
  common.print_warnings(config)
  local outcomes, status = fleets.perform(store, fleet, (go or go_on)(store, project, config, fleet, options))
  for _, outcome in ipairs(outcomes) do
    ending.carry_local_lock(false, outcome.error)
  end
  local next_command = not ENDED[status] and next_of(fleet, options, outcomes) or nil
  if options.json then
    out.json(data_of(fleet, outcomes, status, next_command, common.warnings(config)))
  else
    out.columns(rows_of(outcomes, out.style(1)), out.data)
  end
  local done = 0
  for _, outcome in ipairs(outcomes) do
    done = done + (ENDED[outcome.status] and 1 or 0)
  end
  say_left(outcomes)
  out.say(
    ("%s  %s: %d of %d tenants%s"):format(
      status,
      fleet.runbook,
      done,
      #outcomes,
      next_command and "; next: " .. next_command or ""
    )
  )
  return exit_code(outcomes, status)
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
