--- A tenant's workloads, autoscalers and schedules in and out of maintenance. What was there is noted on each object
--- before it is changed, so that any machine can restore it, whatever became of the run.

local json = require "o2x.json"
local k8s = require "o2x.k8s"
local naming = require "stdlib.naming"
local note = require "stdlib.maintenance.note"
local services = require "stdlib.services"

local M = {}

local KINDS = { "Deployment", "StatefulSet" }

local function list(tenant, kind) return k8s.list(kind, { namespace = tenant.namespace }) end

-- Workloads as plain values that a step can record: kind, name, replicas now, and what is noted.
local function workloads(tenant)
  local found = {}
  for _, kind in ipairs(KINDS) do
    for _, object in ipairs(list(tenant, kind)) do
      local replicas = object.spec.replicas or 1
      found[#found + 1] = { kind = kind, name = object.metadata.name, replicas = replicas, noted = note.on(object) }
    end
  end
  return found
end

-- An autoscaler made by hand has the workload's name and no label.
local function autoscalers(tenant)
  local found, seen = {}, {}
  local function add(object)
    if not object or seen[object.metadata.name] then return end
    seen[object.metadata.name] = true
    local spec = object.spec
    found[#found + 1] = {
      name = object.metadata.name,
      least = spec.minReplicas or 1,
      most = spec.maxReplicas,
      noted = note.on(object),
    }
  end
  for _, object in ipairs(list(tenant, "HorizontalPodAutoscaler")) do
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
  for _, object in ipairs(list(tenant, "CronJob")) do
    found[#found + 1] = { name = object.metadata.name, suspend = object.spec.suspend or false, noted = note.on(object) }
  end
  return found
end

--- Everything that maintenance concerns.
---@param tenant table
---@return { workloads: table[], autoscalers: table[], schedules: table[] }
function M.look(tenant)
  return { workloads = workloads(tenant), autoscalers = autoscalers(tenant), schedules = schedules(tenant) }
end

-- The workloads in reverse waves: what is in no wave depends on everything, so it goes first.
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

local function text_of(before) return json.encode(before) end

--- Notes what is there, stops the schedules, and takes the workloads to nothing, dependants first.
---@param tenant table
---@param found table of look
---@param words fun(before: table): string what to note on an object of which `before` is to be remembered
function M.drain(tenant, found, words)
  step("Schedules", function()
    for _, job in ipairs(found.schedules) do
      local noted = job.noted and text_of(job.noted) or words { suspend = job.suspend }
      k8s.set("CronJob", job.name, { metadata = { annotations = { [note.KEY] = noted } }, spec = { suspend = true } })
    end
    for _, scaler in ipairs(found.autoscalers) do
      local noted = scaler.noted and text_of(scaler.noted) or words { least = scaler.least, most = scaler.most }
      k8s.annotate("HorizontalPodAutoscaler", scaler.name, { [note.KEY] = noted })
    end
  end)
  -- An autoscaler leaves a workload alone that has no replicas; nothing else of it needs to change.
  services.each(reverse_waves(tenant, found.workloads), function(workload)
    local noted = workload.noted and text_of(workload.noted) or words { replicas = workload.replicas }
    k8s.annotate(workload.kind, workload.name, { [note.KEY] = noted })
    k8s.scale(workload.kind, workload.name, 0, { seconds = services.TIMEOUT })
  end)
end

local function restore_workload(workload)
  if not workload.noted then return nil end
  k8s.scale(workload.kind, workload.name, workload.noted.replicas, { wait = false })
  local ready, problem = pcall(k8s.wait_ready, workload.kind, workload.name, services.TIMEOUT)
  k8s.annotate(workload.kind, workload.name, { [note.KEY] = json.null })
  return not ready and tostring(problem) or nil
end

--- Restores exactly what is noted, in the waves in which services start. One that does not become ready does not keep
--- the others down.
---@param tenant table
---@param found table of look
---@return string[] troubles
function M.restore(tenant, found)
  local waves = {}
  for _, wave in ipairs(reverse_waves(tenant, found.workloads)) do
    table.insert(waves, 1, wave)
  end
  local results, troubles = services.each(waves, restore_workload), {}
  for _, workload in ipairs(found.workloads) do
    troubles[#troubles + 1] = results[workload] or nil
  end
  step("Schedules", function()
    for _, scaler in ipairs(found.autoscalers) do
      if scaler.noted then
        k8s.set("HorizontalPodAutoscaler", scaler.name, {
          metadata = { annotations = { [note.KEY] = json.null } },
          spec = { minReplicas = scaler.noted.least, maxReplicas = scaler.noted.most },
        })
      end
    end
    for _, job in ipairs(found.schedules) do
      if job.noted then
        k8s.set(
          "CronJob",
          job.name,
          { metadata = { annotations = { [note.KEY] = json.null } }, spec = { suspend = job.noted.suspend } }
        )
      end
    end
  end)
  return troubles
end

return M
