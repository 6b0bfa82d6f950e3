--- Bringing a tenant's data back (guide: Database Restore, without touching the other tenants): it is restored beside
--- the tenant's own database, compared, and takes its place in one transaction. The old one is kept.

local archive = require "o2x.archive"
local clock = require "o2x.clock"
local maintenance = require "stdlib.maintenance"
local pg = require "o2x.pg"
local rds = require "o2x.rds"
local s3 = require "o2x.s3"
local text = require "o2x.text"

local M = {}

local SIZE <const> = "select pg_database_size(current_database()) as size"
local HISTORY <const> = [[
select script, checksum from public.flyway_schema_history where success and version is not null]]

-- The row by which a database says whose it is.
local function owner(tenant) return { table = "core_config.tenant", key = { id = tenant.id, name = tenant.name } } end

-- What a database is like that is made anew because the tenant's own is lost.
local function defaults(tenant)
  local database = tenant.platform.database
  return {
    owner = database.owner,
    encoding = database.encoding,
    collate = database.locale,
    ctype = database.locale,
    connection_limit = database.connection_limit,
    user = database.user,
  }
end

local function count_of(map)
  local count = 0
  for _ in pairs(map) do
    count = count + 1
  end
  return count
end

--- Refuses what can only go wrong.
---@param tenant table
---@param params table archive, snapshot, at: one of them
function M.check(tenant, params)
  local given = (params.archive and 1 or 0) + (params.snapshot and 1 or 0) + (params.at and 1 or 0)
  if given ~= 1 then
    invalid(
      "from where? exactly one of archive=FILE, snapshot=ID and at=TIME is wanted",
      ("o2x run backup %s list=true shows what there is"):format(tenant.name)
    )
  end
  if tenant.database == tenant.platform.database.control then
    invalid(
      ("%s holds the registry of all tenants: it is not brought back for one of them"):format(tenant.database),
      "restore it by hand, together with whoever runs the platform"
    )
  end
end

-- "2026-02-14T09:30:00Z, 3 h 12 min ago"
local function when(created)
  if not created:find("Z$") then return created end
  return ("%s, %s ago"):format(created, text.duration(math.max(0, clock.now() - clock.parse(created) // 1)))
end

-- ---- from a snapshot of the server ----

local function time_of(at)
  local ok, time = pcall(clock.parse, at)
  return ok and time or invalid(("at=%s is no time"):format(at), "such as at=2026-02-14T09:30:00Z")
end

--- The snapshot that is meant: by its name, or the newest that was whole at a time.
---@param tenant table
---@param params table snapshot or at
---@return table snapshot id, created
function M.snapshot(tenant, params)
  local found = params.snapshot and rds.find(params.snapshot) or rds.newest_before(time_of(params.at or ""))
  if not found then
    invalid(
      ("%s has no snapshot from before %s"):format(tenant.name, params.at),
      ("o2x run backup %s list=true shows what there is"):format(tenant.name)
    )
  end
  log(("snapshot %s is from %s"):format(found.id, when(found.created)))
  log("RDS makes a server of it, which takes 10 to 40 minutes; until then nothing changes, and the tenant goes on")
  return { id = found.id, created = found.created }
end

--- Makes this run's own server from the snapshot.
---@param _ table tenant
---@param snapshot table
---@return table server address, port
function M.server(_, snapshot)
  local server = rds.ensure_server(snapshot.id)
  return { address = server.address, port = server.port }
end

--- Copies the tenant's database, and no other, from the server.
---@param _ table tenant
---@param server table
---@return string path
function M.copy(_, server) return archive.dump_server(server) end

--- Throws the server away.
function M.remove_server() rds.remove_server() end

--- Removes the copy that was made on the way.
function M.clean() archive.drop_own() end

-- ---- from S3 ----

--- Is it an object of S3 rather than a file?
---@param name string
---@return boolean
function M.is_url(name) return name:find("^%w+://") ~= nil end

--- Fetches an archive from the tenant's own part of S3.
---@param _ table tenant
---@param url string
---@return string path
function M.fetch(_, url) return s3.fetch(url) end

--- Removes what was fetched.
function M.drop_fetched() s3.drop_own() end

-- ---- looking at it ----

--- Reads an archive to its end, and says how much it is, from when, and about how long it takes.
---@param tenant table
---@param path string
---@param wanted string? one table only
---@param snapshot table? that it was copied from: then the data are as old as that
---@return table archive what archive.restore_aside needs
function M.examine(tenant, path, wanted, snapshot)
  local found = archive.examine(path, owner(tenant), wanted)
  if not found then -- a plan has not copied it yet
    return { path = path, table = wanted, created = snapshot and snapshot.created }
  end
  found.created = snapshot and snapshot.created or found.created
  local size = pg.tenant:one(SIZE)
  log(("%s: %s as it was on %s"):format(snapshot and snapshot.id or path, found.database, when(found.created)))
  log(
    ("%d tables, %d rows, %s packed; the database that it replaces takes %s on the server"):format(
      found.tables,
      found.rows,
      text.bytes(found.bytes),
      text.bytes(size and size.size or 0)
    )
  )
  local seconds = 2 * (found.seconds or found.bytes // 2 ^ 22) + 5
  log(("restoring it takes about %s; whatever was written since is not in it"):format(text.duration(seconds)))
  return found
end

--- Restores it beside the tenant's database and compares it with what was saved.
---@param tenant table
---@param found table of M.examine
function M.aside(tenant, found) archive.restore_aside(found, { defaults = defaults(tenant) }) end

--- Refuses data of a newer release than what runs: migrations that the tenant's own database does not have.
---@param tenant table
function M.compare_migrations(tenant)
  local there, count = {}, 0
  for _, row in ipairs(pg.tenant:rows(HISTORY)) do
    there[row.script] = row.checksum
  end
  if not next(there) then return end -- its database is lost: nothing to compare with
  for _, row in ipairs(archive.rows(HISTORY)) do
    count = count + 1
    if there[row.script] ~= row.checksum then
      fail(
        ("what was saved has the migration %s, which %s does not have"):format(row.script, tenant.database),
        "deploy the release that it is of, and migrate, before it is restored"
      )
    end
  end
  if count > 0 then
    log(("%d migrations in what was saved, all of them known; %d now"):format(count, count_of(there)))
  end
end

--- Is somebody else's maintenance on? Then it is theirs to end.
---@param tenant table
---@return boolean
function M.in_maintenance(tenant)
  local note = maintenance.of(tenant)
  if note then log(maintenance.describe(tenant, note)) end
  return note ~= nil
end

--- Puts the restored database in the place of the tenant's own.
---@param tenant table
function M.swap(tenant)
  local kept = archive.swap { defaults = defaults(tenant) }
  if kept then log(("what was there until now is kept as %s"):format(kept)) end
  log("Redis may hold what is newer than the data: o2x run cache-clear " .. tenant.name)
  return kept
end

--- Brings one table back.
---@param _ table tenant
---@param found table of M.examine
function M.table(_, found)
  archive.restore_table(found.table)
  archive.drop_aside()
end

return M
