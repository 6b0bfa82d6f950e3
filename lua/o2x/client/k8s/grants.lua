--- What a run may touch in a cluster: objects by their exact names, and objects with generated names (pods) only if the
--- server listed them under the tenant's label. Without grants (the lab, tests) everything is allowed.
local errors = require "o2x.base.error"
local scope = require "o2x.base.scope"

local M = {}

local OUTSIDE = "is outside what this run may touch"

---@class o2x.k8s.grants
---@field namespace string the run's own
---@field namespaces string[]? where `names` may lie; the run's own if absent
---@field names string[] objects to read and write
---@field label string[]? name and value that the tenant's objects carry
---@field shared string[]? objects of the run's own namespace that all tenants share
---@field read string[]? "namespace/name": may be looked at

local Grants = {}
Grants.__index = Grants

local function refuse(what, why)
  errors.raise {
    kind = "refused",
    module = "k8s",
    code = "EREFUSED",
    message = what .. " " .. why,
    hint = "a run may touch only what stdlib/platform.lua grants for its tenant",
  }
end

-- Names that are safe as a part of a URL path. RBAC names may contain colons.
local function check_syntax(kind, name)
  if type(name) ~= "string" or #name > 253 or not name:match("^[%w][%w.:_-]*$") then
    local message = ("invalid name %q of a %s"):format(tostring(name), kind)
    errors.raise { kind = "input", module = "k8s", message = message }
  end
end

--- The grants of a run.
---@param spec o2x.k8s.grants? nil: no bounds
---@return table grants
function M.new(spec) return setmetatable({ spec = spec, seen = {} }, Grants) end

local function has(list, value)
  for _, item in ipairs(list or {}) do
    if item == value then return true end
  end
  return false
end

local function place(resource, namespace, name) return ("%s/%s/%s"):format(namespace or "", resource.plural, name) end

-- The exact names that are granted in a namespace.
local function granted_names(spec, namespace, reading)
  local names = {}
  local function add(list) table.move(list or {}, 1, #(list or {}), #names + 1, names) end
  if has(spec.namespaces or { spec.namespace }, namespace) then add(spec.names) end
  if namespace == spec.namespace then add(spec.shared) end
  for _, entry in ipairs(reading and spec.read or {}) do
    local where, name = entry:match("^([^/]+)/([^/]+)$")
    if where == namespace then names[#names + 1] = name end
  end
  return names
end

--- Checks a request for one object.
---@param resource table
---@param namespace string? nil for a kind that has none
---@param name string
---@param reading boolean
function Grants:object(resource, namespace, name, reading)
  check_syntax(resource.kind, name)
  if namespace then check_syntax("Namespace", namespace) end
  if not self.spec or self.seen[place(resource, namespace, name)] then return end
  if not namespace then refuse(("%s '%s'"):format(resource.kind, name), "is cluster-wide, it " .. OUTSIDE) end
  local what = ("%s in namespace %s"):format(resource.kind, namespace)
  scope.name(granted_names(self.spec, namespace, reading), name, what)
end

--- Whether an object may be touched by its name alone.
---@param resource table
---@param namespace string?
---@param name string
---@return boolean
function Grants:allows(resource, namespace, name) return (pcall(self.object, self, resource, namespace, name, true)) end

-- "app=newclient-service-sso,x in (a)" -> whether a requirement ties it to one of the granted names.
local function tied_to_name(selector, names)
  for key, value in (selector .. ","):gmatch("([^,=!%s]+)==?([^,=!%s]*),") do
    if key ~= "" and has(names, value) then return true end
  end
  return false
end

--- The label selector to send with a list: adds the tenant's label unless a granted name already restricts it.
---@param resource table
---@param namespace string?
---@param selector string?
---@param name string? the list is of this one object
---@return string? selector
function Grants:selector(resource, namespace, selector, name)
  local spec = self.spec
  if name then self:object(resource, namespace, name, true) end
  if not spec or name then return selector end
  if not namespace or not has(spec.namespaces or { spec.namespace }, namespace) then
    refuse(("a list of %s in %s"):format(resource.plural, namespace or "all namespaces"), OUTSIDE)
  end
  if selector and not selector:find("[()]") and tied_to_name(selector, spec.names) then return selector end
  if not spec.label then
    refuse("a list of " .. resource.plural, "needs the tenant's label, but the grants have none")
  end
  local own = spec.label[1] .. "=" .. spec.label[2]
  return selector and selector ~= "" and own .. "," .. selector or own
end

--- Records that the server listed an object under such a selector, so that the object belongs to the tenant and its
--- name is granted from now on. Not for a list of one name, which may be granted for reading only.
---@param resource table
---@param namespace string?
---@param name string
function Grants:admit(resource, namespace, name)
  if self.spec then self.seen[place(resource, namespace, name)] = true end
end

--- Checks rendered objects against the grants, before another program (helm) writes them.
---@param find fun(object: table): table the object's resource
---@param objects table[]
---@param namespace string where objects without a namespace go
function Grants:objects(find, objects, namespace)
  for _, object in ipairs(self.spec and objects or {}) do
    local resource = find(object)
    local where = resource.namespaced and (object.metadata.namespace or namespace) or nil
    self:object(resource, where, object.metadata.name, false)
  end
end

return M
