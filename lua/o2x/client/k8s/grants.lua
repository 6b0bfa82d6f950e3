--- What a run may touch in a cluster: objects by their exact names, and objects with generated names (pods) only if the
--- server listed them under the tenant's label. What all tenants share is created if it is missing, and never changed.
--- Without grants (the lab, tests) everything is allowed.
local contents = require "o2x.client.k8s.contents"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local scope = require "o2x.base.scope"

local M = {}

local OUTSIDE = "is outside what this run may touch"

---@class o2x.k8s.grants
---@field namespace string the run's own
---@field namespaces string[]? where `names` may lie; the run's own if absent
---@field names string[] objects to read and write
---@field label string[]? name and value that the tenant's objects carry
---@field shared string[]? Secrets of the run's own namespace that all tenants share
---@field rotate string[]? which of the shared Secrets this run may overwrite
---@field read string[]? "namespace/name": may be looked at
---@field contents o2x.k8s.contents? what may be in the objects

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

local function place(resource, namespace, name)
  return ("%s/%s.%s/%s"):format(namespace or "", resource.plural, resource.group or "", name)
end

local function is_secret(resource) return resource.kind == "Secret" and (resource.group or "") == "" end

-- The exact names that are granted in a namespace for objects of a kind, for one sort of access: read, create, write.
local function granted_names(spec, namespace, access, resource)
  local names = {}
  local function add(list) table.move(list or {}, 1, #(list or {}), #names + 1, names) end
  if has(spec.namespaces or { spec.namespace }, namespace) then add(spec.names) end
  if namespace == spec.namespace and access ~= "write" and is_secret(resource) then add(spec.shared) end
  for _, entry in ipairs(access == "read" and spec.read or {}) do
    local where, name = entry:match("^([^/]+)/([^/]+)$")
    if where == namespace then names[#names + 1] = name end
  end
  return names
end

--- Whether all tenants share an object, if it is a Secret.
---@param namespace string?
---@param name string
---@return boolean
function Grants:is_shared(namespace, name)
  local spec = self.spec
  return spec ~= nil and namespace == spec.namespace and has(spec.shared, name) and not has(spec.names, name)
end

local SHARED <const> = "%s %s/%s is shared by all tenants: a run creates it if it is missing, and never changes it"
local ROTATE <const> = "to rotate it, platform.yaml names the tenant whose run may: kubernetes: {rotate: {%s: TENANT}}"

-- Refuses to change or remove a shared object, except a Secret that this run is here to rotate.
---@return boolean rotated whether it is such a Secret
local function keep_shared(grants, resource, namespace, name, removing)
  if not is_secret(resource) or not grants:is_shared(namespace, name) then return false end
  local rotatable = not removing
  if rotatable and has(grants.spec.rotate, name) then return true end
  errors.raise {
    kind = "refused",
    module = "k8s",
    code = "EREFUSED",
    message = SHARED:format(resource.kind, namespace, name),
    hint = rotatable and ROTATE:format(name) or "change it by hand, for all who use it",
  }
end

local function permit(grants, resource, namespace, name, access)
  check_syntax(resource.kind, name)
  if namespace then check_syntax("Namespace", namespace) end
  if not grants.spec then return end
  if access == "write" and keep_shared(grants, resource, namespace, name, false) then return end
  if grants.seen[place(resource, namespace, name)] then return end
  if not namespace then refuse(("%s '%s'"):format(resource.kind, name), "is cluster-wide, it " .. OUTSIDE) end
  local what = ("%s in namespace %s"):format(resource.kind, namespace)
  scope.name(granted_names(grants.spec, namespace, access, resource), name, what)
end

--- Checks a request for one object.
---@param resource table
---@param namespace string? nil for a kind that has none
---@param name string
---@param reading boolean false: it is changed
function Grants:object(resource, namespace, name, reading)
  permit(self, resource, namespace, name, reading and "read" or "write")
end

--- Checks a request that creates an object, and does nothing if there is one.
---@param resource table
---@param namespace string?
---@param name string
function Grants:create(resource, namespace, name) permit(self, resource, namespace, name, "create") end

--- Checks a request that removes an object.
---@param resource table
---@param namespace string?
---@param name string
function Grants:remove(resource, namespace, name)
  if not self.spec then return permit(self, resource, namespace, name, "write") end
  keep_shared(self, resource, namespace, name, true)
  permit(self, resource, namespace, name, "write")
  if not contents.removable(self.spec.contents, resource) then
    refuse(("%s '%s'"):format(resource.kind, name), "is of a kind that a run may not remove; it " .. OUTSIDE)
  end
end

-- What contents.lua compares with: the names that an object in this namespace may refer to.
local function bounds(spec, namespace)
  return {
    contents = spec.contents,
    label = spec.label,
    names = granted_names(spec, namespace, "write"),
    secrets = namespace == spec.namespace and spec.shared or nil,
    namespaces = spec.namespaces or { spec.namespace },
  }
end

--- Checks that an object's kind is one that a run may write, before the server is asked whether it has this kind.
---@param object table with apiVersion, kind and metadata.name
function Grants:kind(object)
  if not self.spec then return end
  local resource = { kind = object.kind, group = object.apiVersion:match "^(.*)/" }
  contents.refuse(resource, object, { contents.kind_problem(self.spec.contents, resource) })
end

--- Checks what is in an object before it is written.
---@param resource table
---@param namespace string?
---@param object table
---@param o { merging: boolean? }? merging: the server has the object already and keeps its other fields
function Grants:contents(resource, namespace, object, o)
  if not self.spec then return end
  local problems = {}
  for _, problem in ipairs(contents.problems(bounds(self.spec, namespace), resource, object)) do
    if not (problem.missing and o and o.merging) then problems[#problems + 1] = problem end
  end
  contents.refuse(resource, object, problems)
end

--- Checks what a merge patch makes of an object.
---@param resource table
---@param namespace string?
---@param name string
---@param object table? as it is now; nil: there will be one
---@param patch table
function Grants:patch(resource, namespace, name, object, patch)
  if not self.spec then return end
  local problems = contents.patch_problems(bounds(self.spec, namespace), resource, object, patch)
  contents.refuse(resource, { metadata = { name = name } }, problems)
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
  return selector and selector ~= "" and selector ~= own and own .. "," .. selector or own
end

--- Records that the server listed an object under such a selector, so that the object belongs to the tenant and its
--- name is granted from now on. Not for a list of one name, which may be granted for reading only.
---@param resource table
---@param namespace string?
---@param name string
function Grants:admit(resource, namespace, name)
  if self.spec then self.seen[place(resource, namespace, name)] = true end
end

local function malformed(object)
  local metadata = type(object) == "table" and object.metadata
  if type(metadata) ~= "table" or type(object.kind) ~= "string" or type(object.apiVersion) ~= "string" then
    return "has no apiVersion, kind or metadata"
  end
  if type(metadata.name) ~= "string" then return "has no name" end
  local namespace = metadata.namespace
  if namespace ~= nil and namespace ~= json.null and type(namespace) ~= "string" then
    return "has no proper namespace"
  end
end

--- Checks rendered objects against the grants, names and contents, before another program (helm) writes them.
---@param find fun(object: table): table the object's resource
---@param objects table[] of templates, hooks, crds/, or an earlier revision
---@param namespace string where objects without a namespace go
function Grants:objects(find, objects, namespace)
  for _, object in ipairs(self.spec and objects or {}) do
    local problem = malformed(object)
    if problem then refuse(("a rendered %s"):format(type(object) == "table" and object.kind or "document"), problem) end
    self:kind(object)
    local resource = find(object)
    local given = object.metadata.namespace
    local where = resource.namespaced and (given ~= json.null and given or namespace) or nil
    self:object(resource, where, object.metadata.name, false)
    self:contents(resource, where, object)
  end
end

return M
