--- Restarts services one after the other as kubectl rollout restart does: new pods, then the old ones go.

local catalogue = require "stdlib.catalogue"
local clock = require "o2x.clock"
local health = require "stdlib.health"
local k8s = require "o2x.k8s"
local maintenance = require "stdlib.maintenance.status"
local naming = require "stdlib.naming"
local services = require "stdlib.services"

local M = {}

-- The annotation by which kubectl does it. A changed pod template makes the controller replace the pods.
local RESTARTED <const> = "kubectl.kubernetes.io/restartedAt"

local function check(tenant, chosen)
  maintenance.refuse(tenant, "restart")
  for _, service in ipairs(chosen) do
    if not k8s.get("Deployment", naming.resource(tenant, service), tenant.namespace) then
      invalid(("%s has no deployment of %s"):format(tenant.name, service))
    end
  end
end

--- Restarts services in waves; each wave is healthy before the next begins.
---@param tenant table
---@param params { services: string[]?, timeout: integer } services: all if absent; timeout: seconds for one service
function M.run(tenant, params)
  if not params.services then
    invalid("missing parameter services", ("services=%s, or services=all"):format(catalogue.names()[1]))
  end
  local chosen, since = services.choose(params.services), clock.stamp()
  check(tenant, chosen)
  services.each(services.waves(chosen), function(service)
    local name = naming.resource(tenant, service)
    local patch = { spec = { template = { metadata = { annotations = { [RESTARTED] = since } } } } }
    k8s.set("Deployment", name, patch, { namespace = tenant.namespace })
    local result = health.wait(tenant, service, params.timeout)
    if not result.ok then fail(("%s is not healthy after its restart: %s"):format(service, result.why)) end
  end)
end

return M
