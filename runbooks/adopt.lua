--- Adoption: from a tenant that was made by hand to one that o2x keeps.

local adoption = require "stdlib.adoption"
local runbook = require "o2x.runbook"

return runbook {
  name = "adopt",
  version = "1.0.0",
  api = 1,
  summary = "Take a tenant that was made by hand under care: its file is made of what is there",
  help = [[
Why:     a tenant is on the platform, and its file is missing or says something else than the systems do.
Does:    reads the registry, the tenant's database, Vault's paths, releases, objects, DNS and documents, and writes
         tenants/TENANT.yaml: in place and with its comments if it is there. Values files that the tree lacks come
         from helm's releases. What differs from the standard is kept in the file as this tenant's own (pins, kept),
         so that the plan is empty afterwards; what is missing is listed with the line that makes it. Nothing else
         is changed.
Needs:   the tenant's row in the registry and its database; no file, and no secrets
Before:  o2x plan adopt TENANT shows it all, and writes nothing
Verify:  o2x plan onboard TENANT (no changes); o2x run smoke TENANT
Undo:    o2x undo RUN --confirm=TENANT: the files are as they were before
Kept:    a line of kept: holds as long as the difference is the same. --take-over=KEY of o2x run onboard makes the
         thing as the standard has it; adopt again drops its line.]],
  params = {
    admin = {
      "choice",
      default = "keep",
      choices = { "keep", "reset" },
      help = "reset: give the administrator a new password, in the database and in Vault",
    },
  },
  effects = { "files:write", "pg:write", "vault:write" },
  adopts = true,

  run = function(tenant, params)
    adoption.check(tenant)
    local found = step("Look at what is there", adoption.look, tenant)
    step("Write the values files that are missing", adoption.write_values, found)
    local result = step("Compare it with the standard", adoption.compare, tenant, found)
    step("Write the tenant's file", adoption.write_file, tenant, found, result)
    if params.admin == "reset" then step("Reset the administrator", adoption.reset_admin, tenant, result) end
    adoption.report(tenant, found, result, params.admin == "reset")
  end,
}
