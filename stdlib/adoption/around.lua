--- What belongs to a tenant and is in no file: its paths in Vault, and objects with its label that no catalogue knows.

local admin = require "stdlib.admin"
local adoption = require "o2x.adoption"
local built = require "stdlib.built"
local k8s = require "o2x.k8s"
local providers = require "stdlib.providers"
local remedy = require "stdlib.remedy"
local rows = require "stdlib.adoption.tenant"
local vault = require "o2x.vault"

local M = {}

-- Only which fields there are: what they hold is a secret to every script.
local function lacks(path, fields)
  local there, missing, known = vault.fields(path), {}, {}
  for _, name in ipairs(there or {}) do
    known[name] = true
  end
  for _, field in ipairs(fields) do
    if not known[field] then missing[#missing + 1] = field end
  end
  return missing[1] and missing, there == nil
end

local function note(list, path, fields, mend, needed)
  local missing, all = lacks(path, fields)
  if not missing then return end
  local what = all and "Vault has no " .. path or ("Vault's %s lacks %s"):format(path, table.concat(missing, ", "))
  list[#list + 1] = { what = what, mend = mend, secret = needed and all and path or nil }
end

-- An integration that has all that a provider may store in the clear beside its credentials.
local PROBE <const> = { oauth1 = { realm = "-" }, oauth2 = { realmid = "-" }, attributes = { companycode = "-" } }

-- The fields of the standard's paths that hold no secret: path → name → true.
local function in_the_clear()
  local names = { [admin.SECRET] = { username = true } }
  for _, word in ipairs(providers.names()) do
    local provider = providers.find(word)
    names[provider.vault] = {}
    for _, fields in ipairs { provider.public or false, provider.known or false } do
      for name in pairs(fields and fields(PROBE) or {}) do
        names[provider.vault][name] = true
      end
    end
  end
  return names
end

--- Hides the tenant's secrets in what is read from now on. At the standard's paths of credentials that is each field;
--- elsewhere people keep settings in Vault, too, so there it is those whose names say that they are secrets.
---@return { path: string, why: string }[] odd what could not be read
function M.hide_secrets()
  local clear, credentials, usual = in_the_clear(), {}, { admin.SECRET, "license/onboarding" }
  for _, word in ipairs(providers.names()) do
    local provider = providers.find(word)
    usual[#usual + 1] = provider.vault
    for _, name in ipairs(provider.fields) do
      credentials[provider.vault .. "/" .. name] = true
    end
  end
  return adoption.hide_secrets(function(path, name)
    if (clear[path] or {})[name] then return false end
    return credentials[path .. "/" .. name] or rows.is_secret_name(name) or name:find "licen[cs]e_?key" ~= nil
  end, usual)
end

--- What Vault lacks of a tenant.
---@param tenant table
---@param integrations table[] of its file
---@return { what: string, mend: string, secret: string? }[] missing secret: the path, if onboarding needs it and
---  there is nothing at all
function M.vault(tenant, integrations)
  local missing = {}
  local given = remedy.run(tenant, "onboard", "--secrets=FILE")
  note(missing, admin.SECRET, { "username", "password" }, remedy.run(tenant, "adopt", "admin=reset"))
  note(missing, "info", { "tenant_id", "tenant_name", "environment" }, remedy.onboard(tenant))
  note(missing, "license/onboarding", { "license_key" }, given, true)
  for _, item in ipairs(integrations) do
    local provider = providers.find(item.name)
    note(missing, provider.vault, provider.fields, given, true)
  end
  return missing
end

local KINDS <const> = {
  "Deployment",
  "StatefulSet",
  "CronJob",
  "Job",
  "HorizontalPodAutoscaler",
  "PodDisruptionBudget",
  "Service",
  "Ingress",
  "ConfigMap",
  "ServiceAccount",
  "PersistentVolumeClaim",
}

--- The objects with the tenant's label that the catalogue does not know. They are left alone.
---@param tenant table
---@return string[] names "ConfigMap urbanos-legacy"
function M.unknown(tenant)
  local names = {}
  for _, kind in ipairs(KINDS) do
    local options = { selector = "tenant=" .. tenant.name, namespace = tenant.namespace }
    for _, object in ipairs(k8s.list(kind, options)) do
      local name = object.metadata.name
      local owned = (object.metadata.ownerReferences or {})[1]
      if not owned and not built.is_object(tenant, name) then names[#names + 1] = kind .. " " .. name end
    end
  end
  return names
end

return M
