--- Restore: a tenant's data as they were, and no other tenant's.

local database = require "stdlib.database"
local maintenance = require "stdlib.maintenance"
local registry = require "stdlib.registry"
local restore = require "stdlib.restore"
local runbook = require "o2x.runbook"

local MAINTENANCE <const> = 3600 -- seconds that it may take from the first service stopped to the last one started

return runbook {
  name = "restore", version = "1.0.0", api = 1, severe = true,
  summary = "Bring a tenant's data back from an archive",
  help = [[
Why        data were lost or spoilt, and there is an archive from before.
Touches    the tenant's database, after its contents were restored beside it and compared: then its services are stopped
           (maintenance mode), its sessions ended, and the restored one takes its place. The old one is kept as
           DATABASE--before-RUN. With table=NAME only that table, in one transaction, and the services go on.
Verify     the run compares rows, checksums and migrations; then o2x run runbooks/smoke.lua TENANT.
Go back    rename the kept database: the run's last lines name it. Drop it when nobody misses anything.]],
  params = {
    archive = { "string", help = "file that runbooks/backup.lua or pg_dump -Fc made" },
    table = { "string", optional = true, help = "bring back this table only, such as core_config.users" },
  },
  effects = { "archive:write", "pg:write", "k8s:write", "alerts:write" },

  run = function(tenant, params)
    tenant.id = step("Find the tenant", registry.find, tenant)
    restore.check(tenant)
    local found = step("Look at the archive", restore.examine, tenant, params.archive)
    step("Restore it aside", restore.aside, tenant, found, params.table)
    if params.table then return step("Bring the table back", restore.table, tenant, params.table) end
    check("the migrations of the archive are known", restore.compare_migrations, tenant)
    local before = step("Look whether it is in maintenance", restore.in_maintenance, tenant)
    if not before then step("Take it into maintenance", maintenance.on, tenant, MAINTENANCE) end
    step("Put it in place", restore.swap, tenant)
    step("Migrate the database", database.migrate, tenant)
    if not before then step("Bring it out of maintenance", maintenance.off, tenant) end
  end,
}
