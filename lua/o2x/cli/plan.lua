--- The command o2x plan: shows what a run would change.

local lazy = require "o2x.base.lazy"
local approvals = lazy "o2x.engine.approvals"
local args = require "o2x.cli.args"
local commit = lazy "o2x.engine.commit"
local common = lazy "o2x.cli.common"
local ending = lazy "o2x.cli.ending"
local errors = require "o2x.base.error"
local fleet = lazy "o2x.cli.fleet"
local json = lazy "o2x.base.json"
local out = require "o2x.report.out"
local output = lazy "o2x.cli.output"
local permission = lazy "o2x.engine.permission"
local plan_file = lazy "o2x.engine.plan_file"
local progress = lazy "o2x.report.progress"
local preparation = lazy "o2x.engine.preparation"
local run = lazy "o2x.engine.run"
local shell = lazy "o2x.base.shell"
local units = lazy "o2x.base.units"

local CHANGES = 2 -- exit code of --detailed-exitcode
local VALID <const> = "24h" -- how long a plan in a file counts
local TO_APPLY <const>, TO_APPROVE <const> = "To apply: ", "To have it approved: "

-- What to type to do what a plan says. What others must approve is done by a plan in a file. -> what for
local function command_of(this, options, arguments, written)
  if written then
    return written .. (this.runbook.severe and " --confirm=" .. (options.tenants or this.tenant_name) or ""), TO_APPLY
  end
  if permission.approvals(this) > 0 then return ending.plan_command(this, arguments, options), TO_APPROVE end
  return ending.run_command(this, arguments, options), TO_APPLY
end

local function data_of(this, plan)
  local data = plan:data()
  data.runbook, data.tenant, data.params = this.runbook.name, this.tenant_name, this.given
  data.path, data.version, data.overrides = this.runbook.path, this.runbook.version, this.runbook.overrides
  data.effects = json.array(this.runbook.effects)
  data.commit = this.commit and this.commit:planned()
  return data
end

-- What becomes of the files in the end.
local function show_commit(this)
  local planned = this.commit and this.commit:planned()
  if not planned then return end
  out.data(("When it is done, it commits in %s: %s"):format(planned.tree, commit.names(planned.files)))
end

local function show(this, plan, options, arguments, written)
  local command, purpose = command_of(this, options, arguments, written)
  local result = output.print(this, options)
  if options.json then
    local data = data_of(this, plan)
    data.result, data.warnings = result, json.array(common.warnings(this.config))
    data.next = plan:is_ready() and command or nil
    return out.json(data)
  end
  local style = out.style(1)
  plan:render(out.data, style, options.full)
  if #plan.problems > 0 then return out.data(style.bold(plan:totals())) end
  if #plan.kept > 0 then
    local kept = "%d that differ are kept as they are (o2x plan adopt %s lists them)."
    out.data(kept:format(#plan.kept, this.tenant_name))
  end
  if not plan:has_changes() then
    return out.data(("Nothing to do: all %d effects are up to date."):format(plan:counts().unchanged))
  end
  out.data(style.bold(plan:totals()))
  show_commit(this)
  out.data(purpose .. style.bold(command))
end

local function show_all(parts, options, arguments, written)
  local style, list, ready, changes = out.style(1), {}, true, false
  for i, part in ipairs(parts) do
    ready, changes = ready and #part.plan.problems == 0, changes or part.plan:has_changes()
    list[i] = part.run and data_of(part.run, part.plan) or part.plan:data()
    list[i].tenant = part.tenant
  end
  local command, purpose
  if ready and changes then
    command, purpose = command_of(parts[1].run, options, arguments, written)
  end
  if options.json then return out.json { tenants = json.array(list), next = command } end
  for _, part in ipairs(parts) do
    out.data(style.bold(("%s: %s"):format(part.tenant, part.plan:totals())))
    part.plan:render(out.data, style, options.full)
    if part.run then show_commit(part.run) end
  end
  if command then out.data(purpose .. style.bold(command)) end
end

-- Says what could not be planned; the exit code is that of the first.
local function conclude(plan, options, tenant)
  local code = common.plan_problems(plan, tenant)
  if code ~= 0 then return code end
  return options.detailed_exitcode and plan:has_changes() and CHANGES or 0
end

local function seconds_of(options)
  if options.valid and not options.out then errors.input("--valid needs --out=FILE") end
  local seconds = units.parse_duration(options.valid or VALID)
  if seconds and seconds > 0 then return seconds end
  errors.input(("--valid=%s: expected a time such as 30m, 8h or 2d"):format(options.valid))
end

-- Writes the plan into a file, if it is wanted and can be applied.
local function save(parts, options, seconds, spec)
  if not options.out then return nil end
  local run_of = parts[1].run
  for _, part in ipairs(parts) do
    if #part.plan.problems > 0 then
      out.say(("%s is not written: a plan with problems cannot be applied"):format(out.printable(options.out)))
      return nil
    end
  end
  plan_file.write(options.out, parts, {
    seconds = seconds,
    selector = spec and spec.selector,
    at_once = spec and spec.at_once,
    keep_going = spec and spec.keep_going,
    approvals = run_of and approvals.hashes(approvals.rules(run_of.project, run_of.config)),
  })
  return "o2x apply " .. shell.command { options.out }
end

-- Plans one tenant of several. One that cannot be planned at all has a plan with that problem alone.
local function plan_one(prepare, tenant, whole)
  local made = { tenant = tenant }
  local ok, err = xpcall(function()
    made.run = prepare(tenant)
    common.print_notes(made.run)
    common.print_closed(made.run)
    made.plan = run.plan(made.run, whole)
  end, errors.handler)
  if ok then return made end
  err = errors.wrap(err)
  if err.kind == "cancelled" or err.kind == "bug" then error(err, 0) end
  made.plan = common.failed_plan(err)
  return made
end

-- One tenant after the other.
local function perform_all(options, arguments, valid)
  if arguments[2] and not arguments[2]:find("=", 1, true) then
    errors.input("plan takes a tenant or --tenants=WHICH, not both", "usage: o2x plan RUNBOOK --tenants=WHICH")
  end
  local project, config = common.load_project(options, arguments[1])
  if options.out then common.open_store(config) end
  common.print_warnings(config)
  local spec, prepare = fleet.planning(options, arguments, project, config)
  local parts, code = {}, 0
  for i, tenant in ipairs(spec.tenants) do
    parts[i] = plan_one(prepare, tenant, options.out ~= nil)
    if not options.json then out.say(("%s: %s"):format(tenant, parts[i].plan:totals())) end
  end
  local written = save(parts, options, valid, spec)
  show_all(parts, options, arguments, written)
  for _, part in ipairs(parts) do
    local one = conclude(part.plan, options, part.tenant)
    if code == 0 or code == CHANGES and one > 0 then code = one end
  end
  return code
end

local function perform(options, arguments)
  local valid = seconds_of(options)
  if options.tenants then return perform_all(options, arguments, valid) end
  args.need_tenant("plan", arguments)
  local project, config = common.load_project(options, arguments[1])
  if options.out then common.open_store(config) end -- its key makes the tags of secrets
  local this = preparation.run {
    mode = "plan",
    project = project,
    config = config,
    file = common.runbook(project, options, arguments),
    tenant = arguments[2],
    params = args.assignments(arguments, 3, common.declared(project, options, arguments)),
    secrets = options.secrets,
    take_over = options.take_over,
    report = progress.new { quiet = options.quiet or options.json, verbose = options.verbose, planning = true },
  }
  common.print_warnings(config)
  common.print_notes(this)
  common.print_closed(this)
  local plan = run.plan(this, options.out ~= nil)
  show(this, plan, options, arguments, save({ { run = this, plan = plan } }, options, valid))
  return conclude(plan, options)
end

return {
  least = 1,
  assigns = true,
  needs = "a runbook and a tenant",
  help = [[
Executes the runbook against the real systems, but only reads from them. Planned
writes are kept in memory, where later steps see them. Checks that depend on
the changes are listed, not executed. What cannot be planned is listed, too, and
the plan goes on: a run would stop at the first of these.

For several tenants: o2x plan RUNBOOK --tenants=WHICH [name=value ...]
With --out=FILE, o2x apply FILE later does exactly this, or nothing.]],
  options = {
    args.SECRETS,
    args.STANDARD,
    args.TAKE_OVER,
    args.TENANTS,
    args.AT_ONCE,
    args.KEEP_GOING,
    { "detailed-exitcode", help = "exit with code 2 if there are changes" },
    { "full", help = "show every line of every change" },
    { "json", help = "print the plan as JSON" },
    { "out", value = "FILE", help = "also write the plan into a file, which o2x apply does exactly" },
    { "valid", value = "TIME", help = "with --out: how long the plan counts (30m, 8h, 2d; default 24h)" },
  },
  run = function(options, arguments) return common.interruptible(perform, options, arguments) end,
}
