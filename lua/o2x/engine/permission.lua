--- May a run change its tenant now? What the project's calendar says, what the operator says against it, and whether
--- others must approve it.

local approval_rules = require "o2x.project.approval_rules"
local approvals = require "o2x.engine.approvals"
local calendar = require "o2x.project.calendar"
local clock = require "o2x.base.clock"
local errors = require "o2x.base.error"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"
local tenant_files = require "o2x.project.tenant_files"

local M = {}

local in_lab = false

-- What closes a tenant now; nil without a calendar.
local function closed(config, tenant)
  if not config.calendar then return nil end
  local read = calendar.read(config.calendar, tenant_files.names(config))
  return calendar.closed(read, tenant, calendar.time(read, clock.now()))
end

local function refuse(config, found)
  errors.raise {
    kind = "frozen",
    where = config.calendar,
    message = found.message .. (found.ask and "; ask " .. found.ask or ""),
    lacks = { "--override-freeze", "--reason=WHY" },
  }
end

-- Does a run change anything at all? Whoever only looks is never refused.
local function writes(run) return not in_lab and (run.undo ~= nil or next(run.declared) ~= nil) end

--- How many approvals a run needs.
---@param run table prepared
---@return integer
---@return table? rules
function M.approvals(run)
  if not run.config.approvals or run.undo or run.arrival or not writes(run) then return 0 end
  local found = approvals.rules(run.project, run.config)
  return approval_rules.needed(found, run.tenant, run.runbook.name), found
end

-- A run that needs approvals is one of a plan: o2x apply has looked at them. What has begun was approved, and going
-- back must be possible at any time.
local function check_approved(run)
  local needed = not run.planned and not run.past and M.approvals(run) or 0
  if needed == 0 then return end
  local words = { run.runbook.name, run.tenant_name }
  for _, name in ipairs(sorted_keys(run.given or {})) do
    words[#words + 1] = ("%s=%s"):format(name, run.given[name])
  end
  words[#words + 1] = ("--out=%s.plan"):format(run.runbook.name)
  errors.raise {
    kind = "unapproved",
    message = ("%s for %s needs %s, so it is done by a plan"):format(
      run.runbook.name,
      run.tenant_name,
      needed == 1 and "an approval" or needed .. " approvals"
    ),
    hint = ("o2x plan %s; others: o2x approve %s.plan; then: o2x apply %s.plan"):format(
      shell.command(words),
      run.runbook.name,
      run.runbook.name
    ),
  }
end

--- Refuses a run that must not change its tenant now, unless the operator overrides that, and one that others must
--- approve.
---@param run table prepared
---@return { freeze: string, reason: string }? override what the run's journal says of it
function M.check(run)
  check_approved(run)
  local found = writes(run) and not run.arrival and closed(run.config, run.tenant) or nil
  if not found then return nil end
  local reason = run.config.override_freeze
  if not reason then refuse(run.config, found) end
  run.report:message("", "warn", ("%s; overridden: %s"):format(found.message, reason))
  return { freeze = found.name, reason = reason }
end

--- What a plan says of it: nothing is refused.
---@param run table
---@return string? message
function M.note(run)
  local found = writes(run) and closed(run.config, run.tenant) or nil
  return found and found.message
end

--- The reason for which the operator overrides the calendar.
---@param options table of the command line
---@return string? reason
function M.override(options)
  if not options.override_freeze then return nil end
  local reason = options.reason
  if type(reason) == "string" and reason:find "%S" and reason ~= "WHY" then return reason end
  errors.input("--override-freeze needs a reason, which the journal keeps", "add --reason='…'")
end

--- From now on, this process works in a lab of its own: nobody has to be asked.
function M.enter_lab() in_lab = true end

--- Does this process work in a lab of its own?
---@return boolean
function M.in_lab() return in_lab end

return M
