--- Backup: a copy of a tenant's data to restore from.

local backup = require "stdlib.backup"
local registry = require "stdlib.registry"
local runbook = require "o2x.runbook"

return runbook {
  name = "backup",
  version = "1.0.0",
  api = 1,
  summary = "Save a tenant's data: a snapshot of the server, an archive of its database, or both",
  help = [[
Why:     before anything risky, or to keep a copy of one tenant's data.
Default: takes a snapshot of the database server, named TENANT-manual-DATE-TIME. It contains all tenants' databases.
to=FILE  dumps only this tenant's database (pg_dump -Fc), reads the archive back and compares it with the database.
         FILE.json lists what is in it. to=s3://BUCKET/TENANT-ID/NAME.dump uploads both. Add snapshot=true to take
         the snapshot as well.
list=true lists what the tenant can be restored from, and the databases that earlier restores have kept.
Touches: nothing that exists: a file is never overwritten, and the services keep running.
Verify:  pg_restore -l FILE; aws rds describe-db-snapshots
Undo:    delete the file, or aws rds delete-db-snapshot]],
  params = {
    to = { "string", optional = true, help = "file for the archive, or s3://BUCKET/KEY" },
    snapshot = { "boolean", default = false, help = "with to=: take a snapshot as well" },
    list = { "boolean", default = false, help = "only list the backups" },
  },
  effects = { "archive:write", "rds:write", "s3:write" },

  run = function(tenant, params)
    tenant.id = step("Find the tenant", registry.find, tenant)
    if params.list then return step("List the backups", backup.list, tenant) end
    if params.snapshot or not params.to then step("Take a snapshot", backup.snapshot, tenant) end
    if params.to then step("Write the archive", backup.archive, tenant, params.to) end
  end,
}
