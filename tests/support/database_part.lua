-- The database part of an onboarding as a runbook of its own: its text.

return [[
local customisation = require "stdlib.customisation"
local database = require "stdlib.database"
local integrations = require "stdlib.integrations"
local registry = require "stdlib.registry"
return require "o2x.runbook" {
  name = "base", version = "1.0.0", api = 1, summary = "The database part of onboarding", effects = { "pg:write" },
  run = function(tenant)
    tenant.id = step("Allocate the tenant id", registry.allocate, tenant)
    step("Create the database", database.create, tenant)
    step("Migrate the database", database.migrate, tenant)
    step("Register the tenant", registry.register, tenant)
    step("Configure the integrations", integrations.configure, tenant)
    step("Apply the tenant's customisation", customisation.apply, tenant)
  end,
}
]]
