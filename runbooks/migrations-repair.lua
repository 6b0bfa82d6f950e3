--- Migrations-repair: mends the history of a tenant's migrations after one that failed.

local database = require "stdlib.database"
local runbook = require "o2x.runbook"

return runbook {
  name = "migrations-repair",
  version = "1.0.0",
  api = 1,
  severe = true,
  summary = "Repair the history of a tenant's migrations after one that failed",
  help = [[
Why:     a migration failed outside a transaction, or an applied file was changed, renamed or removed on purpose.
         Until the history is repaired, no further migration runs.
Before:  undo by hand what the failed migration left, or complete it: it runs again from its first statement.
         o2x plan migrations-repair TENANT shows each row that will be changed, and how.
Does:    as "flyway repair": removes the rows of failed migrations, notes as deleted those whose file is missing, and
         gives the rows of changed files the new checksum and description.
Touches: only Flyway's table flyway_schema_history, in one transaction.
Verify:  o2x plan onboard TENANT (the migrations to run)
Undo:    not possible; the journal keeps what each row was]],
  params = {},
  effects = { "pg:write" },

  run = function(tenant)
    step("Repair the history of the migrations", database.repair_history, tenant)
    log(("the migrations of %s can run: o2x run onboard %s"):format(tenant.name, tenant.name))
  end,
}
