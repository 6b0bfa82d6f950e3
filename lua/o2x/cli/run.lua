--- o2x run RUNBOOK TENANT [name=value ...]

local args = require "o2x.cli.args"
local common = require "o2x.cli.common"
local errors = require "o2x.base.error"
local out = require "o2x.report.out"
local progress = require "o2x.report.progress"
local run = require "o2x.engine.run"
local task = require "o2x.base.task"

local function perform(options, words)
  if options.tenants then return require("o2x.cli.fleet").run(options, words) end
  if not words[2] then
    errors.input("o2x run needs a runbook and a tenant", "usage: o2x run RUNBOOK TENANT [name=value ...]")
  end
  local project, config = common.place(options, words[1])
  local this = run.prepare {
    mode = "apply",
    project = project,
    config = config,
    file = common.runbook(project, options, words),
    tenant = words[2],
    allow_edited = options.allow_edited,
    params = args.assignments(words, 3),
    secrets = options.secrets,
    report = progress.new { quiet = options.quiet, verbose = options.verbose },
  }
  run.confirm(this, options.confirm)
  local start = task.now()
  local status, err = run.apply(this, function()
    out.say(("%s %s for %s, run %s"):format(this.runbook.name, this.runbook.version, this.tenant_name, this.id))
    common.notes(this)
  end)
  return common.conclude(this, status, err, options, task.now() - start)
end

return {
  name = "run",
  usage = "run RUNBOOK TENANT [name=value ...]",
  least = 1,
  needs = "a runbook and a tenant",
  summary = "run a runbook for a tenant",
  help = [[
RUNBOOK is a name ("onboard") or a path ("runbooks/onboard.lua"); o2x info RUNBOOK shows its parameters.
A tenant's own version of it, runbooks/tenants/TENANT/NAME.lua, comes first. NAME@1 is an older version.
Whatever is as it should be already is left alone; a run that was interrupted goes on with o2x resume.
o2x run RUNBOOK --tenants=WHICH [name=value ...] makes a run for each of several tenants, each bound to its own.]],
  options = {
    common.SECRETS,
    { "confirm", value = "TENANT", help = "say the tenant's name again, as severe runbooks want" },
    common.STANDARD,
    { "allow-edited", help = "even if it was changed under an unchanged version (versions.lock); the journal says so" },
    {
      "tenants",
      value = "WHICH",
      help = "a run for each of several: all, names (a,b), or fields (env=production,region=us-east-1)",
    },
    { "at-once", value = "N", help = "with --tenants: so many at a time (1)" },
    { "keep-going", help = "with --tenants: go on with the others when one fails" },
    { "json", help = "the result as JSON" },
  },
  run = function(options, words) return common.interruptible(perform, options, words) end,
}
