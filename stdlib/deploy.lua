--- Releases (guide: steps 5.3 and 5.4), in the order of the catalogue, not of the guide.

local helm = require "o2x.helm"
local k8s = require "o2x.k8s"
local maintenance = require "stdlib.maintenance.note"
local naming = require "stdlib.naming"
local catalogue = require "stdlib.catalogue"

local M = {}

M.TIMEOUT = 600 -- seconds for one release to become ready, as in the guide

--- Ensures one release and waits until its pods are ready.
---@param tenant table
---@param service string
---@param seconds integer? how long it may take; 600 if absent
function M.release(tenant, service, seconds)
  helm.ensure_release(naming.resource(tenant, service), {
    chart = naming.chart(service),
    values = naming.values_file(tenant.name, service),
    namespace = tenant.namespace,
    timeout = seconds or M.TIMEOUT,
  })
end

--- Ensures all releases: wave after wave, side by side within a wave, each ready before its dependants.
---@param tenant table
---@param seconds integer? how long one release may take
function M.all(tenant, seconds)
  maintenance.refuse(tenant, "deploy")
  for number, wave in ipairs(catalogue.waves()) do
    step(("Wave %d"):format(number), function()
      parallel.each(wave, function(service) step(service, M.release, tenant, service, seconds) end, { limit = 4 })
    end)
  end
end

local function started(tenant, service)
  local pods = k8s.list("Pod", { selector = "app=" .. naming.resource(tenant, service), namespace = tenant.namespace })
  if #pods == 0 then fail("no pods of " .. naming.resource(tenant, service)) end
  local log = k8s.logs(pods[1].metadata.name, { tail = 100 })
  if not log:find("Started", 1, true) then
    fail(
      pods[1].metadata.name .. " does not say in its log that it has started",
      "kubectl logs " .. pods[1].metadata.name
    )
  end
end

--- Is a service's health endpoint up, asked through the API server's proxy?
---@param tenant table
---@param service string
function M.healthy(tenant, service)
  local response = k8s.request(naming.resource(tenant, service), 8080, { path = "/actuator/health" })
  local status = response.json and response.json.status
  if status ~= "UP" then
    fail(
      ("%s says %s"):format(naming.resource(tenant, service), status or ("HTTP " .. response.status)),
      "kubectl logs deployment/" .. naming.resource(tenant, service)
    )
  end
end

--- Looks at pods, services, logs and health of all services (the guide's "Verify" blocks of 5.3 and 5.4, and of 7.2).
---@param tenant table
function M.verify(tenant)
  check("Services", function()
    local services = k8s.list("Service", { selector = "tenant=" .. tenant.name, namespace = tenant.namespace })
    if #services < #catalogue.names() then fail(("%d of %d services"):format(#services, #catalogue.names())) end
  end)
  parallel.each(catalogue.names(), function(service)
    check(service .. " has started", started, tenant, service)
    check(service .. " is healthy", M.healthy, tenant, service)
  end, { limit = 4 })
end

return M
