--- Which runs hold tenants, for people: those of all machines by the control database (holding.lua), and those of this
--- run store by its files (lock.lua).

local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local holders = require "o2x.client.pg.holders"
local identity = require "o2x.base.identity"
local liveness = require "o2x.base.liveness"
local lock = require "o2x.engine.lock"
local lock_words = require "o2x.engine.lock_words"
local own_tables = require "o2x.client.pg.own_tables"
local preparation = require "o2x.engine.preparation"
local tenant_files = require "o2x.project.tenant_files"
local units = require "o2x.base.units"

local M = {}

-- A look at the platform by any of its tenants: the registry is the same for all.
local function look(project, config, name)
  local place, problem = preparation.place(project), nil
  for _, known in ipairs(name and { name } or tenant_files.names(config)) do
    local ok, this = pcall(preparation.look, project, config, known, place)
    if ok then return this end
    problem = problem or this
  end
  if problem then error(problem, 0) end
end

-- Asks the control database; nil if the platform has no registry.
local function ask(project, config, name, fn)
  local this = look(project, config, name)
  if not this then return nil end
  local _close <close> = defer(this.close_clients)
  local registry = this.platform.registry and this.platform.registry(this.tenant)
  if not registry then return nil end
  local ok, result = xpcall(this.client("pg").with, errors.handler, this.client "pg", registry.database, fn)
  if ok then return result end
  local mend = errors.is(result) and own_tables.mend(config.pg.user, registry.database, result)
  error(mend and errors.amend(result, { hint = mend }) or result, 0)
end

-- Who holds tenants, by the control database. What ended on this machine can be seen at once, before it expires.
local function list(db, tenant)
  local found = holders.list(db, tenant)
  for _, holder in ipairs(found) do
    holder.ended = liveness.has_ended(holder.machine, holder.process)
  end
  return found
end

--- Who holds tenants, by the control database.
---@param project table
---@param config table
---@param tenant string? all if absent
---@return o2x.pg.holder[]
function M.everywhere(project, config, tenant)
  return ask(project, config, tenant, function(db) return list(db, tenant) end) or {}
end

--- Makes what a run that holds a tenant needs in the control database, as the first one does.
---@param project table
---@param config table
---@param tenant string
function M.prepare(project, config, tenant)
  ask(project, config, tenant, function(db)
    db:pipeline(holders.tables())
    return true
  end)
end

--- Who holds tenants, by the files of this run store.
---@param config table
---@param tenant string? all if absent
---@return table[] holders tenant, user, host, pid, run, runbook, since
function M.here(config, tenant)
  local found, folder = {}, fs.join(config.state, "locks")
  for _, name in ipairs(fs.exists(folder) and fs.list(folder) or {}) do
    local holder = (not tenant or name == tenant) and lock.holder(config.state, name)
    if holder then
      holder.tenant = name
      found[#found + 1] = holder
    end
  end
  return found
end

--- Who gave a tenant back by hand, if nobody has taken it since.
---@param project table
---@param config table
---@param tenant string
---@return o2x.pg.released?
function M.released(project, config, tenant)
  return ask(project, config, tenant, function(db) return holders.released(db, tenant) end)
end

-- The table may be of an older o2x.
local function expire(db, found, by)
  local ok, released = pcall(holders.expire, db, found, by)
  if ok then return released end
  if not errors.is(released) or released.code ~= "42703" then error(released, 0) end
  db:pipeline(holders.columns())
  return holders.expire(db, found, by)
end

--- Gives a tenant back whose holder gave no sign of life or has ended. Refuses as long as it may live.
---@param project table
---@param config table
---@param tenant string
---@param reason string which the next run's journal keeps
---@return o2x.pg.holder holder that had it
function M.release(project, config, tenant, reason)
  local user, host = identity.here()
  local holder = ask(project, config, tenant, function(db)
    local found = list(db, tenant)[1]
    if not found then return nil end
    if expire(db, found, { user = user, host = host, reason = reason }) then
      found.expired = true
      return found
    end
    return list(db, tenant)[1] or found
  end)
  if not holder then errors.input(("no run holds %s"):format(tenant), "o2x locks lists the holders") end
  if holder.expired then return holder end
  errors.raise {
    kind = "locked",
    module = "lock",
    message = ("%s is not released: %s"):format(tenant, lock_words.who(holder)),
    hint = ("interrupt it there; without a sign of life for %s it can be released"):format(
      units.duration(holder.seconds)
    ),
  }
end

return M
