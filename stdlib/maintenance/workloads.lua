--- Stops and restores a tenant's workloads, autoscalers and cron jobs. Each object's state is saved in its own
--- annotation before it is changed, so that any machine can restore it, whatever became of the run.

local json = require "o2x.json"
local k8s = require "o2x.k8s"
local naming = require "stdlib.naming"
local services = require "stdlib.services"
local status = require "stdlib.maintenance.status"

local M = {}

local KINDS = { "Deployment", "StatefulSet" }

local function objects(tenant, kind) return k8s.list(kind, { namespace = tenant.namespace }) end

-- Plain values, which a step can record.
local function workloads(tenant)
  local found = {}
  for _, kind in ipairs(KINDS) do
    for _, object in ipairs(objects(tenant, kind)) do
      local replicas = object.spec.replicas or 1
      found[#found + 1] =
        { kind = kind, name = object.metadata.name, replicas = replicas, saved = status.saved(object) }
    end
  end
  return found
end

-- An autoscaler created by hand has its workload's name and no tenant label.
local function autoscalers(tenant)
  local found, seen = {}, {}
  local function add(object)
    if not object or seen[object.metadata.name] then return end
    seen[object.metadata.name] = true
    local spec = object.spec
    found[#found + 1] = {
      name = object.metadata.name,
      min = spec.minReplicas or 1,
      max = spec.maxReplicas,
      saved = status.saved(object),
    }
  end
  for _, object in ipairs(objects(tenant, "HorizontalPodAutoscaler")) do
    add(object)
  end
  local names = services.choose()
  parallel.each(
    names,
    function(service) add(k8s.get("HorizontalPodAutoscaler", naming.resource(tenant, service), tenant.namespace)) end,
    { limit = 4 }
  )
  table.sort(found, function(a, b) return a.name < b.name end)
  return found
end

local function schedules(tenant)
  local found = {}
  for _, object in ipairs(objects(tenant, "CronJob")) do
    found[#found + 1] =
      { name = object.metadata.name, suspend = object.spec.suspend or false, saved = status.saved(object) }
  end
  return found
end

--- The objects that maintenance changes, each with its current state and, in `saved`, the saved one.
---@param tenant table
---@return { workloads: table[], autoscalers: table[], schedules: table[] } found
--- workloads: kind, name, replicas; autoscalers: name, min, max; schedules: name, suspend
function M.list(tenant)
  return { workloads = workloads(tenant), autoscalers = autoscalers(tenant), schedules = schedules(tenant) }
end

-- The workloads in stop order. What is not in the catalogue may depend on anything, so it comes first.
local function reverse_waves(tenant, found)
  local by_name, waves, rest = {}, {}, {}
  for _, workload in ipairs(found) do
    by_name[workload.name] = workload
  end
  for _, wave in ipairs(services.reverse_waves((services.choose()))) do
    local some = {}
    for _, service in ipairs(wave) do
      local workload = by_name[naming.resource(tenant, service)]
      if workload and workload.kind == "Deployment" then
        some[#some + 1], workload.in_wave = workload, true
      end
    end
    if #some > 0 then waves[#waves + 1] = some end
  end
  for _, workload in ipairs(found) do
    if not workload.in_wave then rest[#rest + 1] = workload end
  end
  if #rest > 0 then table.insert(waves, 1, rest) end
  return waves
end

--- Saves the current state, suspends the cron jobs and scales the workloads to 0, dependants first. A state that is
--- saved already is kept.
---@param tenant table
---@param found table of M.list
---@param annotation fun(state: table): string the annotation that saves a state
function M.stop(tenant, found, annotation)
  local function saved(object, state) return object.saved and json.encode(object.saved) or annotation(state) end
  step("Schedules", function()
    for _, job in ipairs(found.schedules) do
      k8s.set("CronJob", job.name, {
        metadata = { annotations = { [status.KEY] = saved(job, { suspend = job.suspend }) } },
        spec = { suspend = true },
      })
    end
    for _, scaler in ipairs(found.autoscalers) do
      local state = saved(scaler, { min = scaler.min, max = scaler.max })
      k8s.annotate("HorizontalPodAutoscaler", scaler.name, { [status.KEY] = state })
    end
  end)
  -- Autoscalers need no change: they ignore a workload with 0 replicas.
  services.each(reverse_waves(tenant, found.workloads), function(workload)
    local state = saved(workload, { replicas = workload.replicas })
    k8s.annotate(workload.kind, workload.name, { [status.KEY] = state })
    k8s.scale(workload.kind, workload.name, 0, { timeout = services.TIMEOUT })
  end)
end

local function restore_workload(workload)
  if not workload.saved then return nil end
  k8s.scale(workload.kind, workload.name, workload.saved.replicas, { wait = false })
  local ready, problem = pcall(k8s.wait_ready, workload.kind, workload.name, services.TIMEOUT)
  k8s.annotate(workload.kind, workload.name, { [status.KEY] = json.null })
  return not ready and tostring(problem) or nil
end

--- Restores the saved state in start order. A workload that does not become ready does not stop the others.
---@param tenant table
---@param found table of M.list
---@return string[] problems one for each workload that is not ready in time
function M.restore(tenant, found)
  local waves = {}
  for _, wave in ipairs(reverse_waves(tenant, found.workloads)) do
    table.insert(waves, 1, wave)
  end
  local results, problems = services.each(waves, restore_workload), {}
  for _, workload in ipairs(found.workloads) do
    problems[#problems + 1] = results[workload] or nil
  end
  step("Schedules", function()
    for _, scaler in ipairs(found.autoscalers) do
      if scaler.saved then
        k8s.set("HorizontalPodAutoscaler", scaler.name, {
          metadata = { annotations = { [status.KEY] = json.null } },
          spec = { minReplicas = scaler.saved.min, maxReplicas = scaler.saved.max },
        })
      end
    end
    for _, job in ipairs(found.schedules) do
      if job.saved then
        k8s.set(
          "CronJob",
          job.name,
          { metadata = { annotations = { [status.KEY] = json.null } }, spec = { suspend = job.saved.suspend } }
        )
      end
    end
  end)
  return problems
end

return M
