--- Shared by the effects of o2x.k8s: the client and the names of objects.

local guard = require "o2x.base.guard"

--- SHARED: why an undo leaves an object.
local M = { SHARED = "all tenants share it: it stays" }

--- The client of the run's cluster.
---@param ctx o2x.context
---@return table client
function M.client(ctx) return ctx:client "k8s" end

--- An effect's target as one word for the journal: "default/Deployment/urbanos-sso".
---@param target { kind: string, api_version: string?, name: string, namespace: string? }
---@return string
function M.key(target) return ("%s/%s/%s"):format(target.namespace or "-", target.kind, target.name) end

--- A target as people name it: "Deployment default/urbanos-sso".
---@param target { kind: string, api_version: string?, name: string, namespace: string? }
---@return string
function M.title(target)
  return ("%s %s%s"):format(target.kind, target.namespace and target.namespace .. "/" or "", target.name)
end

--- The kind of a target as the client expects it.
---@param target { kind: string, api_version: string? }
---@return string|table
function M.kind_of(target)
  return target.api_version and { apiVersion = target.api_version, kind = target.kind } or target.kind
end

--- The object of a target, as the server has it. It must not be changed.
---@param ctx o2x.context
---@param target { kind: string, api_version: string?, name: string, namespace: string? }
---@return table? object
function M.get(ctx, target)
  local k8s = M.client(ctx)
  local question = ("k8s %s %s"):format(target.api_version, M.key(target))
  return ctx:once(question, k8s.get, k8s, M.kind_of(target), target.name, target.namespace)
end

--- The objects of a kind that carry the tenant's label. They must not be changed.
---@param ctx o2x.context
---@param kind string "Deployment.apps"
---@param namespace string
---@return table[] items
function M.labelled(ctx, kind, namespace)
  local k8s = M.client(ctx)
  local question = ("k8s labelled %s in %s"):format(kind, namespace)
  return (ctx:once(question, k8s.list, k8s, kind, { namespace = namespace }))
end

--- The target of a name, in the tenant's namespace unless another is given.
---@param ctx o2x.context
---@param resource table of client:resource
---@param name string
---@param namespace string?
---@return { kind: string, api_version: string, name: string, namespace: string? }
function M.target(ctx, resource, name, namespace)
  local where = resource.namespaced and (namespace or M.client(ctx).namespace) or nil
  return { kind = resource.kind, api_version = resource.api_version, name = name, namespace = where }
end

local GUARD <const> = { Conflict = true, AlreadyExists = true }

local function is_outdated(err)
  local waits = err.retryable and err.reason == "AlreadyExists" -- it is being deleted
  return err.code == 409 and not err.managers and GUARD[err.reason] == true and not waits
end

--- Sends a write that is bound to what was read. That the server has another object or version by now is the guard's
--- refusal: the gate reads again, and goes on if the fields in question are as they were.
---@param fn function
---@param ... any arguments of fn
---@return any
function M.guarded(fn, ...) return guard.run(is_outdated, fn, ...) end

--- The conditions under which an object may be deleted: it is the very one that was read.
---@param target { namespace: string? }
---@param metadata table? as it was read
---@return table options of the client's delete
function M.only_as_read(target, metadata)
  metadata = metadata or {}
  return { namespace = target.namespace, uid = metadata.uid, version = metadata.resourceVersion }
end

--- What an object has at a path.
---@param object any
---@param path string[] names of fields
---@return any
function M.lookup(object, path)
  for _, name in ipairs(path) do
    if type(object) ~= "table" then return nil end
    object = object[name]
  end
  return object
end

return M
