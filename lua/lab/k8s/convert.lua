--- Conversion between API versions. Only HorizontalPodAutoscaler has two; it is stored as autoscaling/v2.
local value = require "lab.k8s.value"

local M = {}

--- Converts an object of a request to the stored version.
---@param kind lab.k8s.Kind the version of the request
---@param object table in that version
---@return table object in the stored version
function M.to_stored(kind, object)
  if kind.type ~= "V1HorizontalPodAutoscaler" then return object end
  local result = value.merged(object, { apiVersion = "autoscaling/v2", spec = value.merged(object.spec) })
  local cpu = result.spec.targetCPUUtilizationPercentage
  result.spec.targetCPUUtilizationPercentage = nil
  if cpu then
    result.spec.metrics = value.array {
      { type = "Resource", resource = { name = "cpu", target = { type = "Utilization", averageUtilization = cpu } } },
    }
  end
  return result
end

--- Converts a stored object to the version of the request.
---@param kind lab.k8s.Kind
---@param object table in the stored version
---@return table object in the version of the request
function M.from_stored(kind, object)
  if kind.type ~= "V1HorizontalPodAutoscaler" then return object end
  local result = value.merged(object, { apiVersion = "autoscaling/v1", spec = value.merged(object.spec) })
  for _, metric in ipairs(object.spec.metrics or {}) do
    if value.get(metric, "resource", "name") == "cpu" then
      result.spec.targetCPUUtilizationPercentage = metric.resource.target.averageUtilization
    end
  end
  result.spec.metrics, result.spec.behavior = nil, nil
  result.status = {
    currentReplicas = value.get(object, "status", "currentReplicas") or 0,
    desiredReplicas = value.get(object, "status", "desiredReplicas") or 0,
  }
  return result
end

return M
