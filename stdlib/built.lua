--- The names that are built from a tenant's name: of its objects in the cluster, and of its files. Read forwards, a
--- tenant has them; read backwards, a name leads to the tenants that have it.

local catalogue = require "stdlib.catalogue"
local naming = require "stdlib.naming"

local M = {}

-- What stands before and after the tenant's name.
local function patterns(names)
  local list = {}
  for i, name in ipairs(names) do
    local before, after = name:match "^(.-){tenant}(.*)$"
    list[i] = { before = before, after = after }
  end
  return list
end

local function filled(list, name)
  local names = {}
  for i, pattern in ipairs(list) do
    names[i] = pattern.before .. name .. pattern.after
  end
  return names
end

local function of_all_services(make)
  local names = {}
  for i, service in ipairs(catalogue.names()) do
    names[i] = make(service)
  end
  return names
end

local ANY <const> = { name = "{tenant}" }
local SERVICES <const> = patterns(of_all_services(function(service) return naming.resource(ANY, service) end))
local OBJECTS <const> = patterns {
  naming.resource(ANY, "ingress"),
  naming.resource(ANY, "tls-cert"),
  naming.resource(ANY, "services"),
  naming.resource(ANY, "alerts"),
  naming.resource(ANY, "dashboard"),
  naming.resource(ANY, "maintenance"),
}
local FILES <const> = patterns {
  "docs/runbooks/TENANT_{tenant}.md",
  "docs/notes/{tenant}.md",
  "k8s/ingress/{tenant}-ingress.yaml",
  "monitoring/servicemonitor-{tenant}.yaml",
  "monitoring/dashboard-{tenant}.json",
  "alerts/{tenant}-alerts.yaml",
}
local VALUES_FILES <const> =
  patterns(of_all_services(function(service) return naming.values_file(ANY.name, service) end))

local function appended(list, more) return table.move(more, 1, #more, #list + 1, list) end

--- The names of a tenant's services and releases.
---@param tenant {name: string}
---@return string[]
function M.services(tenant) return filled(SERVICES, tenant.name) end

--- The names of a tenant's objects in the cluster.
---@param tenant {name: string, data_pvc: string}
---@return string[]
function M.objects(tenant)
  local names = appended(M.services(tenant), filled(OBJECTS, tenant.name))
  names[#names + 1] = tenant.data_pvc
  return names
end

--- The files of the platform tree that belong to one tenant.
---@param tenant {name: string}
---@return string[] paths
function M.files(tenant) return appended(filled(FILES, tenant.name), filled(VALUES_FILES, tenant.name)) end

--- The folders of the platform tree in which all files are one tenant's.
---@param tenant {name: string}
---@return string[] paths with a slash at the end
function M.folders(tenant)
  local folders, seen = {}, {}
  for _, path in ipairs(filled(VALUES_FILES, tenant.name)) do
    local folder = path:match "^.*/"
    if not seen[folder] then folders[#folders + 1] = folder end
    seen[folder] = true
  end
  return folders
end

-- ---- backwards ----

-- What the names of objects have after the tenant's name, as a set. Each begins with a hyphen.
local ENDS <const> = {}
for _, list in ipairs { SERVICES, OBJECTS } do
  for _, pattern in ipairs(list) do
    ENDS[pattern.after] = true
  end
end

--- Calls visit for the name of each tenant that would have an object of this name: a-b-c is of a-b, or of a.
---@param object string
---@param visit fun(tenant: string)
function M.each_tenant(object, visit)
  local at = object:find("-", 2, true)
  while at do
    if ENDS[object:sub(at)] then visit(object:sub(1, at - 1)) end
    at = object:find("-", at + 1, true)
  end
end

-- With what after its name a tenant becomes another that has an object of the same name: a with "-b", where objects end
-- with "-b-c" and with "-c". Names of files meet in no such way.
local FURTHER <const> = {}
for ending in pairs(ENDS) do
  M.each_tenant(ending, function(further) FURTHER[#FURTHER + 1] = further end)
end

--- Calls visit for the name of each tenant that would have an object of the same name as this one: a + b-c is a-b + c.
---@param tenant string its name
---@param visit fun(tenant: string)
function M.each_twin(tenant, visit)
  for _, further in ipairs(FURTHER) do
    visit(tenant .. further)
    if tenant:sub(-#further) == further then visit(tenant:sub(1, -#further - 1)) end
  end
end

--- Is it the name of one of the tenant's objects?
---@param tenant {name: string, data_pvc: string}
---@param object string
---@return boolean
function M.is_object(tenant, object)
  local name = tenant.name
  return object == tenant.data_pvc or object:sub(1, #name) == name and ENDS[object:sub(#name + 1)] == true
end

return M
