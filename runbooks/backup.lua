--- Backup: an archive of one tenant's database.

local backup = require "stdlib.backup"
local registry = require "stdlib.registry"
local runbook = require "o2x.runbook"

return runbook {
  name = "backup", version = "1.0.0", api = 1,
  summary = "Save a tenant's data",
  help = [[
Why        before anything risky, or to have the data of one tenant on its own.
Touches    the new file only; the tenant's services go on.
Verify     pg_restore -l FILE; the run itself reads the archive to its end and compares it with the database.
Go back    remove the file (and FILE.json beside it, which says what is in it).]],
  params = {
    to = { "string", help = "file of the archive; never written over" },
  },
  effects = { "archive:write" },

  run = function(tenant, params)
    tenant.id = step("Find the tenant", registry.find, tenant)
    step("Write the archive", backup.archive, tenant, params.to)
  end,
}
