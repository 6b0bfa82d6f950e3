--- May a run change its tenant now? What the project's calendar says, and what the operator says against it.

local calendar = require "o2x.project.calendar"
local clock = require "o2x.base.clock"
local errors = require "o2x.base.error"
local tenant_files = require "o2x.project.tenant_files"

local M = {}

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
local function writes(run) return run.undo ~= nil or next(run.declared) ~= nil end

--- Refuses a run that must not change its tenant now, unless the operator overrides that.
---@param run table prepared
---@return { freeze: string, reason: string }? override what the run's journal says of it
function M.check(run)
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

local ASKED <const> = { run = true, resume = true, undo = true, apply = true }

--- The words of a command that is performed in a lab, where the calendar of the project has nothing to say.
---@param words string[]
---@return string[]
function M.in_lab(words)
  if not ASKED[words[1]] then return words end
  local all = table.move(words, 1, #words, 1, {})
  all[#all + 1], all[#all + 2] = "--override-freeze", "--reason=in a lab"
  return all
end

return M
