--- Sets the replicas of services, within the catalogue's range and not against an autoscaler.

local catalogue = require "stdlib.catalogue"
local files = require "o2x.files"
local helm_values = require "o2x.helm_values"
local k8s = require "o2x.k8s"
local maintenance = require "stdlib.maintenance.status"
local naming = require "stdlib.naming"
local services = require "stdlib.services"

local M = {}

-- Finds a workload's autoscaler by its target, or by name if it was created by hand and lacks the tenant label.
local function autoscalers(tenant)
  local by_target = {}
  for _, object in ipairs(k8s.list("HorizontalPodAutoscaler", { namespace = tenant.namespace })) do
    by_target[object.spec.scaleTargetRef.name] = object
  end
  return function(name) return by_target[name] or k8s.get("HorizontalPodAutoscaler", name, tenant.namespace) end
end

local function range_of(scaler) return ("%d–%d"):format(scaler.spec.minReplicas or 1, scaler.spec.maxReplicas) end

-- ---- checks before the first write ----

local function check_range(tenant, service, count)
  local min, max = table.unpack(catalogue.find(service).replicas)
  if count >= min and count <= max then return end
  local range = min == max and tostring(min) or ("%d to %d"):format(min, max)
  local stop = "o2x run maintenance %s mode=on --confirm=%s stops all services in order; "
  local hint = count == 0 and stop:format(tenant.name, tenant.name) or ""
  invalid(
    ("%s runs with %s replicas, not with %d"):format(service, range, count),
    hint .. "force=true overrides the range"
  )
end

local function check_service(tenant, service, params, find_scaler)
  local name = naming.resource(tenant, service)
  if not k8s.get("Deployment", name, tenant.namespace) then
    invalid(("%s has no deployment of %s"):format(tenant.name, service))
  end
  if not params.force then check_range(tenant, service, params.replicas) end
  local scaler = find_scaler(name)
  if not scaler then return end
  local message = ("%s has an autoscaler (%s, %s replicas)"):format(service, scaler.metadata.name, range_of(scaler))
  if not params.force then
    invalid(
      message .. ", which would override this number",
      ("kubectl -n %s edit hpa %s changes its range; force=true scales anyway"):format(
        tenant.namespace,
        scaler.metadata.name
      )
    )
  end
  log(message .. ", which may override this number")
end

local function check_params(tenant, params)
  if not params.replicas then
    invalid("missing parameter replicas", "add replicas=3, or status=true to show the current state")
  end
  if params.replicas < 0 then invalid(("replicas=%d: must be 0 or more"):format(params.replicas)) end
  if not params.service then
    invalid("missing parameter service", "service=service-billing,service-usage or service=all")
  end
  local chosen, find_scaler = services.choose(params.service), autoscalers(tenant)
  for _, service in ipairs(chosen) do
    check_service(tenant, service, params, find_scaler)
  end
  return chosen
end

-- ---- scaling ----

local function write_values(tenant, service, count)
  local path = naming.values_file(tenant.name, service)
  files.ensure(path, helm_values.parse(files.read(path), path):set("replicaCount", count):text())
end

local function scale(tenant, service, params)
  k8s.scale(
    "Deployment",
    naming.resource(tenant, service),
    params.replicas,
    { namespace = tenant.namespace, timeout = params.timeout }
  )
  if params.permanent then write_values(tenant, service, params.replicas) end
end

--- Scales services and waits until they are ready. An input error outside the catalogue's range or against an
--- autoscaler, unless forced.
---@param tenant table
---@param params { service: string[], replicas: integer, permanent: boolean, force: boolean, timeout: integer }
--- timeout: seconds for one service
function M.run(tenant, params)
  maintenance.refuse(tenant, "scale")
  local chosen = check_params(tenant, params)
  services.each(services.waves(chosen), function(service) scale(tenant, service, params) end)
end

-- ---- status ----

local function values_count(tenant, service)
  local path = naming.values_file(tenant.name, service)
  return files.exists(path) and helm_values.parse(files.read(path), path):get("replicaCount") or nil
end

local function status_of(tenant, service, find_scaler)
  local name = naming.resource(tenant, service)
  local object, scaler = k8s.get("Deployment", name, tenant.namespace), find_scaler(name)
  local min, max = table.unpack(catalogue.find(service).replicas)
  return {
    service = service,
    range = ("%d–%d"):format(min, max),
    values_file = values_count(tenant, service),
    replicas = object and (object.spec.replicas or 1),
    ready = object and (object.status.readyReplicas or 0),
    autoscaler = scaler and range_of(scaler),
  }
end

--- Outputs each service's desired and ready replicas, its range, its number in the values file, and its autoscaler.
---@param tenant table
---@param params { service: string[]? }
function M.status(tenant, params)
  local record = maintenance.of(tenant)
  if record and not maintenance.overdue(record) then log(maintenance.describe(tenant, record)) end
  local chosen, find_scaler = services.choose(params.service), autoscalers(tenant)
  local rows = parallel.each(
    chosen,
    function(service) return status_of(tenant, service, find_scaler) end,
    { limit = 4 }
  )
  output { columns = { "service", "replicas", "ready", "range", "values_file", "autoscaler" }, rows = rows }
end

return M
