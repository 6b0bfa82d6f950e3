--- The registry of tenants in the control database, and the tenant's rows in its own (guide: steps 1 and 2.3).

local k8s = require "o2x.k8s"
local naming = require "stdlib.naming"
local pg = require "o2x.pg"

local M = {}

-- A run without the secrets leaves the licence key as it is.
local function tenant_values(tenant)
  local license = tenant.secrets and tenant.secrets.license
  return {
    name = tenant.name,
    vaulturi = tenant.vault_uri,
    vaultpath = tenant.vault_path,
    status = "ACTIVE",
    licensekey = license and license.license_key or nil,
  }
end

local function profile_values(tenant)
  local profile = tenant.profile
  return {
    companyname = tenant.company,
    address = profile.address,
    city = profile.city,
    state = profile.state,
    country = profile.country,
    timezone = profile.timezone,
    currency = profile.currency,
  }
end

--- The tenant's id: the one it has, or the next free one. It is allocated under a lock in the control database, so that
--- two onboardings at once get two ids. A row that was there already is made what it should be. Fails if the tenant's
--- file has another id.
---@param tenant table
---@return string id "TIDLT-100008"
function M.allocate(tenant)
  local row, outcome = pg.control:ensure_allocated {
    table = "core_config.tenant",
    key = { name = tenant.name },
    column = naming.TENANT_ID.column,
    prefix = naming.TENANT_ID.prefix,
    digits = naming.TENANT_ID.digits,
    first = naming.TENANT_ID.first,
    values = tenant_values(tenant),
  }
  if outcome ~= "created" then
    pg.control:ensure_row("core_config.tenant", { name = tenant.name }, tenant_values(tenant))
  end
  if tenant.id and tenant.id ~= row.id then
    fail(
      ("the tenant file has id %s, the registry %s"):format(tenant.id, row.id),
      "one of them is wrong: correct the file or the registry"
    )
  end
  return row.id
end

--- The tenant's row in the registry.
---@param tenant table
---@return {id: string}? row nil if there is none
function M.lookup(tenant) return pg.control:row("core_config.tenant", { name = tenant.name }, { "id" }) end

--- Reads an existing tenant's id from the registry. Fails if it is not there.
---@param tenant table
---@return string id
function M.find(tenant)
  local row = M.lookup(tenant)
  if not row then
    fail(("tenant %s is not in the registry"):format(tenant.name), "onboard it first: o2x run onboard " .. tenant.name)
  end
  return row.id
end

--- The id in the environment of the tenant's services.
---@param tenant table
---@return string? id nil if the cluster does not answer, or has none
function M.from_services(tenant)
  local options = { selector = "tenant=" .. tenant.name, namespace = tenant.namespace }
  local seen, deployments = pcall(k8s.list, "Deployment", options)
  for _, deployment in ipairs(seen and deployments or {}) do
    for _, entry in ipairs((deployment.spec.template.spec.containers[1] or {}).env or {}) do
      if entry.name == "TENANT_ID" and naming.is_tenant_id(entry.value) then return entry.value end
    end
  end
end

--- Ensures the rows in tenant and tenant_profile, in the control database and in the tenant's own.
---@param tenant table
function M.register(tenant)
  pg.control:ensure_row("core_config.tenant_profile", { tenantid = tenant.id }, profile_values(tenant))
  pg.tenant:ensure_rows {
    { table = "core_config.tenant", key = { id = tenant.id }, values = tenant_values(tenant) },
    { table = "core_config.tenant_profile", key = { tenantid = tenant.id }, values = profile_values(tenant) },
  }
end

return M
