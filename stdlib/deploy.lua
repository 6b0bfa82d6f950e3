--- Helm releases (guide: steps 5.3 and 5.4), in the catalogue's start order, not the guide's.

local catalogue = require "stdlib.catalogue"
local charts = require "stdlib.charts"
local helm = require "o2x.helm"
local k8s = require "o2x.k8s"
local maintenance = require "stdlib.maintenance.status"
local naming = require "stdlib.naming"
local remedy = require "stdlib.remedy"
local services = require "stdlib.services"

local M = {}

-- A service's release, as o2x.helm takes it.
local function release_of(tenant, service, timeout)
  local release = charts.of(tenant, service)
  release.values = naming.values_file(tenant.name, service)
  release.namespace = tenant.namespace
  release.timeout = timeout
  return release
end

--- Ensures one release and waits until its pods are ready.
---@param tenant table
---@param service string
---@param timeout integer seconds
function M.release(tenant, service, timeout)
  helm.ensure_release(naming.resource(tenant, service), release_of(tenant, service, timeout))
end

local function prepare(tenant, service)
  helm.prepare_release(naming.resource(tenant, service), release_of(tenant, service))
end

--- Renders the releases of the first wave, while something else is done that they need.
---@param tenant table
function M.prepare(tenant)
  parallel.each(catalogue.waves()[1], function(service) prepare(tenant, service) end, { limit = 2 })
end

--- Ensures all releases in waves, each ready before its dependants. The next wave is rendered meanwhile. An input error
--- during maintenance.
---@param tenant table
---@param timeout integer seconds for one release
function M.all(tenant, timeout)
  maintenance.refuse(tenant, "deploy")
  services.each(
    catalogue.waves(),
    function(service) M.release(tenant, service, timeout) end,
    { ahead = function(service) prepare(tenant, service) end }
  )
end

-- One pod of each app.
local function pods_by_app(tenant)
  local pods = {}
  for _, pod in ipairs(k8s.list("Pod", { selector = "tenant=" .. tenant.name, namespace = tenant.namespace })) do
    local app = (pod.metadata.labels or {}).app
    if app and not pods[app] then pods[app] = pod.metadata.name end
  end
  return pods
end

-- listed: could the pods be listed? If not, pods is the error.
local function started(tenant, service, listed, pods)
  if not listed then error(pods, 0) end
  local pod = pods[naming.resource(tenant, service)]
  if not pod then fail("no pods of " .. naming.resource(tenant, service)) end
  if not k8s.logs(pod, { tail = 100 }):find("Started", 1, true) then
    fail(pod .. " has not logged that it has started", remedy.kubectl(tenant, "logs " .. pod))
  end
end

--- What a service's health endpoint says, asked through the API server's proxy. An answer of another form than Spring
--- Boot's has no status.
---@param tenant table
---@param service string
---@return string status "UP", "DOWN", …, or "HTTP 503" without one
---@return string[] down the names of the components that are not up, sorted
function M.health(tenant, service)
  local response = k8s.request(naming.resource(tenant, service), 8080, { path = "/actuator/health" })
  local body, down = type(response.json) == "table" and response.json or {}, {}
  for name, component in pairs(type(body.components) == "table" and body.components or {}) do
    if type(component) ~= "table" or component.status ~= "UP" then down[#down + 1] = tostring(name) end
  end
  table.sort(down)
  if type(body.status) == "string" then return body.status, down end
  return ("HTTP %d%s"):format(response.status, response.status < 300 and " without a status" or ""), down
end

--- Fails unless a service's health endpoint says UP.
---@param tenant table
---@param service string
function M.healthy(tenant, service)
  local status = M.health(tenant, service)
  if status ~= "UP" then
    fail(("%s reports %s"):format(naming.resource(tenant, service), status), remedy.logs(tenant, service))
  end
end

--- Checks Services, logs and health of all services (the guide's "Verify" blocks of 5.3, 5.4 and 7.2).
---@param tenant table
function M.verify(tenant)
  local listed, pods
  check("Services", function()
    listed, pods = pcall(pods_by_app, tenant) -- the other checks need them, even if this one fails
    local found = {}
    for _, one in ipairs(k8s.list("Service", { selector = "tenant=" .. tenant.name, namespace = tenant.namespace })) do
      found[one.metadata.name] = true
    end
    for _, service in ipairs(catalogue.names()) do
      local name = naming.resource(tenant, service)
      if not found[name] then fail("there is no Service " .. name, remedy.onboard(tenant, "helm.release " .. name)) end
    end
  end)
  parallel.each(catalogue.names(), function(service)
    check(service .. " has started", started, tenant, service, listed, pods)
    check(service .. " is healthy", M.healthy, tenant, service)
  end, { limit = 4 })
end

return M
