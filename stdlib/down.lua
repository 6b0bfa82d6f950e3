--- Which services cannot answer, by what Kubernetes says at once. A request to one of them would be tried again for a
--- minute. One that is starting, or rolling out, is not down: it is waited for.

local catalogue = require "stdlib.catalogue"
local k8s = require "o2x.k8s"
local naming = require "stdlib.naming"

local M = {}

-- What pods hardly ever get out of by themselves.
local STUCK <const> = {
  CrashLoopBackOff = true,
  CreateContainerConfigError = true,
  ErrImageNeverPull = true,
  ErrImagePull = true,
  ImagePullBackOff = true,
  InvalidImageName = true,
}

--- Is a pod ready?
---@param pod table
---@return boolean
function M.is_ready(pod)
  for _, condition in ipairs(pod.status.conditions or {}) do
    if condition.type == "Ready" then return condition.status == "True" end
  end
  return false
end

local function reason_of(pod)
  for _, list in ipairs { pod.status.initContainerStatuses or {}, pod.status.containerStatuses or {} } do
    for _, container in ipairs(list) do
      local reason = ((container.state or {}).waiting or {}).reason
      if STUCK[reason] then return reason end
    end
  end
end

-- Of the pods of one app: is one ready, is one starting, why one is stuck.
local function look(pods)
  local ready, starting, why = false, false, nil
  for _, pod in ipairs(pods or {}) do
    local reason = reason_of(pod)
    ready = ready or M.is_ready(pod)
    starting = starting or not reason
    why = why or reason
  end
  return ready, starting, why
end

-- Asked only about a service without a ready pod.
local function why_down(tenant, name, why)
  local deployment = k8s.get("Deployment", name, tenant.namespace)
  if not deployment then return name .. " is not deployed" end
  if (deployment.spec.replicas or 1) == 0 then return name .. " is scaled to 0" end
  if ((deployment.status or {}).readyReplicas or 0) > 0 then return nil end
  return ("%s has no ready pod%s"):format(name, why and ": " .. why or "")
end

--- The services that are down.
---@param tenant table
---@param pods table[] all pods of the tenant
---@return table<string, string> why by service
function M.services(tenant, pods)
  local by_app, down = {}, {}
  for _, pod in ipairs(pods) do
    local app = (pod.metadata.labels or {}).app
    if app then
      by_app[app] = by_app[app] or {}
      table.insert(by_app[app], pod)
    end
  end
  for _, service in ipairs(catalogue.names()) do
    local name = naming.resource(tenant, service)
    local ready, starting, why = look(by_app[name])
    if not ready and not starting then down[service] = why_down(tenant, name, why) end
  end
  return down
end

return M
