--- What an object of the cluster is tied to: the pods that it selects, by their labels, and the objects that it names.
--- An object that carries no label of a tenant acts on the tenant all the same if it is tied to what the tenant has.

local json = require "o2x.base.json"

local M = {}

local function part(object, ...)
  for _, name in ipairs { ... } do
    if type(object) ~= "table" or object == json.null then return nil end
    object = object[name]
  end
  return object ~= json.null and object or nil
end

-- "tenant=newclient", and "newclient-service-sso" of any label: selectors of a platform look for both.
local function add_labels(found, labels)
  for name, item in pairs(type(labels) == "table" and labels or {}) do
    if type(item) == "string" then
      found[name .. "=" .. item], found[item] = true, true
    end
  end
end

local function add_backend(found, backend)
  local name = part(backend, "service", "name")
  if name then found[name] = true end
end

local function of_ingress(found, item)
  add_backend(found, part(item, "spec", "defaultBackend"))
  for _, rule in ipairs(part(item, "spec", "rules") or {}) do
    for _, path in ipairs(part(rule, "http", "paths") or {}) do
      add_backend(found, part(path, "backend"))
    end
  end
end

local function of_labels(...)
  local path = { ... }
  return function(found, item) add_labels(found, part(item, table.unpack(path))) end
end

local OF <const> = {
  Service = of_labels("spec", "selector"),
  Ingress = of_ingress,
  HorizontalPodAutoscaler = function(found, item)
    local name = part(item, "spec", "scaleTargetRef", "name")
    if name then found[name] = true end
  end,
  PodDisruptionBudget = of_labels("spec", "selector", "matchLabels"),
  NetworkPolicy = of_labels("spec", "podSelector", "matchLabels"),
  ServiceMonitor = of_labels("spec", "selector", "matchLabels"),
  Deployment = of_labels("spec", "template", "metadata", "labels"),
  StatefulSet = of_labels("spec", "template", "metadata", "labels"),
  CronJob = of_labels("spec", "jobTemplate", "spec", "template", "metadata", "labels"),
}

--- What an object acts on.
---@param item table
---@return table<string, boolean> ties names of objects, values of labels, and "label=value"
function M.of(item)
  local found = {}
  if OF[item.kind] then OF[item.kind](found, item) end
  return found
end

-- The fields of a pod that name what it needs: the field → the kind, and the field of the name.
local NEEDS <const> = {
  configMap = { "ConfigMap", "name" },
  configMapRef = { "ConfigMap", "name" },
  configMapKeyRef = { "ConfigMap", "name" },
  persistentVolumeClaim = { "PersistentVolumeClaim", "claimName" },
}

local function add_needs(found, spec)
  for field, item in pairs(spec) do
    if type(item) == "table" and item ~= json.null then
      local need = NEEDS[field]
      local name = need and item[need[2]]
      if type(name) == "string" then found[need[1] .. "/" .. name] = true end
      add_needs(found, item)
    end
  end
end

--- What the pods of a workload need.
---@param found table<string, boolean> gets them: "ConfigMap/NAME"
---@param item table the workload
function M.add_needs(found, item) add_needs(found, part(item, "spec") or {}) end

--- The texts in an object's specification, one after the other.
---@param item table
---@param fn fun(text: string)
function M.each_text(item, fn)
  for name, field in pairs(item) do
    if type(name) == "string" and type(field) == "string" then fn(name) end
    if type(field) == "string" then fn(field) end
    if type(field) == "table" and field ~= json.null then M.each_text(field, fn) end
  end
end

return M
