--- Checks before the first effect: what would fail later fails now, with a clear message
--- (guide: "Prerequisites Checklist").

local catalogue = require "stdlib.catalogue"
local charts = require "stdlib.charts"
local dns = require "o2x.dns"
local files = require "o2x.files"
local helm = require "o2x.helm"
local k8s = require "o2x.k8s"
local maintenance = require "stdlib.maintenance.status"
local naming = require "stdlib.naming"
local providers = require "stdlib.providers"
local redis = require "o2x.redis"
local registry = require "stdlib.registry"
local rights = require "o2x.rights"
local secret = require "o2x.secret"
local vault = require "o2x.vault"

local M = {}

--- The tag of what a tenant's file keeps as missing.
M.MISSING = "missing"

--- How a tenant's file names a secret that it keeps as missing.
---@param tenant table
---@param path string below the tenant's in Vault
---@return string
function M.kept_secret(tenant, path) return ("vault.secret secret/tenant/%s/%s"):format(tenant.name, path) end

--- Was the tenant taken over without this secret?
---@param tenant table
---@param path string below the tenant's in Vault
---@return boolean
function M.is_kept(tenant, path)
  local name = M.kept_secret(tenant, path)
  for _, one in ipairs(tenant.kept) do
    if one.what == name and one.tag == M.MISSING then return true end
  end
  return false
end

-- The secrets that onboarding needs: path in Vault, section of the secrets source, field names.
local function needed(tenant)
  local list = { { section = "license", path = "license/onboarding", fields = { "license_key" } } }
  for _, item in ipairs(tenant.integrations) do
    local provider = providers.find(item.name)
    list[#list + 1] = { section = provider.vault, path = provider.vault, fields = provider.fields }
  end
  return list
end

local function field_problem(given, need)
  for _, field in ipairs(need.fields) do
    local value = given[field]
    if value == nil then return ("%s.%s is missing"):format(need.section, field) end
    if not secret.is(value) then return ("%s.%s must be a string (put it in quotes)"):format(need.section, field) end
    if value:length() == 0 then return ("%s.%s is empty"):format(need.section, field) end
  end
end

local function check_secrets(tenant)
  local source = tenant.secrets_source or "the secrets source"
  for _, need in ipairs(needed(tenant)) do
    local given = tenant.secrets and tenant.secrets[need.section]
    if type(given) == "table" then
      local problem = field_problem(given, need)
      if problem then
        invalid(problem, "the tenant file's integrations need: " .. table.concat(need.fields, ", "), source)
      end
    elseif given ~= nil then
      invalid(need.section .. " must be a table of strings", nil, source)
    elseif not vault.read(need.path) and not M.is_kept(tenant, need.path) then
      invalid(
        ("no secrets for %s, neither given nor in Vault"):format(need.section),
        "pass them with --secrets=FILE (mode 0600), --secrets=- (standard input) or --secrets=vault:PATH; "
          .. "needed: "
          .. table.concat(need.fields, ", "),
        tenant.secrets and source or nil
      )
    end
  end
end

local function check_tree(tenant, params)
  charts.check(tenant)
  for _, service in ipairs(catalogue.names()) do
    if params.from and not files.exists(naming.values_file(params.from, service)) then
      invalid(("from=%s: there is no %s"):format(params.from, naming.values_file(params.from, service)))
    end
  end
  if params.from == tenant.name then invalid("from= names the tenant itself") end
end

local function check_balancer(tenant)
  local balancer = tenant.platform.kubernetes.ingress_service
  if not k8s.get("Service", balancer.name, balancer.namespace) then
    fail(
      ("there is no service %s in namespace %s"):format(balancer.name, balancer.namespace),
      "is the ingress controller installed?"
    )
  end
end

-- Contacts every system, and asks it for the rights and kinds that the run will use: what is down, denied or missing
-- would otherwise show only half-way, and one after the other.
local function check_systems(tenant)
  rights.check {
    function() helm.list() end, -- the longest, as helm itself is asked for its version
    function() registry.lookup(tenant) end,
    function() vault.read "info" end,
    function() redis.ping() end,
    function() dns.zone(tenant.domain) end, -- raises when there is no such zone
    function() check_balancer(tenant) end,
    function() check_secrets(tenant) end,
  }
end

--- Checks everything that onboarding needs: tree, registry, systems, rights, kinds, secrets, maintenance. Raises all
--- that is missing in the systems at once.
---@param tenant table
---@param params { from: string? } from: the tenant whose values files are copied
function M.onboard(tenant, params)
  check_tree(tenant, params)
  check_systems(tenant)
  maintenance.refuse(tenant, "deploy")
end

return M
