--- Backup: a tenant's data, to be restored from.

local backup = require "stdlib.backup"
local registry = require "stdlib.registry"
local runbook = require "o2x.runbook"

return runbook {
  name = "backup",
  version = "1.0.0",
  api = 1,
  summary = "Save a tenant's data: a snapshot of the server, an archive of its database, or both",
  help = [[
Why:     before anything risky, or to have the data of one tenant on its own.
Plainly: a snapshot of the database server, named TENANT-manual-DATE-TIME. It holds all tenants' databases.
to=FILE  an archive of the tenant's database only (pg_dump -Fc), read to its end and compared with the database as it
         was dumped; FILE.json says what is in it. to=s3://BUCKET/TENANT-ID/NAME.dump puts both there.
         snapshot=true takes the snapshot as well.
list=true shows the snapshots that the tenant can be restored from, and the databases that restores have put away.
Touches: nothing that is there; a file is never written over. The services go on.
Verify:  pg_restore -l FILE; aws rds describe-db-snapshots
Back:    remove the file, or aws rds delete-db-snapshot]],
  params = {
    to = { "string", optional = true, help = "file of the archive, or s3://BUCKET/KEY" },
    snapshot = { "boolean", default = false, help = "with to=: take a snapshot as well" },
    list = { "boolean", default = false, help = "only show what there is" },
  },
  effects = { "archive:write", "rds:write", "s3:write" },

  run = function(tenant, params)
    tenant.id = step("Find the tenant", registry.find, tenant)
    if params.list then return step("Look at what there is", backup.list, tenant) end
    if params.snapshot or not params.to then step("Take a snapshot", backup.snapshot, tenant) end
    if params.to then step("Write the archive", backup.archive, tenant, params.to) end
  end,
}
