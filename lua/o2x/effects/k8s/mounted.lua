--- Which pods mount a volume claim. The cluster keeps a claim that is deleted until the last of them is gone, and
--- nobody can take the deletion back.

local M = {}

local SHOWN <const> = 3 -- pods in a message

local function mounts(pod, claim)
  for _, volume in ipairs((pod.spec or {}).volumes or {}) do
    local source = volume.persistentVolumeClaim
    if type(source) == "table" and source.claimName == claim then return true end
  end
  return false
end

--- Why a volume claim cannot be removed.
---@param ctx table
---@param target table of k8s.object
---@return string? why nil: no pod of the tenant mounts it, or the target is no claim
function M.why(ctx, target)
  if target.kind ~= "PersistentVolumeClaim" then return nil end
  local names = {}
  for _, pod in ipairs((ctx:client("k8s"):list("Pod", { namespace = target.namespace }))) do
    if mounts(pod, target.name) then names[#names + 1] = pod.metadata.name end
  end
  if #names == 0 then return nil end
  table.sort(names)
  local rest = #names > SHOWN and (" and %d more"):format(#names - SHOWN) or ""
  return ("pods mount it: %s%s; take back first what runs them"):format(
    table.concat(names, ", ", 1, math.min(#names, SHOWN)),
    rest
  )
end

return M
