--- The audits of several tenants, a few at a time. The sandboxes are loaded once for each of these few, and a report is
--- all that stays of an audit.

local audit = require "o2x.engine.audit"
local breaker = require "o2x.base.breaker"
local companies = require "o2x.engine.company"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local orphans = require "o2x.engine.orphans"
local progress = require "o2x.report.progress"
local preparation = require "o2x.engine.preparation"
local task = require "o2x.base.task"
local tenant_files = require "o2x.project.tenant_files"

local M = {}

---@class o2x.audits
---@field project table
---@field config table
---@field tenants string[]
---@field secrets string? the source of the tenants' secrets
---@field at_once integer
---@field done fun(report: table) called after each
---@field orphans boolean? also look for what belongs to tenants without a file
---@field file fun(name: string, tenant: string): string the path of a runbook for a tenant

local function look(wanted, tenant, place, company)
  local this = preparation.run {
    mode = "plan",
    project = wanted.project,
    config = wanted.config,
    file = wanted.file(audit.runbook(place.platform), tenant),
    tenant = tenant,
    params = {},
    secrets = wanted.secrets,
    report = progress.new { quiet = true, planning = true },
    audit = true,
    place = place,
  }
  local _close <close> = defer(this.close_clients)
  return audit.of(this, company)
end

-- A tenant that cannot be audited does not end the audits of others.
local function attempt(wanted, tenant, place, company)
  local ok, report = xpcall(look, errors.handler, wanted, tenant, place, company)
  if ok then return report end
  local err = errors.wrap(report)
  if err.kind == "cancelled" or err.kind == "bug" then error(err, 0) end
  return { tenant = tenant, findings = {}, unseen = {}, inside = 0, looked = 0, error = err }
end

-- What belongs to a tenant that has a file, though its name says another: a database that was renamed is not to be
-- dropped as left over.
local function claimed_by(reports)
  local claimed = {}
  for _, report in ipairs(reports) do
    for _, finding in ipairs(report.findings) do
      local claims = finding.claims
      if claims then claimed[claims.kind .. "\0" .. claims.name] = true end
    end
  end
  return claimed
end

-- Where tenants are audited one after the other: the files of all are read once, not for each again.
local function place_of(wanted)
  local place = preparation.place(wanted.project)
  if #wanted.tenants > 1 then place.files = tenant_files.read(wanted.config) end
  return place
end

--- Audits tenants.
---@param wanted o2x.audits
---@return table[] reports of audit.of, in the order of the tenants; `error` in one that could not be made; behind them
---  those of orphans
function M.perform(wanted)
  local free, company = {}, companies.new(wanted.project, wanted.config)
  local reports = breaker.within(task.each, wanted.tenants, function(tenant)
    local place = table.remove(free) or place_of(wanted)
    local report = attempt(wanted, tenant, place, company)
    free[#free + 1] = place
    wanted.done(report)
    return report
  end, { limit = wanted.at_once })
  if wanted.orphans then
    local place = free[1] or preparation.place(wanted.project)
    local found = orphans.find(wanted.project, wanted.config, place, claimed_by(reports))
    table.move(found, 1, #found, #reports + 1, reports)
  end
  return reports
end

return M
