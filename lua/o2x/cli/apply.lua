--- The command o2x apply: does exactly what a plan in a file says.

local lazy = require "o2x.base.lazy"
local approvals = lazy "o2x.engine.approvals"
local args = require "o2x.cli.args"
local common = lazy "o2x.cli.common"
local ending = lazy "o2x.cli.ending"
local errors = require "o2x.base.error"
local fleet = lazy "o2x.cli.fleet"
local header = lazy "o2x.engine.header"
local json = lazy "o2x.base.json"
local out = require "o2x.report.out"
local permission = lazy "o2x.engine.permission"
local plan_file = lazy "o2x.engine.plan_file"
local planned = lazy "o2x.engine.planned"
local progress = lazy "o2x.report.progress"
local preparation = lazy "o2x.engine.preparation"
local run = lazy "o2x.engine.run"
local step_by_step = lazy "o2x.engine.step_by_step"
local task = require "o2x.base.task"

-- The run of one tenant, as it was planned.
local function prepare(this, part, mode, report)
  local h = part.header
  return preparation.run {
    mode = mode,
    project = this.project,
    config = this.config,
    file = run.file_of(this.project, h),
    tenant = h.tenant,
    params = h.params,
    secrets = this.options.secrets or h.secrets,
    seed = h.seed,
    allow_edited = h.allow_edited ~= nil,
    take_over = h.take_over,
    planned = planned.new(part),
    approved = this.approved,
    report = report,
  }
end

local function refuse_changed(this, changed)
  if #changed == 0 then return end
  errors.raise {
    kind = "refused",
    where = this.path,
    message = ("changed since the plan was made: %s"):format(table.concat(changed, ", ")),
    hint = "nothing was written; plan again: " .. plan_file.command(this.path, this.file),
  }
end

-- Makes the plan of a tenant again. -> what has moved
local function compare(this, part)
  -- scripts, files and the program itself, before anything is read from a system
  refuse_changed(this, header.changed(part.header))
  refuse_changed(this, { plan_file.other_own(this.project, part.header) })
  local prepared = prepare(this, part, "plan", progress.new { quiet = true, planning = true })
  if #this.file.parts == 1 then preparation.confirm(prepared, this.options.confirm) end
  this.needed = math.max(this.needed, (permission.approvals(prepared)))
  local plan = run.plan(prepared, true)
  refuse_changed(this, header.added(part.header, prepared))
  local moved = planned.moved(part, plan)
  if #moved == 0 and #plan.problems > 0 then
    local problem = plan.problems[1]
    error(errors.amend(problem.error, { step = problem.path ~= "" and problem.path or nil }), 0)
  end
  return moved
end

local function print_moved(tenant, list)
  for _, moved in ipairs(list) do
    out.say(("%s: %s %s %s"):format(tenant, moved.kind, moved.key, out.printable(moved.why)))
    local rows = { { "  ", "PLANNED ON", "NOW", "WOULD BECOME" } }
    for i, three in ipairs(moved.values) do
      rows[i + 1] = { "  " .. three.field, three.planned, three.now, three.desired }
    end
    if #rows > 1 then out.columns(rows, out.say) end
    for _, line in ipairs(moved.lines or {}) do
      out.say("      " .. line)
    end
  end
end

-- Who approved the plan, if others must. The tenant that needs most decides.
local function approved_by(this)
  local found = approvals.rules(this.project, this.config)
  approvals.check_rules(this.path, this.file, found)
  if this.needed == 0 then return nil end
  return approvals.check(this.path, this.file, found, this.needed, plan_file.makers(this.file, true))
end

-- Nothing is written for any tenant unless nothing has moved for all of them.
local function refuse_moved(this)
  local count, by_tenant = 0, {}
  for _, part in ipairs(this.file.parts) do
    local list = compare(this, part)
    count = count + #list
    by_tenant[#by_tenant + 1] = { tenant = part.header.tenant, moved = planned.data(list) }
    print_moved(part.header.tenant, list)
  end
  if count == 0 then return end
  if this.options.json then out.json { status = "refused", moved = json.array(by_tenant) } end
  errors.raise {
    kind = "conflict",
    where = this.path,
    message = ("%d %s moved since the plan was made; nothing was written"):format(
      count,
      count == 1 and "effect has" or "effects have"
    ),
    hint = "look at it, and plan again: " .. plan_file.command(this.path, this.file),
  }
end

local function apply_one(this, part)
  local options = this.options
  local prepared = prepare(this, part, "apply", progress.new { quiet = options.quiet, verbose = options.verbose })
  preparation.confirm(prepared, options.confirm)
  if options.step_by_step then step_by_step.begin(prepared) end
  local start = task.now()
  prepared.store = this.store
  local status, err = run.apply(prepared, function()
    common.if_ended("o2x resume " .. prepared.id)
    out.say(
      ("%s %s for %s, run %s, as planned in %s"):format(
        prepared.runbook.name,
        prepared.runbook.version,
        prepared.tenant_name,
        prepared.id,
        this.path
      )
    )
    common.print_warnings(this.config)
    common.print_notes(prepared)
  end)
  return ending.conclude(prepared, status, err, options, task.now() - start)
end

local function perform(options, arguments)
  local path = arguments[1]
  local file = plan_file.read(path)
  local project, config = common.load_project_of(options, file.parts[1].header)
  local this = { path = path, file = file, project = project, config = config, options = options, needed = 0 }
  this.store = common.open_store(config)
  plan_file.check_usable(path, file)
  if options.step_by_step then step_by_step.check(file.header.plan.selector ~= nil) end
  refuse_moved(this)
  this.approved = approved_by(this)
  if file.header.plan.selector then return fleet.apply(this, file) end
  return apply_one(this, file.parts[1])
end

return {
  least = 1,
  most = 1,
  needs = "a plan that o2x plan --out=FILE wrote",
  help = [[
FILE is a plan that o2x plan --out=FILE wrote. It is made again first and
compared: if a value that it was made on has changed, or a script, a tenant's
file or o2x itself, nothing is written, and what moved is shown with three
values: planned on, now, would become.

While the run goes on, each effect is held against the plan before it is
written. What the plan could not know yet ("known after apply") may be anything.]],
  options = {
    {
      "secrets",
      value = "FILE|-|vault:PATH",
      help = "the tenant's secrets, if they came from standard input or have moved",
    },
    { "confirm", value = "TENANT", help = "repeat the tenant's name; required by severe runbooks" },
    args.STEP_BY_STEP,
    args.OVERRIDE_FREEZE,
    args.LOCAL_LOCK,
    args.REASON,
    { "json", help = "print the result as JSON" },
  },
  run = function(options, arguments) return common.interruptible(perform, options, arguments) end,
}
