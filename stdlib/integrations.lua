--- Integrations: the providers that a tenant's gateways talk to. Public settings are in the database, credentials in
--- Vault (guide: step 3, "Adding New Integrations").

local pg = require "o2x.pg"
local providers = require "stdlib.providers"
local vault = require "o2x.vault"

local M = {}

local function merchant(tenant, item)
  return {
    tenant_id = tenant.id,
    name = item.name,
    type = item.type,
    status = item.status or "ACTIVE",
    authtype = item.authtype,
    apitype = item.apitype,
    baseurl = item.baseurl,
  }
end

local function gateway_attributes(item)
  local values = {}
  for column, value in pairs(item.attributes or {}) do
    values[column] = value
  end
  values.custom_mappings, values.custom_config = item.custom_mappings, item.custom_config
  return values
end

--- Ensures the rows of all integrations in the tenant's database.
---@param tenant table
function M.configure(tenant)
  local rows = {}
  for _, item in ipairs(tenant.integrations) do
    local function add(name, values)
      local key = { id = tenant.id, index = item.index }
      rows[#rows + 1] = { table = "core_config." .. name, key = key, values = values }
    end
    add("tenant_merchants", merchant(tenant, item))
    if item.oauth2 then
      add("oauth2_attributes", item.oauth2)
    elseif item.oauth1 then
      add("oauth1_attributes", item.oauth1)
    end
    add(providers.attributes(item.type).table, gateway_attributes(item))
  end
  pg.tenant:ensure_rows(rows)
end

-- The fields of one integration's secret: those in the secrets source, and the public ones stored with them.
local function credentials(tenant, item, provider)
  local given = tenant.secrets and tenant.secrets[provider.vault]
  if not given then return nil end
  local fields = {}
  for name, value in pairs(given) do
    fields[name] = value
  end
  for name, value in pairs(provider.public and provider.public(item) or {}) do
    fields[name] = value
  end
  return fields
end

--- Ensures one secret per integration, the tenant's info, and the licence with a generated decrypt key (guide 3.2).
--- Without a secrets source, Vault's secrets stay as they are; preflight has checked that they exist.
---@param tenant table
function M.store_credentials(tenant)
  vault.ensure("info", { tenant_id = tenant.id, tenant_name = tenant.name, environment = tenant.environment })
  for _, item in ipairs(tenant.integrations) do
    local provider = providers.find(item.name)
    local fields = credentials(tenant, item, provider)
    if fields then vault.ensure(provider.vault, fields) end
  end
  local license = tenant.secrets and tenant.secrets.license
  if license then
    vault.ensure("license/onboarding", { license_key = license.license_key }, { generate = { decrypt_key = 43 } })
  end
end

return M
