--- o2x doctor: is everything there that runs need? All checks run at once, each with a deadline, and none writes
--- anything. Which systems are asked is what the grants of the platform speak of; as whom, and with which rights, is
--- asked of each system itself, and compared with what o2x policy prints.

local errors = require "o2x.base.error"
local machine = require "o2x.doctor.machine"
local notes = require "o2x.doctor.note"
local project = require "o2x.doctor.project"
local preparation = require "o2x.engine.preparation"
local services = require "o2x.doctor.services"
local task = require "o2x.base.task"
local tenants = require "o2x.project.tenants"

local M = {}

--- Seconds that a check may take.
M.SECONDS = 8

local SYSTEMS <const> = {
  require "o2x.doctor.postgresql",
  require "o2x.doctor.vault",
  require "o2x.doctor.kubernetes",
  require "o2x.doctor.redis",
  table.unpack(services.LIST),
}

-- Do the grants say anything about a system?
local function concerns(system, grants)
  for _, word in ipairs(system.from) do
    if grants[word] then return true end
  end
  return false
end

-- The tenant for whom the systems are asked: the one that is named, or the first whose file is sound and has an id,
-- because some grants begin with it.
local function tenant_of(this, name)
  if name then return tenants.load(this.box, this.config, name) end
  local first
  for _, each in ipairs(tenants.names(this.config)) do
    local ok, tenant, scope = pcall(tenants.load, this.box, this.config, each)
    if ok and tenant.id then return tenant, scope end
    first = first or ok and { tenant, scope }
  end
  if first then return first[1], first[2] end
end

-- What the checks are given: clients that are limited to the tenant's grants.
local function look(this, name)
  local tenant, scope = tenant_of(this, name)
  if not tenant then return end
  local prepared = preparation.look(this.project, this.config, tenant.name, this.place, { tenant, scope })
  prepared.retry_seconds = 0
  this.tenant, this.grants, this.client, this.close = tenant, scope, prepared.client, prepared.close_clients
  this.registry = prepared.platform.registry and prepared.platform.registry(tenant)
end

local function perform(check, this)
  local note = notes.new(check.name)
  local ok, err = xpcall(task.timeout, errors.handler, M.SECONDS, check.check, this, note)
  if ok then return note end
  err = errors.wrap(err)
  if err.kind == "timeout" and err.why then
    note:error(err.why, "wait, and ask again")
  elseif err.kind == "timeout" and not err.hint then
    note:finding(("no answer within %d s"):format(M.SECONDS), "o2x config explain shows its address", notes.UNREACHABLE)
  else
    note:error(err, "o2x config explain shows its address")
  end
  return note
end

--- The checks of a project. A platform that cannot be loaded has those of the disk only.
---@param given { project: table, config: table, tenant: string? }
---@return table this for M.run; close it
---@return table[] checks
---@return table? problem the error that keeps the systems from being asked
function M.prepare(given)
  local this = { project = given.project, config = given.config, seconds = 5, close = function() end }
  local checks = { table.unpack(project.LIST) }
  table.move(machine.LIST, 1, #machine.LIST, #checks + 1, checks)
  local ok, err = xpcall(function()
    this.place = preparation.place(this.project)
    this.box = this.place.platform_sandbox
    look(this, given.tenant)
  end, errors.handler)
  for _, system in ipairs(this.grants and SYSTEMS or {}) do
    if concerns(system, this.grants) then checks[#checks + 1] = system end
  end
  if not ok and given.tenant then error(err, 0) end
  return this, checks, not ok and errors.wrap(err) or nil
end

--- Runs the checks, all at once. What two of them find is the first one's.
---@param this table
---@param checks table[]
---@param done fun(note: o2x.doctor.Note) called after each
function M.run(this, checks, done)
  local seen, later = {}, {}
  local function tell(note)
    note:leave_out(seen)
    done(note)
  end
  local function go(check)
    local note = perform(check, this)
    if check.through then
      later[#later + 1] = note -- the system in front of it says what is wrong with itself
    else
      tell(note)
    end
  end
  task.each(checks, go, { limit = #checks })
  for _, note in ipairs(later) do
    tell(note)
  end
end

return M
