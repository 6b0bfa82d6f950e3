--- The names of this platform, in one place, with the guide's irregularities
--- (guide: "Tenant Naming Conventions", Appendix C).

local M = {}

--- The longest tenant name: NAME-service-transactional must fit in the 53 characters of a helm release.
M.MAX_TENANT_NAME = 31

--- How the registry allocates a tenant's id: TIDLT-100008.
M.TENANT_ID = { column = "id", prefix = "TIDLT-", digits = 6, first = 100001 }

-- The folders of these two gateways have an underscore, though the services have a hyphen.
local FOLDERS = { ["provision-gateway"] = "provision_gateway", ["crm-gateway"] = "crm_gateway" }

--- What is wrong with a tenant name, or nil.
---@param name any
---@return string|nil problem
function M.tenant_name_problem(name)
  if type(name) ~= "string" or name == "" then return "is empty" end
  if #name > M.MAX_TENANT_NAME then return ("has %d characters; at most %d fit"):format(#name, M.MAX_TENANT_NAME) end
  if name:find("[^a-z0-9-]") then return "may only have lower-case letters, digits and hyphens" end
  if not name:find("^[a-z]") then return "must begin with a letter" end
  if name:find("%-%-") or name:find("%-$") then return "must not end with a hyphen or have two in a row" end
  return nil
end

--- Is it a tenant id of the form TIDLT-100008?
---@param id any
---@return boolean
function M.is_tenant_id(id) return type(id) == "string" and id:find("^TIDLT%-%d%d%d%d%d%d$") ~= nil end

--- The name of a tenant's service, release or object: NAME-SERVICE.
---@param tenant {name: string}
---@param what string
---@return string
function M.resource(tenant, what) return tenant.name .. "-" .. what end

--- The top folder of a service in the platform tree.
---@param service string
---@return string "core", "finance-gateway", "provision_gateway" …
function M.folder(service)
  if not service:find("%-gateway$") then return "core" end
  return FOLDERS[service] or service
end

--- A service's chart.
---@param service string
---@return string path below the platform tree
function M.chart(service) return ("%s/charts/%s"):format(M.folder(service), service) end

--- The folder of a tenant's values files for a service, with a slash at the end.
---@param tenant_name string
---@param service string
---@return string
function M.values_folder(tenant_name, service) return M.folder(service) .. "/helm_values/" .. tenant_name .. "/" end

--- A tenant's values file for a service.
---@param tenant_name string
---@param service string
---@return string
function M.values_file(tenant_name, service) return M.values_folder(tenant_name, service) .. service .. ".yaml" end

--- A tenant's own file.
---@param tenant_name string
---@return string path below the platform tree
function M.tenant_file(tenant_name) return ("tenants/%s.yaml"):format(tenant_name) end

--- The prefix of a tenant's alerts: "NewClient" for "New Client Inc.".
---@param tenant {name: string, company: string}
---@return string
function M.camel(tenant)
  local words = {}
  for word in tenant.company:gsub("[%.,]", ""):gmatch("%w+") do
    if not ({ Inc = true, Ltd = true, LLC = true, Corp = true, Corporation = true, GmbH = true })[word] then
      words[#words + 1] = word:sub(1, 1):upper() .. word:sub(2)
    end
  end
  if #words == 0 then return (tenant.name:gsub("(%w+)%-?", function(w) return w:sub(1, 1):upper() .. w:sub(2) end)) end
  return table.concat(words)
end

--- Fills {name} patterns of platform.yaml.
---@param pattern string "coredb-{tenant}"
---@param names table<string, string> values by name; an unknown name stays as it is
---@return string
function M.fill(pattern, names) return (pattern:gsub("{(%w+)}", names)) end

--- The role that owns a tenant's database: database.owner of platform.yaml, such as "admin" or "o2x-{tenant}".
---@param tenant {name: string, platform: table}
---@return string
function M.database_owner(tenant) return M.fill(tenant.platform.database.owner, { tenant = tenant.name }) end

return M
