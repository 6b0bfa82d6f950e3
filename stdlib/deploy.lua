--- Helm releases (guide: steps 5.3 and 5.4), in the catalogue's start order, not the guide's.

local catalogue = require "stdlib.catalogue"
local helm = require "o2x.helm"
local k8s = require "o2x.k8s"
local maintenance = require "stdlib.maintenance.status"
local naming = require "stdlib.naming"
local services = require "stdlib.services"

local M = {}

--- Ensures one release and waits until its pods are ready.
---@param tenant table
---@param service string
---@param timeout integer seconds
function M.release(tenant, service, timeout)
  helm.ensure_release(naming.resource(tenant, service), {
    chart = naming.chart(service),
    values = naming.values_file(tenant.name, service),
    namespace = tenant.namespace,
    timeout = timeout,
  })
end

--- Ensures all releases in waves, each ready before its dependants. An input error during maintenance.
---@param tenant table
---@param timeout integer seconds for one release
function M.all(tenant, timeout)
  maintenance.refuse(tenant, "deploy")
  services.each(catalogue.waves(), function(service) M.release(tenant, service, timeout) end)
end

local function started(tenant, service)
  local pods = k8s.list("Pod", { selector = "app=" .. naming.resource(tenant, service), namespace = tenant.namespace })
  if #pods == 0 then fail("no pods of " .. naming.resource(tenant, service)) end
  local log = k8s.logs(pods[1].metadata.name, { tail = 100 })
  if not log:find("Started", 1, true) then
    fail(pods[1].metadata.name .. " has not logged that it has started", "kubectl logs " .. pods[1].metadata.name)
  end
end

--- Fails unless a service's health endpoint says UP. Asks through the API server's proxy.
---@param tenant table
---@param service string
function M.healthy(tenant, service)
  local response = k8s.request(naming.resource(tenant, service), 8080, { path = "/actuator/health" })
  local status = response.json and response.json.status
  if status ~= "UP" then
    fail(
      ("%s reports %s"):format(naming.resource(tenant, service), status or ("HTTP " .. response.status)),
      "kubectl logs deployment/" .. naming.resource(tenant, service)
    )
  end
end

--- Checks Services, logs and health of all services (the guide's "Verify" blocks of 5.3, 5.4 and 7.2).
---@param tenant table
function M.verify(tenant)
  check("Services", function()
    local found = k8s.list("Service", { selector = "tenant=" .. tenant.name, namespace = tenant.namespace })
    if #found < #catalogue.names() then fail(("%d of %d services"):format(#found, #catalogue.names())) end
  end)
  parallel.each(catalogue.names(), function(service)
    check(service .. " has started", started, tenant, service)
    check(service .. " is healthy", M.healthy, tenant, service)
  end, { limit = 4 })
end

return M
