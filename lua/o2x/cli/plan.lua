--- The command o2x plan: shows what a run would change.

local lazy = require "o2x.base.lazy"
local args = require "o2x.cli.args"
local common = lazy "o2x.cli.common"
local json = lazy "o2x.base.json"
local out = require "o2x.report.out"
local output = lazy "o2x.cli.output"
local progress = lazy "o2x.report.progress"
local run = lazy "o2x.engine.run"

local CHANGES = 2 -- exit code of --detailed-exitcode

local function show(this, plan, options, arguments)
  local command = common.run_command(this, arguments, options)
  local result = output.print(this, options)
  if options.json then
    local data = plan:data()
    data.runbook, data.tenant, data.params = this.runbook.name, this.tenant_name, this.given
    data.path, data.version, data.overrides = this.runbook.path, this.runbook.version, this.runbook.overrides
    data.result, data.warnings = result, json.array(common.warnings(this.config))
    data.effects, data.next = json.array(this.runbook.effects), plan:has_changes() and command or nil
    return out.json(data)
  end
  local style = out.style(1)
  plan:render(out.data, style, options.full)
  if not plan:has_changes() then
    return out.data(("Nothing to do: all %d effects are up to date."):format(plan:counts().unchanged))
  end
  out.data(style.bold(plan:totals()))
  out.data("To apply: " .. style.bold(command))
end

local function perform(options, arguments)
  local project, config = common.load_project(options, arguments[1])
  local this = run.prepare {
    mode = "plan",
    project = project,
    config = config,
    file = common.runbook(project, options, arguments),
    tenant = arguments[2],
    params = args.assignments(arguments, 3),
    secrets = options.secrets,
    report = progress.new { quiet = options.quiet or options.json, verbose = options.verbose, planning = true },
  }
  common.print_warnings(config)
  common.print_notes(this)
  local plan = run.plan(this)
  show(this, plan, options, arguments)
  return options.detailed_exitcode and plan:has_changes() and CHANGES or 0
end

return {
  least = 2,
  needs = "a runbook and a tenant",
  help = [[
Executes the runbook against the real systems, but only reads from them. Planned
writes are kept in memory, where later steps see them. Checks that depend on
the changes are listed, not executed.]],
  options = {
    args.SECRETS,
    args.STANDARD,
    { "detailed-exitcode", help = "exit with code 2 if there are changes" },
    { "full", help = "show every line of every change" },
    { "json", help = "print the plan as JSON" },
  },
  run = function(options, arguments) return common.interruptible(perform, options, arguments) end,
}
