--- How many of a service run: within the catalogue's bounds, and not against an autoscaler.

local catalogue = require "stdlib.catalogue"
local files = require "o2x.files"
local helm_values = require "o2x.helm_values"
local k8s = require "o2x.k8s"
local maintenance = require "stdlib.maintenance.note"
local naming = require "stdlib.naming"
local services = require "stdlib.services"

local M = {}

-- An autoscaler has the tenant's label, or was made by hand and has the workload's name.
local function autoscalers(tenant)
  local by_target = {}
  for _, object in ipairs(k8s.list("HorizontalPodAutoscaler", { namespace = tenant.namespace })) do
    by_target[object.spec.scaleTargetRef.name] = object
  end
  return function(name) return by_target[name] or k8s.get("HorizontalPodAutoscaler", name, tenant.namespace) end
end

local function bounds_of(scaler) return ("%d–%d"):format(scaler.spec.minReplicas or 1, scaler.spec.maxReplicas) end

-- ---- before anything is written ----

local function check_bounds(service, count)
  local least, most = table.unpack(catalogue.find(service).replicas)
  if count >= least and count <= most then return end
  local range = least == most and tostring(least) or ("%d to %d"):format(least, most)
  local instead = count == 0 and "the runbook maintenance stops a tenant in order; " or ""
  invalid(
    ("%s runs with %s replicas, not with %d"):format(service, range, count),
    instead .. "force=true does it all the same"
  )
end

local function check_service(tenant, service, params, find_scaler)
  local name = naming.resource(tenant, service)
  if not k8s.get("Deployment", name, tenant.namespace) then
    invalid(("%s has no %s running"):format(tenant.name, service))
  end
  if not params.force then check_bounds(service, params.replicas) end
  local scaler = find_scaler(name)
  if not scaler then return end
  local words = ("%s has an autoscaler (%s, %s replicas)"):format(service, scaler.metadata.name, bounds_of(scaler))
  if not params.force then
    invalid(
      words .. ", which would set its own number again",
      ("kubectl edit hpa %s changes its bounds; force=true scales all the same"):format(scaler.metadata.name)
    )
  end
  log(words .. ", which may set its own number again")
end

local function check_params(tenant, params)
  if not params.replicas then
    invalid("scale needs the parameter replicas", "add replicas=3, or status=true to look")
  end
  if params.replicas < 0 then invalid(("replicas=%d: a number from 0 expected"):format(params.replicas)) end
  if not params.service then
    invalid("scale needs the parameter service", "service=service-billing,service-usage or service=all")
  end
  local chosen, find_scaler = services.choose(params.service), autoscalers(tenant)
  for _, service in ipairs(chosen) do
    check_service(tenant, service, params, find_scaler)
  end
  return chosen
end

-- ---- doing it ----

local function write_values(tenant, service, count)
  local path = naming.values_file(tenant.name, service)
  files.ensure(path, helm_values.parse(files.read(path), path):set("replicaCount", count):text())
end

local function scale(tenant, service, params)
  k8s.scale(
    "Deployment",
    naming.resource(tenant, service),
    params.replicas,
    { namespace = tenant.namespace, seconds = params.timeout }
  )
  if params.permanent then write_values(tenant, service, params.replicas) end
end

--- Scales services.
---@param tenant table
---@param params { service: string[], replicas: integer, permanent: boolean, force: boolean, timeout: integer }
function M.run(tenant, params)
  maintenance.refuse(tenant, "scale")
  local chosen = check_params(tenant, params)
  services.each(services.waves(chosen), function(service) scale(tenant, service, params) end)
end

-- ---- looking ----

local function values_count(tenant, service)
  local path = naming.values_file(tenant.name, service)
  return files.exists(path) and helm_values.parse(files.read(path), path):get("replicaCount") or nil
end

local function look(tenant, service, find_scaler)
  local name = naming.resource(tenant, service)
  local object, scaler = k8s.get("Deployment", name, tenant.namespace), find_scaler(name)
  local least, most = table.unpack(catalogue.find(service).replicas)
  return {
    service = service,
    bounds = ("%d–%d"):format(least, most),
    values_file = values_count(tenant, service),
    replicas = object and (object.spec.replicas or 1),
    ready = object and (object.status.readyReplicas or 0),
    autoscaler = scaler and bounds_of(scaler),
  }
end

--- Shows how many run, how many should, and who decides.
---@param tenant table
---@param params { service: string[]? }
function M.status(tenant, params)
  local note = maintenance.of(tenant)
  if note and not maintenance.lapsed(note) then log(maintenance.describe(tenant, note)) end
  local chosen, find_scaler = services.choose(params.service), autoscalers(tenant)
  local rows = parallel.each(chosen, function(service) return look(tenant, service, find_scaler) end, { limit = 4 })
  output { columns = { "service", "replicas", "ready", "bounds", "values_file", "autoscaler" }, rows = rows }
end

return M
