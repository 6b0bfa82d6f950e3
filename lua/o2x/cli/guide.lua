--- The command o2x guide: prints the checklist of a runbook for a tenant, for people who do it by hand.

local args = require "o2x.cli.args"
local errors = require "o2x.base.error"
local clock = require "o2x.base.clock"
local common = require "o2x.cli.common"
local out = require "o2x.report.out"
local progress = require "o2x.report.progress"
local report = require "o2x.report.guide"
local plan = require "o2x.engine.plan"
local preparation = require "o2x.engine.preparation"
local run = require "o2x.engine.run"

-- Where the ordinary programs find the systems, by the configuration's keys.
local ADDRESSES <const> = {
  { "PGHOST", "pg", "host" },
  { "PGPORT", "pg", "port" },
  { "PGUSER", "pg", "user" },
  { "VAULT_ADDR", "vault", "addr" },
  { "AWS_ENDPOINT_URL", "aws", "endpoint" },
}

local function addresses(config)
  local list = {}
  for _, one in ipairs(ADDRESSES) do
    local value = (config[one[2]] or {})[one[3]]
    if value ~= nil then list[#list + 1] = { name = one[1], value = tostring(value) } end
  end
  return list
end

-- Each problem once, with the steps that met it. What only follows from an earlier one is said at its box.
local function problems_of(found)
  local list, steps = {}, {}
  for _, problem in ipairs(found.problems) do
    local text = tostring(problem.error)
    if problem.error.code ~= plan.FOLLOWS and not steps[text] then
      list[#list + 1], steps[text] = text, {}
    end
    local names = steps[text]
    if names and problem.path ~= "" and names[#names] ~= problem.path then names[#names + 1] = problem.path end
  end
  for i, text in ipairs(list) do
    list[i] = steps[text][1] and ("%s: %s"):format(table.concat(steps[text], ", "), text) or text
  end
  return list
end

local function about_of(this, found)
  return {
    runbook = this.runbook.name,
    version = this.runbook.version,
    summary = this.runbook.summary,
    tenant = this.tenant_name,
    at = clock.iso(),
    folder = this.config.platform,
    env = addresses(this.config),
    needs = {},
    problems = problems_of(found),
  }
end

local function perform(options, arguments)
  args.need_tenant("guide", arguments)
  if options.json and options.markdown then errors.input "either --json or --markdown, not both" end
  local project, config = common.load_project(options, arguments[1])
  local this = preparation.run {
    mode = "plan",
    project = project,
    config = config,
    file = common.runbook(project, options, arguments),
    tenant = arguments[2],
    params = args.assignments(arguments, 3),
    secrets = options.secrets,
    report = progress.new { quiet = true },
  }
  common.print_warnings(config)
  common.print_notes(this)
  local guide, found = run.guide(this)
  local about = about_of(this, found)
  if options.json then
    out.json(report.data(guide, about))
    return 0
  end
  for _, line in ipairs(report[options.markdown and "markdown" or "script"](guide, about)) do
    out.data(line)
  end
  return 0
end

return {
  least = 1,
  needs = "a runbook and a tenant",
  help = [[
Prints what the runbook would do for the tenant, step by step, as commands of
psql, vault, kubectl, helm, aws, curl … for the day when o2x itself cannot be
used. Each effect has a box: [x] is true already, [ ] is to do, [?] means that
its system did not answer. What is printed is a script of bash, in which all but
the commands are comments.

Secrets are variables: those that a person knows are asked for at the beginning,
others are set by the commands. Nothing is written, and no secret is printed.
Print it ahead: o2x guide RUNBOOK TENANT --markdown > checklist.md]],
  options = {
    args.SECRETS,
    args.STANDARD,
    { "json", help = "print the checklist as JSON" },
    { "markdown", help = "print the checklist as Markdown" },
  },
  run = function(options, arguments) return common.interruptible(perform, options, arguments) end,
}
