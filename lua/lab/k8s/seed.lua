--- Adds objects to the simulated cluster without a client.
local json = require "o2x.base.json"
local kinds = require "lab.k8s.kinds"
local deletion = require "lab.k8s.deletion"
local objects = require "lab.k8s.objects"
local value = require "lab.k8s.value"

local M = {}

local function put(api, object)
  local kind = kinds.of(object.apiVersion, object.kind)
  if not kind then
    error(("the lab's cluster has no %s %s"):format(tostring(object.apiVersion), tostring(object.kind)), 0)
  end
  local meta = object.metadata
  local namespace = kind.namespaced and (meta.namespace or "default") or nil
  local options = { manager = "lab", force = true, validation = "Strict" }
  local code, result = objects.patch(api.store, kind, namespace, meta.name, "apply", object, options)
  if code >= 400 then error(("%s %s: %s"):format(object.kind, meta.name, result.message), 0) end
  if not object.status or not kind.status then return end
  local status =
    { apiVersion = object.apiVersion, kind = object.kind, metadata = { name = meta.name }, status = object.status }
  objects.patch(api.store, kind, namespace, meta.name, "merge", status, { manager = "lab", subresource = "status" })
end

--- Applies objects (tables as in a manifest) in order, and runs the controllers.
---@param lab table a lab whose Kubernetes simulator has started
---@param list table[]
function M.seed(lab, list)
  for _, object in ipairs(list) do
    put(lab.k8s.api, object)
    lab.k8s.api.controllers:run()
  end
end

local LAST_APPLIED <const> = "kubectl.kubernetes.io/last-applied-configuration"

-- What kubectl apply notes in an object that it creates.
local function with_last_applied(object)
  local meta = object.metadata
  meta.annotations = meta.annotations or {}
  meta.annotations[LAST_APPLIED] = json.encode(object) .. "\n"
end

--- Creates objects as a client does that posts them, and runs the controllers.
---@param lab table a lab whose Kubernetes simulator has started
---@param list table[] tables as in a manifest; changed
---@param how { manager: string, applied: boolean? } manager: whose their fields are; applied: with what kubectl apply
---  notes in them
function M.create(lab, list, how)
  local api = lab.k8s.api
  for _, object in ipairs(list) do
    local kind = kinds.of(object.apiVersion, object.kind)
    local namespace = kind.namespaced and (object.metadata.namespace or "default") or nil
    if how.applied then with_last_applied(object) end
    local options = { manager = how.manager, validation = "Strict" }
    local code, result = objects.create(api.store, kind, namespace, object, options)
    if code >= 400 then error(("%s %s: %s"):format(object.kind, object.metadata.name, result.message), 0) end
  end
  api.controllers:run()
end

-- What another server gave to an object, and means nothing here.
local GIVEN <const> = {
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "selfLink",
  "ownerReferences",
}

local function cleaned(object)
  local copy = value.copy(object)
  for _, name in ipairs(GIVEN) do
    copy.metadata[name] = nil
  end
  copy.metadata.managedFields, copy.status = nil, nil
  local spec = copy.spec or {}
  if object.kind == "Service" and spec.clusterIP ~= "None" then
    spec.clusterIP, spec.clusterIPs = nil, nil
  end
  if object.kind == "PersistentVolumeClaim" then
    spec.volumeName = nil
    for name in pairs(copy.metadata.annotations or {}) do
      if name:find "^pv%.kubernetes%.io/" then copy.metadata.annotations[name] = nil end
    end
  end
  return copy
end

-- Creates an object, or makes one that is there the same.
local function write(store, kind, namespace, object)
  local name, options = object.metadata.name, { manager = "lab", validation = "Ignore" }
  if not store:get(kind.store, namespace, name) then return objects.create(store, kind, namespace, object, options) end
  return objects.update(store, kind, namespace, name, object, options)
end

local function ensure_namespace(api, namespace)
  local kind = kinds.of("v1", "Namespace")
  if api.store:get(kind.store, nil, namespace) then return end
  put(api, { apiVersion = "v1", kind = "Namespace", metadata = { name = namespace } })
end

-- An object as another cluster has it: whose its fields are is taken over, and where a load balancer is.
local function adopt(api, object)
  local kind = kinds.of(object.apiVersion, object.kind)
  if not kind then error(("the lab's cluster has no %s %s"):format(object.apiVersion, object.kind), 0) end
  local meta = object.metadata
  local namespace = kind.namespaced and (meta.namespace or "default") or nil
  if namespace then ensure_namespace(api, namespace) end
  local code, result = write(api.store, kind, namespace, cleaned(object))
  if code >= 400 then error(result.message, 0) end
  local stored = value.copy(api.store:get(kind.store, namespace, meta.name))
  stored.metadata.managedFields = meta.managedFields or stored.metadata.managedFields
  if object.kind == "Service" then
    stored.status = object.status or stored.status
    stored.spec.clusterIP, stored.spec.clusterIPs = object.spec.clusterIP, object.spec.clusterIPs
  end
  api.store:put(kind.store, stored)
end

-- What is being deleted there is being deleted here: its finalizers hold it, as long as they do.
local function delete(store, object)
  local kind = kinds.of(object.apiVersion, object.kind)
  local namespace = kind and kind.namespaced and (object.metadata.namespace or "default") or nil
  if kind then deletion.delete(store, kind, namespace, object.metadata.name, {}) end
end

--- Takes over objects of another cluster, as they are there, and runs the controllers.
---@param lab table a lab whose Kubernetes simulator has started
---@param list table[]
---@return { object: string, why: string }[] left what could not be taken over
function M.adopt(lab, list)
  local left = {}
  for _, object in ipairs(list) do
    local ok, why = pcall(adopt, lab.k8s.api, object)
    if not ok then
      left[#left + 1] = { object = ("%s %s"):format(object.kind, object.metadata.name), why = tostring(why) }
    end
  end
  lab.k8s.api.controllers:run()
  for _, object in ipairs(list) do
    if object.metadata.deletionTimestamp then delete(lab.k8s.api.store, object) end
  end
  lab.k8s.api.controllers:run()
  return left
end

return M
