--- The shape of the kinds whose fields o2x and the library of scripts read. The API server keeps to it; what answers in
--- its place may not, and then one line says which field is wrong.

local shape = require "o2x.base.shape"

local M = {}

local METADATA <const> = {
  "?",
  name = "string?",
  namespace = "string?",
  resourceVersion = "string?",
  annotations = "map?",
  labels = "map?",
}

local CONDITIONS <const> = { "each?", { type = "string", status = "string?", reason = "string?", message = "string?" } }

local STATE <const> = {
  "?",
  waiting = { "?", reason = "string?", message = "string?" },
  terminated = { "?", reason = "string?", exitCode = "integer?", finishedAt = "string?" },
}

local CONTAINERS <const> = {
  "each",
  {
    name = "string",
    image = "string?",
    env = { "each?", { name = "string", value = "string?", valueFrom = "map?" } },
    resources = { "?", limits = "map?", requests = "map?" },
  },
}

local STATUSES <const> = {
  "each?",
  { name = "string?", image = "string?", restartCount = "integer", state = STATE, lastState = STATE },
}

local WORKLOAD <const> = {
  spec = { replicas = "integer?", template = { "?", spec = { containers = CONTAINERS } } },
  status = { "?", replicas = "integer?", readyReplicas = "integer?", conditions = CONDITIONS },
}

-- group/kind → form; metadata is added to each.
local FORMS <const> = {
  ["/Pod"] = { status = { "?", phase = "string?", conditions = CONDITIONS, containerStatuses = STATUSES } },
  ["apps/Deployment"] = WORKLOAD,
  ["apps/StatefulSet"] = WORKLOAD,
  ["/PersistentVolumeClaim"] = { status = { "?", phase = "string?" } },
  ["/Service"] = { status = { "?", loadBalancer = { "?", ingress = { "each?", { hostname = "string?" } } } } },
  ["/ConfigMap"] = { data = "map?" },
  ["/Event"] = { type = "string?", reason = "string?", message = "string?" },
  ["autoscaling/HorizontalPodAutoscaler"] = {
    spec = { scaleTargetRef = { name = "string" }, minReplicas = "integer?", maxReplicas = "integer" },
  },
  ["batch/CronJob"] = { spec = { suspend = "boolean?" } },
  ["cert-manager.io/Certificate"] = { status = { "?", notAfter = "string?", conditions = CONDITIONS } },
  ["metrics.k8s.io/PodMetrics"] = {
    containers = { "each?", { name = "string", usage = { cpu = "string?", memory = "string?" } } },
  },
}

local PLAIN <const> = { metadata = METADATA }

for _, form in pairs(FORMS) do
  form.metadata = METADATA
end

--- Checks an object. Where it has no metadata, no status yet, or no template, it gets an empty one.
---@param resource { group: string, kind: string }?
---@param object any decoded
---@param what string for the error: "Deployment a"
---@return table object
function M.check(resource, object, what)
  local form = resource and FORMS[resource.group .. "/" .. resource.kind] or PLAIN
  shape.check(object, form, what, "k8s")
  object.metadata = object.metadata or {}
  if form.status and object.status == nil then object.status = {} end
  if form == WORKLOAD and object.spec.template == nil then object.spec.template = { spec = { containers = {} } } end
  return object
end

return M
