--- Adds objects to the simulated cluster without a client.
local kinds = require "lab.k8s.kinds"
local objects = require "lab.k8s.objects"

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

return M
