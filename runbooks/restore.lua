--- Restore: a tenant's data as they were, and no other tenant's.

local database = require "stdlib.database"
local maintenance = require "stdlib.maintenance"
local registry = require "stdlib.registry"
local restore = require "stdlib.restore"
local runbook = require "o2x.runbook"

local MAINTENANCE <const> = 3600 -- seconds that it may take from the first service stopped to the last one started

-- The server aside lives only as long as the copy takes.
local function from_snapshot(tenant, params)
  local snapshot = step("Find the snapshot", restore.snapshot, tenant, params)
  local server = step("Make a server from it", restore.server, tenant, snapshot)
  local path = step("Copy the tenant's database", restore.copy, tenant, server)
  step("Throw the server away", restore.remove_server)
  return path, snapshot
end

-- -> the archive's path, the snapshot that it is from, and what removes the copy, if it is one
local function from_where(tenant, params)
  if not params.archive then
    local path, snapshot = from_snapshot(tenant, params)
    return path, snapshot, restore.clean
  end
  if not restore.is_url(params.archive) then return params.archive end
  return step("Fetch the archive", restore.fetch, tenant, params.archive), nil, restore.drop_fetched
end

local function take_the_place(tenant)
  local before = step("Look whether it is in maintenance", restore.in_maintenance, tenant)
  if not before then step("Take it into maintenance", maintenance.on, tenant, MAINTENANCE) end
  step("Put it in place", restore.swap, tenant)
  step("Migrate the database", database.migrate, tenant)
  if not before then step("Bring it out of maintenance", maintenance.off, tenant) end
end

return runbook {
  name = "restore",
  version = "1.0.0",
  api = 1,
  severe = true,
  summary = "Bring a tenant's data back, from a snapshot or an archive",
  help = [[
Why:     data were lost or spoilt, and there is a snapshot or an archive from before.
archive= a file (or s3://BUCKET/KEY) that runbooks/backup.lua or pg_dump -Fc made
snapshot= the name of a snapshot of the tenant's own, or one that RDS made by itself; at=TIME takes the newest before
         TIME. It holds all tenants: RDS makes a server of it, this tenant's database is copied, the server thrown away.
table=   brings back that table only, in one transaction; the services go on. What it held is kept in the schema o2x.
Touches: nothing until the data are restored beside the tenant's database and compared with what was saved: rows,
         checksums, migrations. Then the services are stopped (maintenance mode), sessions ended, and the restored
         database takes the place of the other, which is kept as DATABASE--before-RUN.
Before:  o2x plan restore TENANT ... says how much, from when and about how long, and changes nothing
Verify:  o2x run smoke TENANT
Back:    ALTER DATABASE ... RENAME: the last lines of the run name what is kept. Drop it when nobody misses anything.
Broken off: o2x resume goes on; if that is not wanted, o2x run maintenance TENANT mode=off starts the services again.]],
  params = {
    archive = { "string", optional = true, help = "a file, or s3://BUCKET/KEY" },
    snapshot = { "string", optional = true, help = "a snapshot by name" },
    at = { "string", optional = true, help = "the newest snapshot before a time such as 2026-02-14T09:30:00Z" },
    table = { "string", optional = true, help = "this table only, such as core_config.users" },
  },
  effects = { "archive:write", "rds:write", "s3:write", "pg:write", "k8s:write", "alerts:write" },

  run = function(tenant, params)
    restore.check(tenant, params)
    tenant.id = step("Find the tenant", registry.find, tenant)
    local path, snapshot, clean = from_where(tenant, params)
    local found = step("Look at what is saved", restore.examine, tenant, path, params.table, snapshot)
    step("Restore it aside", restore.aside, tenant, found)
    if params.table then
      step("Bring the table back", restore.table, tenant, found)
    else
      step("Compare its migrations", restore.compare_migrations, tenant)
      take_the_place(tenant)
    end
    if clean then step("Remove the copy", clean) end
  end,
}
