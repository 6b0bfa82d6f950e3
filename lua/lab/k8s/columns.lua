--- The table columns of each resource, as the API server has them.
local conditions = require "lab.k8s.conditions"
local quantity = require "o2x.client.k8s.quantity"
local selector = require "lab.k8s.selector"
local value = require "lab.k8s.value"

local M = {}
local get = value.get

--- A duration in kubectl's short form.
---@param seconds number
---@return string
function M.span(seconds)
  local s = math.max(0, math.floor(seconds))
  if s < 120 then return s .. "s" end
  local m = s // 60
  if m < 10 then return s % 60 == 0 and m .. "m" or ("%dm%ds"):format(m, s % 60) end
  if m < 180 then return m .. "m" end
  local h = m // 60
  if h < 8 then return m % 60 == 0 and h .. "h" or ("%dh%dm"):format(h, m % 60) end
  if h < 48 then return h .. "h" end
  local d = h // 24
  if d < 8 then return h % 24 == 0 and d .. "d" or ("%dd%dh"):format(d, h % 24) end
  if d < 730 then return d .. "d" end
  return ("%dy%dd"):format(d // 365, d % 365)
end

--- The time since a timestamp, as in kubectl's AGE column.
---@param time string?
---@param now number
---@return string
function M.age(time, now)
  local at = value.seconds(time)
  return at and M.span(now - at) or "<unknown>"
end

local NAME = { "Name", format = "name", cell = function(o) return o.metadata.name end }
local AGE = { "Age", cell = function(o, now) return M.age(o.metadata.creationTimestamp, now) end }

local function field(title, ...)
  local path = { ... }
  return {
    title,
    cell = function(o)
      local v = get(o, table.unpack(path))
      return v == nil and "" or tostring(v)
    end,
  }
end

local function count(title, ...)
  local path = { ... }
  return { title, type = "integer", cell = function(o) return get(o, table.unpack(path)) or 0 end }
end

local function wide(column) return value.merged(column, { wide = true }) end

local function ready_of(o)
  return ("%d/%d"):format(get(o, "status", "readyReplicas") or 0, get(o, "spec", "replicas") or 0)
end

local function containers(o) return get(o, "spec", "template", "spec", "containers") or {} end

local function joined(list, key)
  local parts = {}
  for _, item in ipairs(list) do
    table.insert(parts, tostring(item[key]))
  end
  return table.concat(parts, ",")
end

local CONTAINERS = wide { "Containers", cell = function(o) return joined(containers(o), "name") end }
local IMAGES = wide { "Images", cell = function(o) return joined(containers(o), "image") end }
local SELECTOR = wide { "Selector", cell = function(o) return selector.text(get(o, "spec", "selector")) end }

--- The text of a pod's STATUS column.
---@param o table
---@return string
function M.pod_status(o)
  local word = get(o, "status", "reason") or get(o, "status", "phase") or "Unknown"
  for _, c in ipairs(get(o, "status", "containerStatuses") or {}) do
    word = get(c, "state", "waiting", "reason") or get(c, "state", "terminated", "reason") or word
  end
  return o.metadata.deletionTimestamp and "Terminating" or word
end

local function pod_ready(o)
  local ready = 0
  for _, c in ipairs(get(o, "status", "containerStatuses") or {}) do
    ready = ready + (c.ready and 1 or 0)
  end
  return ("%d/%d"):format(ready, #(get(o, "spec", "containers") or {}))
end

local function pod_restarts(o)
  local n = 0
  for _, c in ipairs(get(o, "status", "containerStatuses") or {}) do
    n = n + (c.restartCount or 0)
  end
  return tostring(n)
end

local function or_none(...)
  local path = { ... }
  return function(o)
    local v = get(o, table.unpack(path))
    return v and v ~= "" and tostring(v) or "<none>"
  end
end

local function balancer_addresses(o)
  local names = {}
  for _, at in ipairs(get(o, "status", "loadBalancer", "ingress") or {}) do
    table.insert(names, at.hostname or at.ip)
  end
  return table.concat(names, ",")
end

local function service_external(o)
  local addresses = balancer_addresses(o)
  if addresses ~= "" then return addresses end
  if get(o, "spec", "type") == "ExternalName" then return o.spec.externalName or "" end
  return get(o, "spec", "type") == "LoadBalancer" and "<pending>" or "<none>"
end

local function service_ports(o)
  local parts = {}
  for _, port in ipairs(get(o, "spec", "ports") or {}) do
    table.insert(parts, (port.nodePort and "%d:" .. port.nodePort .. "/%s" or "%d/%s"):format(port.port, port.protocol))
  end
  return #parts > 0 and table.concat(parts, ",") or "<none>"
end

local function ingress_hosts(o)
  local hosts = {}
  for _, rule in ipairs(get(o, "spec", "rules") or {}) do
    if rule.host then table.insert(hosts, rule.host) end
  end
  if #hosts == 0 then return "*" end
  if #hosts > 3 then return table.concat(hosts, ",", 1, 3) .. (" + %d more..."):format(#hosts - 3) end
  return table.concat(hosts, ",")
end

local SHORT_MODES = { ReadWriteOnce = "RWO", ReadOnlyMany = "ROX", ReadWriteMany = "RWX", ReadWriteOncePod = "RWOP" }

local function access_modes(list)
  local parts = {}
  for _, mode in ipairs(list or {}) do
    table.insert(parts, SHORT_MODES[mode] or mode)
  end
  return table.concat(parts, ",")
end

local function hpa_targets(o)
  local parts, current = {}, {}
  for _, metric in ipairs(get(o, "status", "currentMetrics") or {}) do
    current[get(metric, "resource", "name") or ""] = get(metric, "resource", "current", "averageUtilization")
  end
  for _, metric in ipairs(get(o, "spec", "metrics") or {}) do
    local name = get(metric, "resource", "name") or metric.type
    local target = get(metric, "resource", "target", "averageUtilization")
    local now = current[name] and current[name] .. "%" or "<unknown>"
    table.insert(parts, ("%s: %s/%s"):format(name, now, target and target .. "%" or "<auto>"))
  end
  return #parts > 0 and table.concat(parts, ", ") or "<none>"
end

local function job_duration(o, now)
  local from = value.seconds(get(o, "status", "startTime"))
  if not from then return "" end
  return M.span((value.seconds(get(o, "status", "completionTime")) or now) - from)
end

local function node_roles(o)
  local roles = {}
  for _, label in ipairs(value.keys(o.metadata.labels)) do
    table.insert(roles, label:match("^node%-role%.kubernetes%.io/(.+)$"))
  end
  return #roles > 0 and table.concat(roles, ",") or "<none>"
end

local function endpoints(o)
  local parts = {}
  for _, subset in ipairs(o.subsets or {}) do
    for _, port in ipairs(subset.ports or {}) do
      for _, address in ipairs(subset.addresses or {}) do
        table.insert(parts, address.ip .. ":" .. port.port)
      end
    end
  end
  if #parts == 0 then return "<none>" end
  if #parts > 3 then return table.concat(parts, ",", 1, 3) .. (" + %d more..."):format(#parts - 3) end
  return table.concat(parts, ",")
end

local function data_count(o)
  local n = 0
  for _, name in ipairs { "data", "binaryData" } do
    n = n + #value.keys(o[name])
  end
  return n
end

local function role_ref(o) return get(o, "roleRef", "kind") .. "/" .. get(o, "roleRef", "name") end

local CREATED = { "Created At", cell = function(o) return o.metadata.creationTimestamp end }

local function resources_used(name)
  return function(o)
    local total = 0
    for _, c in ipairs(o.containers or { { usage = o.usage } }) do
      total = total + (quantity.value(get(c, "usage", name) or "0") or 0)
    end
    return name == "cpu" and math.floor(total * 1000) .. "m" or math.floor(total / 2 ^ 20) .. "Mi"
  end
end

local BY_STORE = {
  ["/pods"] = {
    NAME,
    { "Ready", cell = pod_ready },
    { "Status", cell = M.pod_status },
    { "Restarts", cell = pod_restarts },
    AGE,
    wide { "IP", cell = or_none("status", "podIP") },
    wide { "Node", cell = or_none("spec", "nodeName") },
    wide { "Nominated Node", cell = or_none("status", "nominatedNodeName") },
    wide { "Readiness Gates", cell = function() return "<none>" end },
  },
  ["/services"] = {
    NAME,
    field("Type", "spec", "type"),
    { "Cluster-IP", cell = or_none("spec", "clusterIP") },
    { "External-IP", cell = service_external },
    { "Port(s)", cell = service_ports },
    AGE,
    SELECTOR,
  },
  ["/endpoints"] = { NAME, { "Endpoints", cell = endpoints }, AGE },
  ["/namespaces"] = { NAME, field("Status", "status", "phase"), AGE },
  ["/nodes"] = {
    NAME,
    {
      "Status",
      cell = function(o)
        local ready = conditions.find(o, "Ready")
        return (ready and ready.status == "True" and "Ready" or "NotReady")
          .. (get(o, "spec", "unschedulable") and ",SchedulingDisabled" or "")
      end,
    },
    { "Roles", cell = node_roles },
    AGE,
    field("Version", "status", "nodeInfo", "kubeletVersion"),
  },
  ["/secrets"] = { NAME, field("Type", "type"), { "Data", cell = data_count }, AGE },
  ["/configmaps"] = { NAME, { "Data", cell = data_count }, AGE },
  ["/serviceaccounts"] = {
    NAME,
    { "Secrets", type = "integer", cell = function(o) return #(o.secrets or {}) end },
    AGE,
  },
  ["/persistentvolumeclaims"] = {
    NAME,
    field("Status", "status", "phase"),
    field("Volume", "spec", "volumeName"),
    field("Capacity", "status", "capacity", "storage"),
    { "Access Modes", cell = function(o) return access_modes(get(o, "status", "accessModes")) end },
    field("StorageClass", "spec", "storageClassName"),
    { "VolumeAttributesClass", cell = function() return "<unset>" end },
    AGE,
    wide(field("VolumeMode", "spec", "volumeMode")),
  },
  ["/persistentvolumes"] = {
    NAME,
    field("Capacity", "spec", "capacity", "storage"),
    { "Access Modes", cell = function(o) return access_modes(get(o, "spec", "accessModes")) end },
    field("Reclaim Policy", "spec", "persistentVolumeReclaimPolicy"),
    field("Status", "status", "phase"),
    {
      "Claim",
      cell = function(o)
        local ref = get(o, "spec", "claimRef")
        return ref and ref.namespace .. "/" .. ref.name or ""
      end,
    },
    field("StorageClass", "spec", "storageClassName"),
    { "VolumeAttributesClass", cell = function() return "<unset>" end },
    field("Reason", "status", "reason"),
    AGE,
  },
  ["/events"] = {
    { "Last Seen", cell = function(o, now) return M.age(o.lastTimestamp or o.eventTime, now) end },
    field("Type", "type"),
    field("Reason", "reason"),
    {
      "Object",
      cell = function(o) return (o.involvedObject.kind or ""):lower() .. "/" .. (o.involvedObject.name or "") end,
    },
    wide(field("Subobject", "involvedObject", "fieldPath")),
    wide(field("Source", "source", "component")),
    field("Message", "message"),
    wide { "First Seen", cell = function(o, now) return M.age(o.firstTimestamp, now) end },
    wide { "Count", type = "integer", cell = function(o) return o.count or 1 end },
    wide(NAME),
  },
  ["apps/deployments"] = {
    NAME,
    { "Ready", cell = ready_of },
    count("Up-to-date", "status", "updatedReplicas"),
    count("Available", "status", "availableReplicas"),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
  },
  ["apps/replicasets"] = {
    NAME,
    count("Desired", "spec", "replicas"),
    count("Current", "status", "replicas"),
    count("Ready", "status", "readyReplicas"),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
  },
  ["apps/statefulsets"] = {
    NAME,
    { "Ready", cell = ready_of },
    AGE,
    CONTAINERS,
    IMAGES,
  },
  ["apps/daemonsets"] = {
    NAME,
    count("Desired", "status", "desiredNumberScheduled"),
    count("Current", "status", "currentNumberScheduled"),
    count("Ready", "status", "numberReady"),
    count("Up-to-date", "status", "updatedNumberScheduled"),
    count("Available", "status", "numberAvailable"),
    { "Node Selector", cell = function() return "<none>" end },
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
  },
  ["batch/jobs"] = {
    NAME,
    {
      "Status",
      cell = function(o)
        return conditions.find(o, "Complete") and "Complete" or conditions.find(o, "Failed") and "Failed" or "Running"
      end,
    },
    {
      "Completions",
      cell = function(o)
        return ("%d/%d"):format(get(o, "status", "succeeded") or 0, get(o, "spec", "completions") or 1)
      end,
    },
    { "Duration", cell = job_duration },
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
  },
  ["batch/cronjobs"] = {
    NAME,
    field("Schedule", "spec", "schedule"),
    { "Timezone", cell = or_none("spec", "timeZone") },
    { "Suspend", type = "boolean", cell = function(o) return get(o, "spec", "suspend") and "True" or "False" end },
    { "Active", type = "integer", cell = function(o) return #(get(o, "status", "active") or {}) end },
    {
      "Last Schedule",
      cell = function(o, now)
        local at = get(o, "status", "lastScheduleTime")
        return at and M.age(at, now) or "<none>"
      end,
    },
    AGE,
  },
  ["autoscaling/horizontalpodautoscalers"] = {
    NAME,
    {
      "Reference",
      cell = function(o)
        local ref = get(o, "spec", "scaleTargetRef") or {}
        return (ref.kind or "") .. "/" .. (ref.name or "")
      end,
    },
    { "Targets", cell = hpa_targets },
    field("MinPods", "spec", "minReplicas"),
    { "MaxPods", cell = function(o) return get(o, "spec", "maxReplicas") or 0 end },
    { "Replicas", cell = function(o) return get(o, "status", "currentReplicas") or 0 end },
    AGE,
  },
  ["networking.k8s.io/ingresses"] = {
    NAME,
    { "Class", cell = or_none("spec", "ingressClassName") },
    { "Hosts", cell = ingress_hosts },
    { "Address", cell = balancer_addresses },
    { "Ports", cell = function(o) return get(o, "spec", "tls") and "80, 443" or "80" end },
    AGE,
  },
  ["networking.k8s.io/ingressclasses"] = {
    NAME,
    field("Controller", "spec", "controller"),
    { "Parameters", cell = function() return "<none>" end },
    AGE,
  },
  ["policy/poddisruptionbudgets"] = {
    NAME,
    { "Min Available", cell = function(o) return tostring(get(o, "spec", "minAvailable") or "N/A") end },
    { "Max Unavailable", cell = function(o) return tostring(get(o, "spec", "maxUnavailable") or "N/A") end },
    count("Allowed Disruptions", "status", "disruptionsAllowed"),
    AGE,
  },
  ["rbac.authorization.k8s.io/roles"] = { NAME, CREATED },
  ["rbac.authorization.k8s.io/clusterroles"] = { NAME, CREATED },
  ["rbac.authorization.k8s.io/rolebindings"] = { NAME, { "Role", cell = role_ref }, AGE },
  ["rbac.authorization.k8s.io/clusterrolebindings"] = { NAME, { "Role", cell = role_ref }, AGE },
  ["storage.k8s.io/storageclasses"] = {
    NAME,
    field("Provisioner", "provisioner"),
    field("ReclaimPolicy", "reclaimPolicy"),
    field("VolumeBindingMode", "volumeBindingMode"),
    { "AllowVolumeExpansion", cell = function(o) return tostring(o.allowVolumeExpansion or false) end },
    AGE,
  },
  ["coordination.k8s.io/leases"] = { NAME, field("Holder", "spec", "holderIdentity"), AGE },
  ["apiextensions.k8s.io/customresourcedefinitions"] = { NAME, CREATED },
  ["cert-manager.io/certificates"] = {
    NAME,
    {
      "Ready",
      cell = function(o)
        local ready = conditions.find(o, "Ready")
        return ready and ready.status or ""
      end,
    },
    field("Secret", "spec", "secretName"),
    AGE,
  },
  ["metrics.k8s.io/pods"] = {
    NAME,
    { "cpu", cell = resources_used "cpu" },
    { "memory", cell = resources_used "memory" },
    { "Window", cell = function(o) return o.window end },
  },
}

--- The columns of a kind's table.
---@param kind lab.k8s.Kind
---@return table[]? columns { title, type=, format=, wide=, cell = fun(object, now) }
function M.of(kind) return BY_STORE[kind.store] end

return M
