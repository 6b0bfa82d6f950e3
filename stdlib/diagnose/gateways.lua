--- "Gateway Authentication Failing" (guide: Troubleshooting 2): merchants in the database, credentials in Vault,
--- the connection to the provider.

local clock = require "o2x.clock"
local findings = require "stdlib.diagnose.findings"
local naming = require "stdlib.naming"
local pg = require "o2x.pg"
local preflight = require "stdlib.preflight"
local providers = require "stdlib.providers"
local refusals = require "stdlib.refusals"
local remedy = require "stdlib.remedy"
local service = require "o2x.service"
local vault = require "o2x.vault"

local M = {}

local HOUR = 3600

local function vault_path(tenant, provider) return ("secret/tenant/%s/%s"):format(tenant.name, provider.vault) end

-- Onboarding brings what the secrets file has to Vault; the gateway reads it when it starts.
local function renew(tenant, provider, what, first)
  return {
    first = first,
    say = ("put %s into the tenant's secrets file, under %s"):format(what, provider.vault),
    mend = remedy.onboard(tenant) .. " && " .. remedy.restart(tenant, provider.gateway),
  }
end

-- ---- the database ----

local function merchant(found, tenant, item)
  local function ensured(name)
    return {
      mend = remedy.onboard(tenant, remedy.row(tenant, "core_config." .. name, "id", tenant.id, "index", item.index)),
    }
  end
  local row = pg.tenant:one(
    "select status from core_config.tenant_merchants where tenant_id = $1 and name = $2",
    tenant.id,
    item.name
  )
  if not row then
    return findings.add(
      found,
      "critical",
      item.name,
      "the merchant is not configured",
      "no row in core_config.tenant_merchants",
      ensured "tenant_merchants"
    )
  end
  local wanted = item.status or "ACTIVE"
  if row.status ~= wanted then
    findings.add(
      found,
      "critical",
      item.name,
      "the merchant is " .. row.status,
      "status in core_config.tenant_merchants; the tenant file says " .. wanted,
      ensured "tenant_merchants"
    )
  end
  for _, kind in ipairs { "oauth1", "oauth2" } do
    local query = "select 1 as found from core_config.%s_attributes where id = $1 and index = $2"
    if item[kind] and not pg.tenant:one(query:format(kind), tenant.id, item.index) then
      findings.add(
        found,
        "critical",
        item.name,
        "its OAuth attributes are not configured",
        ("no row in core_config.%s_attributes"):format(kind),
        ensured(kind .. "_attributes")
      )
    end
  end
end

-- ---- Vault ----

local function credentials(found, tenant, provider)
  local path = vault_path(tenant, provider)
  local fields = vault.read(provider.vault)
  if not fields then
    findings.add(
      found,
      "critical",
      provider.gateway,
      ("%s: the credentials are not in Vault"):format(provider.title),
      "no " .. path,
      renew(tenant, provider, table.concat(provider.fields, ", "), not preflight.is_kept(tenant, provider.vault))
    )
    return nil
  end
  local missing = {}
  for _, name in ipairs(provider.fields) do
    local value = fields[name]
    local length = value == nil and 0 or type(value) == "string" and #value or value:length()
    if length == 0 then missing[#missing + 1] = name end
  end
  if #missing > 0 then
    findings.add(
      found,
      "critical",
      provider.gateway,
      ("%s: the credentials lack %s"):format(provider.title, table.concat(missing, ", ")),
      path,
      renew(tenant, provider, table.concat(missing, ", "))
    )
  end
  return fields
end

-- The guide looks for the expiry in the database, but it is in Vault with the tokens.
local function expiry(found, tenant, provider, fields)
  if not fields.token_expiry then return end
  local path = vault_path(tenant, provider)
  local ok, ends = pcall(clock.parse, fields.token_expiry)
  local fix = renew(tenant, provider, "a new access_token, and its token_expiry,")
  if not ok then
    return findings.add(found, "warning", provider.gateway, provider.title .. ": token_expiry is not a time", path, fix)
  end
  local left = ends - clock.now()
  if left < HOUR then
    findings.add(
      found,
      left < 0 and "critical" or "warning",
      provider.gateway,
      ("%s: the OAuth token %s"):format(provider.title, left < 0 and "has expired" or "expires within an hour"),
      path .. ": token_expiry",
      fix
    )
  end
end

-- ---- the gateway itself ----

local function connection(found, tenant, provider)
  local response = service.test {
    service = naming.resource(tenant, provider.gateway),
    path = provider.test,
    headers = { ["X-Tenant-ID"] = tenant.id },
    json = {},
  }
  if response.status == 200 then return end
  local whose, text = refusals.of(provider, response)
  findings.add(
    found,
    "critical",
    provider.gateway,
    text,
    ("POST %s returns %d"):format(provider.test, response.status),
    whose == "credentials" and renew(tenant, provider, "credentials that " .. provider.title .. " accepts")
      or { look = remedy.logs(tenant, provider.gateway) }
  )
end

local function integration(found, tenant, facts, item)
  local provider = providers.find(item.name)
  if facts.database then merchant(found, tenant, item) end
  local before = #found.list
  local fields = facts.vault and credentials(found, tenant, provider)
  if fields then expiry(found, tenant, provider, fields) end
  local deployment = facts.deployments[naming.resource(tenant, provider.gateway)]
  local running = deployment and (deployment.status.readyReplicas or 0) > 0
  if facts.maintenance or not running or not facts.vault then return end -- reported elsewhere
  if #found.list == before then connection(found, tenant, provider) end -- otherwise the cause is known already
end

--- Checks each of the tenant's integrations.
---@param found table of findings.new
---@param tenant table
---@param facts table of pods.facts
function M.run(found, tenant, facts)
  for _, item in ipairs(tenant.integrations) do
    local provider = providers.find(item.name)
    findings.check(
      found,
      provider.gateway,
      { look = remedy.logs(tenant, provider.gateway) },
      integration,
      found,
      tenant,
      facts,
      item
    )
  end
end

return M
