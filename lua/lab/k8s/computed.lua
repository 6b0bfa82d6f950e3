--- Kinds that are not stored but computed: access reviews and metrics.
local value = require "lab.k8s.value"

local M = {}

--- Handles the creation of an object of a computed kind.
---@param kind lab.k8s.Kind
---@param reviews table<string, fun(): table> kind → what answers
---@return table?
function M.create(kind, reviews)
  local review = reviews[kind.kind]
  return review and review()
end

local function metrics_header(store, kind, of)
  return {
    apiVersion = kind.api_version,
    kind = kind.kind,
    timestamp = store:time(),
    window = "15s",
    metadata = {
      name = of.metadata.name,
      namespace = of.metadata.namespace,
      labels = of.metadata.labels,
      creationTimestamp = store:time(),
    },
  }
end

-- the usage of a pod is constant, and different for each pod
local function pod_metrics(store, kind, pod)
  local result = metrics_header(store, kind, pod)
  result.containers = value.array {}
  for i, c in ipairs(pod.spec.containers) do
    local seed = #pod.metadata.name * 7 + i
    table.insert(
      result.containers,
      { name = c.name, usage = { cpu = (20 + seed % 60) .. "m", memory = (300 + seed * 3) .. "Mi" } }
    )
  end
  return result
end

local function node_metrics(store, kind, node)
  local result = metrics_header(store, kind, node)
  result.usage = { cpu = "1200m", memory = "9000Mi" }
  return result
end

--- The objects of a computed kind; nil for a kind that is stored.
---@param store lab.k8s.Store
---@param kind lab.k8s.Kind
---@param namespace string?
---@param labels table[]? of a label selector: objects that cannot match are left out, others need not match
---@return table[]?
function M.list(store, kind, namespace, labels)
  if kind.group ~= "metrics.k8s.io" then return nil end
  local list = {}
  for _, object in ipairs(store:list("/" .. kind.resource, namespace, labels)) do
    if kind.resource == "nodes" then
      table.insert(list, node_metrics(store, kind, object))
    elseif value.get(object, "status", "phase") == "Running" then
      table.insert(list, pod_metrics(store, kind, object))
    end
  end
  return list
end

--- An object of a computed kind.
---@param store lab.k8s.Store
---@param kind lab.k8s.Kind
---@param namespace string?
---@param name string
---@return table?
function M.get(store, kind, namespace, name)
  for _, object in ipairs(M.list(store, kind, namespace) or {}) do
    if object.metadata.name == name then return object end
  end
end

return M
