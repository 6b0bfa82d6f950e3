--- Restore: brings back one tenant's data and leaves the other tenants alone.

local database = require "stdlib.database"
local maintenance = require "stdlib.maintenance"
local registry = require "stdlib.registry"
local restore = require "stdlib.restore"
local runbook = require "o2x.runbook"

local MAINTENANCE <const> = 3600 -- seconds from the first service stopped to the last one started

-- The temporary server is deleted as soon as the database is dumped.
local function dump_from_snapshot(tenant, params)
  local snapshot = step("Find the snapshot", restore.find_snapshot, tenant, params)
  local server = step("Create a server from it", restore.create_server, tenant, snapshot)
  local path = step("Dump the tenant's database", restore.dump, server)
  step("Delete the server", restore.delete_server)
  return path, snapshot
end

-- -> the archive's path, the snapshot it comes from, the function that deletes it if it is temporary
local function get_archive(tenant, params)
  if not params.archive then
    local path, snapshot = dump_from_snapshot(tenant, params)
    return path, snapshot, restore.delete_dump
  end
  if not restore.is_url(params.archive) then return params.archive end
  return step("Download the archive", restore.download, tenant, params.archive), nil, restore.delete_download
end

-- A maintenance that somebody else has turned on stays on.
local function replace_database(tenant)
  local already_on = step("Check for maintenance", restore.in_maintenance, tenant)
  if not already_on then step("Turn maintenance on", maintenance.on, tenant, MAINTENANCE) end
  step("Swap the databases", restore.swap, tenant)
  step("Migrate the database", database.migrate, tenant)
  if not already_on then step("Turn maintenance off", maintenance.off, tenant) end
end

return runbook {
  name = "restore",
  version = "1.0.0",
  api = 1,
  severe = true,
  summary = "Bring a tenant's data back, from a snapshot or an archive",
  emergency = "TENANT at=TIME --confirm=TENANT",
  help = [[
Why:     data were lost or damaged, and there is a snapshot or an archive from before.
archive= a file (or s3://BUCKET/KEY) made by o2x run backup or pg_dump -Fc
snapshot= the name of one of the tenant's snapshots or of an automated one; at=TIME takes the newest before TIME.
         RDS creates a server from it, this tenant's database is dumped, and the server is deleted.
table=   restores only that table, in one transaction, while the services run. The old rows are kept in schema o2x.
Touches: nothing until the data are restored into a copy beside the tenant's database and verified: rows, checksums,
         migrations. Then maintenance mode stops the services, sessions are ended, and the copy replaces the
         database. The old one is kept as DATABASE--before-RUN.
Before:  o2x plan restore TENANT … shows size, age and estimated duration, and changes nothing
Verify:  o2x run smoke TENANT
Undo:    o2x run maintenance TENANT mode=on --confirm=TENANT; then with psql -d postgres:
         ALTER DATABASE "DATABASE" RENAME TO "DATABASE--undone";
         ALTER DATABASE "DATABASE--before-RUN" RENAME TO "DATABASE"; then mode=off. Drop what is no longer needed.
Aborted: o2x resume continues. To give up, start the services again:
         o2x run maintenance TENANT mode=off --confirm=TENANT]],
  params = {
    archive = { "string", optional = true, help = "a file, or s3://BUCKET/KEY" },
    snapshot = { "string", optional = true, help = "a snapshot by name" },
    at = { "time", optional = true, help = "the newest snapshot before a time such as 2026-02-14T09:30:00Z" },
    table = { "string", optional = true, help = "only this table, such as core_config.users" },
  },
  effects = { "archive:write", "rds:write", "s3:write", "pg:write", "k8s:write", "alerts:write" },

  run = function(tenant, params)
    restore.check(tenant, params)
    tenant.id = step("Find the tenant", registry.find, tenant)
    local path, snapshot, delete = get_archive(tenant, params)
    local archive = step("Inspect the archive", restore.inspect, tenant, path, params.table, snapshot)
    step("Restore into a copy", restore.create_copy, tenant, archive)
    if params.table then
      step("Restore the table", restore.restore_table, tenant, archive)
      step("Drop the copy", restore.drop_copy)
    else
      step("Check the migrations", restore.check_migrations, tenant)
      replace_database(tenant)
    end
    if delete then step("Delete the temporary archive", delete) end
  end,
}
