--- The command o2x audit: shows where tenants differ from what they should be.

local lazy = require "o2x.base.lazy"
local args = require "o2x.cli.args"
local audit = lazy "o2x.engine.audit"
local audits = lazy "o2x.engine.audits"
local clock = lazy "o2x.base.clock"
local common = lazy "o2x.cli.common"
local errors = require "o2x.base.error"
local fleets = lazy "o2x.engine.fleet"
local fs = lazy "o2x.base.fs"
local json = lazy "o2x.base.json"
local out = require "o2x.report.out"
local shown = lazy "o2x.report.audit"
local task = require "o2x.base.task"

local FOUND <const>, NOT_MADE <const>, UNANSWERED <const> = 2, 1, 4 -- exit codes
local AT_ONCE <const> = 4
local QUIET_SECONDS <const> = 1 -- after which progress is shown, and again after each

-- The tenants of the command line.
local function chosen(options, arguments, project, config)
  local ways = (arguments[1] and 1 or 0) + (options.all and 1 or 0) + (options.tenants and 1 or 0)
  if ways ~= 1 then errors.input("audit takes a tenant, --all, or --tenants=WHICH", "usage: o2x audit TENANT|--all") end
  if arguments[1] then return { arguments[1] } end
  return fleets.select(project, config, options.tenants or "all")
end

local function at_once(options)
  local count = math.tointeger(tonumber(options.at_once or AT_ONCE))
  if not count or count < 1 or count > 64 then errors.input("--at-once: expected a number from 1 to 64") end
  return count
end

-- Says how far the audit is, not more often than once a second.
local function progress(count)
  local last, found, done = task.now(), 0, 0
  return function(report)
    done = done + 1
    if #report.findings > 0 or report.error then found = found + 1 end
    if task.now() - last < QUIET_SECONDS then return end
    last = task.now()
    out.say(("%d of %d tenants looked at, %d of them with findings"):format(done, count, found))
  end
end

local function finding_data(finding)
  return {
    rank = finding.rank,
    felt = audit.RANKS[finding.rank],
    way = finding.way,
    kind = finding.kind,
    what = finding.what,
    target = finding.key,
    step = finding.where,
    is = finding.is,
    should = finding.should,
    diff = json.array(finding.lines),
    mend = finding.mend,
    hint = finding.hint,
  }
end

local function report_data(report)
  local findings, err = {}, report.error
  for i, finding in ipairs(report.findings) do
    findings[i] = finding_data(finding)
  end
  return {
    tenant = report.tenant,
    orphan = report.orphan,
    findings = json.array(findings),
    inside = report.inside,
    unseen = json.array(report.unseen),
    as_it_should_be = report.looked,
    error = err and { kind = err.kind, message = tostring(err), hint = err.hint } or nil,
  }
end

-- A long audit is not made for a file that cannot be written.
local function check_report(path)
  if not path then return end
  local why = path == "" and "expected a file" or fs.is_folder(path) and path .. " is a folder"
  local folder = fs.folder(path)
  if not why and not fs.is_folder(folder) then why = ("there is no folder %s"):format(folder) end
  if why then errors.input("--report: " .. why, "name a file: --report=audit.md") end
end

local function show(reports, options)
  if options.json then
    local list = {}
    for i, report in ipairs(reports) do
      list[i] = report_data(report)
    end
    return out.json { tenants = json.array(list) }
  end
  local style = out.style(1)
  for _, report in ipairs(reports) do
    out.data(style.bold(report.tenant) .. ": " .. shown.summary(report))
    shown.render(report, audit.RANKS, out.data, style)
  end
end

local function code_of(reports)
  local code, unanswered = 0, false
  for _, report in ipairs(reports) do
    if report.error then
      out.problem(report.error, report.tenant)
      code = NOT_MADE
    elseif #report.findings > 0 and code == 0 then
      code = FOUND
    end
    unanswered = unanswered or report.unanswered
  end
  return code == 0 and unanswered and UNANSWERED or code
end

local function perform(options, arguments)
  local project, config = common.load_project(options)
  local count = at_once(options)
  check_report(options.report)
  local tenants = chosen(options, arguments, project, config)
  common.print_warnings(config)
  local reports = audits.perform {
    project = project,
    config = config,
    tenants = tenants,
    secrets = options.secrets,
    at_once = count,
    orphans = options.all,
    done = progress(#tenants),
    file = function(name, tenant) return common.runbook(project, options, { name, tenant }) end,
  }
  if arguments[1] and reports[1].error then error(reports[1].error, 0) end
  show(reports, options)
  if options.report then fs.write(options.report, shown.markdown(reports, audit.RANKS, clock.iso())) end
  return code_of(reports)
end

return {
  most = 1,
  help = [[
Compares a tenant in all systems with what the runbook that creates tenants
would leave there, and looks at all its checks. Only reads. Each finding says
what is, what should be, and the command that mends it; what customers feel
comes first.

--all looks at the tenants of all files, and for what belongs to a tenant that
is in no file. Exit code 2: there are findings;
1: a tenant could not be audited; 4: no finding, but a system did not answer,
and what could not be looked at is listed.]],
  options = {
    args.SECRETS,
    args.STANDARD,
    args.TENANTS,
    { "all", help = "audit the tenants of all files" },
    { "at-once", value = "N", help = "with several tenants: how many at a time (default 4)" },
    { "json", help = "print the findings as JSON" },
    { "report", value = "FILE", help = "also write them into a file, in Markdown" },
  },
  run = function(options, arguments) return common.interruptible(perform, options, arguments) end,
}
