--- Restores one tenant's data (guide: Database Restore, but without touching other tenants). The data are restored into
--- a copy beside the tenant's database and verified; then the copy replaces it in one transaction. The old one is kept.

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

local function count_of(map)
  local count = 0
  for _ in pairs(map) do
    count = count + 1
  end
  return count
end

--- Checks the parameters: exactly one source, and not the control database. Raises an input error.
---@param tenant table
---@param params { archive: string?, snapshot: string?, at: string? }
function M.check(tenant, params)
  local given = (params.archive and 1 or 0) + (params.snapshot and 1 or 0) + (params.at and 1 or 0)
  if given ~= 1 then
    invalid(
      "give exactly one of archive=FILE, snapshot=ID and at=TIME",
      ("o2x run backup %s list=true lists them"):format(tenant.name)
    )
  end
  if tenant.database == tenant.platform.database.control then
    invalid(
      ("%s holds the registry of all tenants and cannot be restored for one of them"):format(tenant.database),
      "restore it by hand, with the platform team"
    )
  end
end

-- "2026-02-14T09:30:00Z, 3 h 12 min ago"
local function with_age(created)
  if not created:find("Z$") then return created end
  return ("%s, %s ago"):format(created, text.duration(math.max(0, clock.now() - clock.parse(created) // 1)))
end

-- ---- from a snapshot of the server ----

--- The snapshot to restore from: by name, or the newest one completed before a time. An input error if there is none.
---@param tenant table
---@param params { snapshot: string?, at: string? } at: ISO 8601
---@return { id: string, created: string } snapshot
function M.find_snapshot(tenant, params)
  archive.check_programs() -- a server that nothing here can dump is not made
  local found = params.snapshot and rds.find(params.snapshot) or rds.newest_before(clock.parse(params.at))
  if not found then
    invalid(
      ("%s has no snapshot from before %s"):format(tenant.name, params.at),
      ("o2x run backup %s list=true lists them"):format(tenant.name)
    )
  end
  log(("snapshot %s is from %s"):format(found.id, with_age(found.created)))
  log(
    "RDS creates a server from it, which takes 10 to 40 minutes; meanwhile nothing changes and the tenant keeps running"
  )
  return { id = found.id, created = found.created }
end

--- Creates this run's temporary server from a snapshot and waits for it.
---@param _ table tenant
---@param snapshot table of M.find_snapshot
---@return { id: string, class: string?, address: string, port: integer } server
function M.create_server(_, snapshot)
  local server = rds.ensure_server(snapshot.id)
  return { id = server.id, class = server.class, address = server.address, port = server.port }
end

--- Dumps the tenant's database, and no other, from the temporary server. If that fails, the server stays, because a
--- resumed run goes on with it: the last lines name it, and what it costs.
---@param server table of M.create_server
---@return string path of the archive
function M.dump(server)
  local ok, result = pcall(archive.dump_server)
  if ok then return result end
  log(
    ("the server %s (%s) is still there, and is paid for by the hour until it is deleted: "):format(
      server.id,
      server.class or "of the class of the platform's"
    ) .. "o2x resume goes on with it, o2x undo deletes it",
    { last = true }
  )
  error(result, 0)
end

--- Deletes the temporary server.
function M.delete_server() rds.remove_server() end

--- Deletes the archive of M.dump.
function M.delete_dump() archive.drop_own() end

-- ---- from S3 ----

--- Whether a name is a URL rather than a path.
---@param name string
---@return boolean
function M.is_url(name) return name:find("^%w+://") ~= nil end

--- Downloads an archive from the tenant's own part of S3. An input error if it is outside of that or missing.
---@param _ table tenant
---@param url string s3://BUCKET/KEY
---@return string path of the archive
function M.download(_, url) return s3.fetch(url) end

--- Deletes the archive of M.download.
function M.delete_download() s3.drop_own() end

-- ---- the archive ----

--- Reads an archive to its end and logs its size, its age and the estimated duration. An input error if it is damaged,
--- is another tenant's, or lacks the table.
---@param _ table tenant
---@param path string
---@param wanted string? a single table
---@param snapshot table? the snapshot that it was dumped from, which gives its age
---@return table archive for M.create_copy
function M.inspect(_, path, wanted, snapshot)
  local found = archive.examine(path, wanted)
  if not found then -- in a plan, there is no dump yet
    return { path = path, table = wanted, created = snapshot and snapshot.created }
  end
  found.created = snapshot and snapshot.created or found.created
  local size = pg.tenant:one(SIZE)
  log(("%s holds %s as of %s"):format(snapshot and snapshot.id or path, found.database, with_age(found.created)))
  log(
    ("%d tables, %d rows, %s compressed; it replaces a database of %s"):format(
      found.tables,
      found.rows,
      text.bytes(found.bytes),
      text.bytes(size and size.size or 0)
    )
  )
  local seconds = 2 * (found.seconds or found.bytes // 2 ^ 22) + 5
  log(("the restore takes about %s; it does not bring back what was written since"):format(text.duration(seconds)))
  return found
end

--- Restores an archive into a copy beside the tenant's database and verifies the copy against the archive.
---@param _ table tenant
---@param found table of M.inspect
function M.create_copy(_, found) archive.create_copy(found) end

local function compare_migrations(tenant)
  local current, count = {}, 0
  for _, row in ipairs(pg.tenant:rows(HISTORY)) do
    current[row.script] = row.checksum
  end
  if not next(current) then return end -- the database is lost: nothing to compare with
  for _, row in ipairs(archive.rows(HISTORY)) do
    count = count + 1
    if current[row.script] ~= row.checksum then
      fail(
        ("the archive has migration %s, which %s does not have"):format(row.script, tenant.database),
        "deploy and migrate to the archive's release first, then restore"
      )
    end
  end
  if count > 0 then
    log(
      ("the archive has %d migrations, the database %d; all of the archive's are known"):format(
        count,
        count_of(current)
      )
    )
  end
end

--- Fails if the copy is from a newer release: if it has migrations that the tenant's database does not have.
---@param tenant table
function M.check_migrations(tenant) check("The database has the archive's migrations", compare_migrations, tenant) end

--- Whether the tenant is in maintenance already. The restore then leaves it on.
---@param tenant table
---@return boolean
function M.in_maintenance(tenant)
  local record = maintenance.of(tenant)
  if record then log(maintenance.describe(tenant, record)) end
  return record ~= nil
end

--- Replaces the tenant's database with the copy. The old one is kept under another name.
---@param tenant table
---@return string? kept name of the old database; nil if there was none
function M.swap(tenant)
  local kept = archive.swap()
  if kept then log(("the old database is kept as %s"):format(kept)) end
  log(
    ("Redis may hold values newer than the data; to clear them: o2x run cache-clear %s --confirm=%s"):format(
      tenant.name,
      tenant.name
    )
  )
  return kept
end

--- Restores a single table from the copy.
---@param _ table tenant
---@param found table of M.inspect
function M.restore_table(_, found) archive.restore_table(found.table) end

--- Drops the copy that a table was restored from.
function M.drop_copy() archive.drop_copy() end

return M
