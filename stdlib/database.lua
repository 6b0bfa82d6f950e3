--- The tenant's database (guide: steps 2.1 and 2.2).

local naming = require "stdlib.naming"
local pg = require "o2x.pg"

local M = {}

--- Ensures the database with its owner, encoding, collation, connection limit and grants.
---@param tenant table
function M.create(tenant)
  local database = tenant.platform.database
  local owner = naming.database_owner(tenant)
  pg.admin:ensure_database(tenant.database, {
    owner = owner,
    encoding = database.encoding,
    collate = database.locale,
    ctype = database.locale,
    connection_limit = database.connection_limit,
  })
  pg.admin:ensure_grant(tenant.database, { all = { owner }, connect = { database.user } })
end

--- Applies pending migrations with Flyway's rules and history table. Fails if an applied migration has changed. A
--- platform without a folder of migrations leaves them to its services.
---@param tenant table
function M.migrate(tenant)
  local database = tenant.platform.database
  if not database.migrations then
    log "platform.yaml names no database.migrations: nothing is migrated"
    return
  end
  pg.tenant:ensure_migrated(database.migrations, { schemas = database.schemas })
end

--- Repairs the history of the migrations, so that they can go on after one that failed. Changes nothing else.
---@param tenant table
function M.repair_history(tenant)
  local database = tenant.platform.database
  if not database.migrations then invalid("platform.yaml names no database.migrations", "name the folder there") end
  pg.tenant:ensure_migrations_repaired(database.migrations, { schemas = database.schemas })
end

return M
