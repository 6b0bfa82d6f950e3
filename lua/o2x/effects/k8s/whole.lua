--- Objects as the cluster has them, with their managers and status: what a rehearsal brings into its lab.

local support = require "o2x.effects.k8s.support"

local M = {}

--- The object of a target.
---@param ctx o2x.context
---@param target { kind: string, api_version: string?, name: string, namespace: string? }
---@return table[] objects the values of a Secret are secrets, in base64; empty if there is no such object
function M.object(ctx, target)
  local k8s, kind = support.client(ctx), support.kind_of(target)
  local resource = k8s:resource(kind)
  if not k8s.grants:allows(resource, target.namespace, target.name) then -- it is the tenant's if the server lists it
    ctx:retry(k8s.list, k8s, kind, { namespace = target.namespace })
  end
  local found = ctx:retry(k8s.get, k8s, kind, target.name, target.namespace)
  if not found then return {} end
  found.apiVersion, found.kind = resource.api_version, resource.kind
  return { found }
end

return M
