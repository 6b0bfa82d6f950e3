--- Quotas of namespaces. What they say of pods is enforced, when a controller creates one.

local value = require "lab.k8s.value"

local M = {}

local ENDED <const> = { Succeeded = true, Failed = true }

local function running(store, namespace)
  local count = 0
  for _, pod in ipairs(store:list("/pods", namespace)) do
    if not ENDED[value.get(pod, "status", "phase") or ""] then count = count + 1 end
  end
  return count
end

--- What the API server says of a pod for which there is no room.
---@param store lab.k8s.Store
---@param namespace string
---@param pod string its name
---@return string? text nil if there is room
function M.refusal(store, namespace, pod)
  for _, quota in ipairs(store:list("/resourcequotas", namespace)) do
    local hard = value.get(quota, "spec", "hard") or {}
    local most = tonumber(hard.pods or hard["count/pods"])
    local used = most and running(store, namespace)
    if most and used >= most then
      return ("pods %q is forbidden: exceeded quota: %s, requested: pods=1, used: pods=%d, limited: pods=%d"):format(
        pod,
        quota.metadata.name,
        used,
        most
      )
    end
  end
end

return M
