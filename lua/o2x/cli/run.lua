--- The command o2x run: runs a runbook for one tenant or several.

local lazy = require "o2x.base.lazy"
local args = require "o2x.cli.args"
local common = lazy "o2x.cli.common"
local ending = lazy "o2x.cli.ending"
local out = require "o2x.report.out"
local progress = lazy "o2x.report.progress"
local preparation = lazy "o2x.engine.preparation"
local run = lazy "o2x.engine.run"
local step_by_step = lazy "o2x.engine.step_by_step"
local task = require "o2x.base.task"

local function perform(options, arguments)
  if options.step_by_step then step_by_step.check(options.tenants ~= nil) end
  if options.tenants then return require("o2x.cli.fleet").run(options, arguments) end
  args.need_tenant("run", arguments)
  local project, config = common.load_project(options, arguments[1])
  local this = preparation.run {
    mode = "apply",
    project = project,
    config = config,
    file = common.runbook(project, options, arguments),
    tenant = arguments[2],
    allow_edited = options.allow_edited,
    params = args.assignments(arguments, 3, common.declared(project, options, arguments)),
    secrets = options.secrets,
    take_over = options.take_over,
    report = progress.new { quiet = options.quiet, verbose = options.verbose },
  }
  preparation.confirm(this, options.confirm)
  if options.step_by_step then step_by_step.begin(this) end
  local start = task.now()
  local status, err = run.apply(this, function()
    common.if_ended("o2x resume " .. this.id)
    out.say(("%s %s for %s, run %s"):format(this.runbook.name, this.runbook.version, this.tenant_name, this.id))
    common.print_warnings(config)
    common.print_notes(this)
  end)
  return ending.conclude(this, status, err, options, task.now() - start)
end

return {
  least = 1,
  assigns = true,
  needs = "a runbook and a tenant",
  help = [[
RUNBOOK is a name ("onboard"), an older version ("onboard@1"), or a path
("runbooks/onboard.lua"). o2x info RUNBOOK shows its parameters.
A tenant's own version, runbooks/tenants/TENANT/NAME.lua, takes precedence.

A run changes only what differs from the desired state. If it fails or is
interrupted, o2x resume continues it.

To run for several tenants, each in a run of its own:
  o2x run RUNBOOK --tenants=WHICH [name=value ...]
]],
  options = {
    args.SECRETS,
    { "confirm", value = "TENANT", help = "repeat the tenant's name; required by severe runbooks" },
    args.STANDARD,
    {
      "allow-edited",
      help = "run a runbook that was edited without a new version (versions.lock); the journal records it",
    },
    args.TAKE_OVER,
    args.TENANTS,
    args.AT_ONCE,
    args.KEEP_GOING,
    args.STEP_BY_STEP,
    args.OVERRIDE_FREEZE,
    args.LOCAL_LOCK,
    args.REASON,
    { "json", help = "print the result as JSON" },
  },
  run = function(options, arguments) return common.interruptible(perform, options, arguments) end,
}
