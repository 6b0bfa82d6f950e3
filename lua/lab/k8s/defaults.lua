--- The API server's defaults: one function per resource.
local value = require "lab.k8s.value"

local M = {}

local function default(t, k, v)
  if t[k] == nil then t[k] = v end
  return t[k]
end

local function probe(p)
  if not p then return end
  default(p, "timeoutSeconds", 1)
  default(p, "periodSeconds", 10)
  default(p, "successThreshold", 1)
  default(p, "failureThreshold", 3)
  if p.httpGet then
    default(p.httpGet, "path", "/")
    default(p.httpGet, "scheme", "HTTP")
  end
end

local function container(c)
  default(c, "resources", {})
  default(c, "terminationMessagePath", "/dev/termination-log")
  default(c, "terminationMessagePolicy", "File")
  local tag = (c.image or ""):match("[^/]*$"):match(":([^@]+)") or (c.image or ""):find("@", 1, true) and "digest"
  default(c, "imagePullPolicy", (not tag or tag == "latest") and "Always" or "IfNotPresent")
  for _, port in ipairs(c.ports or {}) do
    default(port, "protocol", "TCP")
  end
  for _, env in ipairs(c.env or {}) do
    local ref = value.get(env, "valueFrom", "fieldRef")
    if ref then default(ref, "apiVersion", "v1") end
  end
  probe(c.readinessProbe)
  probe(c.livenessProbe)
  probe(c.startupProbe)
end

local function volume(v)
  for _, name in ipairs { "secret", "configMap", "projected", "downwardAPI" } do
    if v[name] then default(v[name], "defaultMode", 420) end
  end
  for _, source in ipairs(value.get(v, "projected", "sources") or {}) do
    if source.serviceAccountToken then default(source.serviceAccountToken, "expirationSeconds", 3600) end
  end
  if v.hostPath then default(v.hostPath, "type", "") end
  local named = 0
  for k in pairs(v) do
    named = named + (k ~= "name" and 1 or 0)
  end
  if named == 0 then v.emptyDir = {} end
end

local function pod_spec(spec)
  default(spec, "restartPolicy", "Always")
  default(spec, "terminationGracePeriodSeconds", 30)
  default(spec, "dnsPolicy", "ClusterFirst")
  default(spec, "securityContext", {})
  default(spec, "schedulerName", "default-scheduler")
  spec.serviceAccountName = spec.serviceAccountName or spec.serviceAccount
  spec.serviceAccount = spec.serviceAccountName
  for _, list in ipairs { "initContainers", "containers" } do
    for _, c in ipairs(spec[list] or {}) do
      container(c)
    end
  end
  for _, v in ipairs(spec.volumes or {}) do
    volume(v)
  end
end

local function template(spec)
  local t = default(spec, "template", {})
  default(t, "metadata", {})
  pod_spec(default(t, "spec", {}))
  return t
end

local function deployment(object)
  local spec = default(object, "spec", {})
  default(spec, "replicas", 1)
  template(spec)
  local strategy = default(spec, "strategy", {})
  if default(strategy, "type", "RollingUpdate") == "RollingUpdate" then
    local rolling = default(strategy, "rollingUpdate", {})
    default(rolling, "maxUnavailable", "25%")
    default(rolling, "maxSurge", "25%")
  end
  default(spec, "revisionHistoryLimit", 10)
  default(spec, "progressDeadlineSeconds", 600)
end

local function statefulset(object)
  local spec = default(object, "spec", {})
  default(spec, "replicas", 1)
  template(spec)
  default(spec, "podManagementPolicy", "OrderedReady")
  local strategy = default(spec, "updateStrategy", {})
  if default(strategy, "type", "RollingUpdate") == "RollingUpdate" then
    default(default(strategy, "rollingUpdate", {}), "partition", 0)
  end
  default(spec, "revisionHistoryLimit", 10)
  default(spec, "persistentVolumeClaimRetentionPolicy", { whenDeleted = "Retain", whenScaled = "Retain" })
  for _, claim in ipairs(spec.volumeClaimTemplates or {}) do
    default(default(claim, "spec", {}), "volumeMode", "Filesystem")
    default(claim, "status", { phase = "Pending" })
  end
end

local function daemonset(object)
  local spec = default(object, "spec", {})
  template(spec)
  local strategy = default(spec, "updateStrategy", {})
  if default(strategy, "type", "RollingUpdate") == "RollingUpdate" then
    default(strategy, "rollingUpdate", { maxUnavailable = 1, maxSurge = 0 })
  end
  default(spec, "revisionHistoryLimit", 10)
end

local function job_spec(spec)
  default(spec, "parallelism", 1)
  default(spec, "completions", 1)
  default(spec, "backoffLimit", 6)
  default(spec, "completionMode", "NonIndexed")
  default(spec, "suspend", false)
  default(spec, "podReplacementPolicy", "TerminatingOrFailed")
  template(spec)
end

local function service(object)
  local spec = default(object, "spec", {})
  default(spec, "sessionAffinity", "None")
  local kind = default(spec, "type", "ClusterIP")
  for _, port in ipairs(spec.ports or {}) do
    default(port, "protocol", "TCP")
    if kind ~= "ExternalName" then default(port, "targetPort", port.port) end
  end
  if kind ~= "ExternalName" then default(spec, "internalTrafficPolicy", "Cluster") end
  if kind == "NodePort" or kind == "LoadBalancer" then default(spec, "externalTrafficPolicy", "Cluster") end
  if kind == "LoadBalancer" then default(spec, "allocateLoadBalancerNodePorts", true) end
end

local function secret(object)
  default(object, "type", "Opaque")
  if object.stringData then
    object.data = object.data or {}
    for k, v in pairs(object.stringData) do
      object.data[k] = require("o2x.base.crypto").base64(v)
    end
    object.stringData = nil
  end
end

local function cronjob(object)
  local spec = default(object, "spec", {})
  default(spec, "concurrencyPolicy", "Allow")
  default(spec, "suspend", false)
  default(spec, "successfulJobsHistoryLimit", 3)
  default(spec, "failedJobsHistoryLimit", 1)
  local job = default(spec, "jobTemplate", {})
  default(job, "metadata", {})
  template(default(job, "spec", {}))
end

local function hpa(object)
  local spec = default(object, "spec", {})
  default(spec, "minReplicas", 1)
  default(
    spec,
    "metrics",
    value.array {
      { type = "Resource", resource = { name = "cpu", target = { type = "Utilization", averageUtilization = 80 } } },
    }
  )
end

local BY_RESOURCE = {
  deployments = deployment,
  statefulsets = statefulset,
  daemonsets = daemonset,
  replicasets = function(object)
    local spec = default(object, "spec", {})
    default(spec, "replicas", 1)
    template(spec)
  end,
  jobs = function(object) job_spec(default(object, "spec", {})) end,
  cronjobs = cronjob,
  pods = function(object)
    local spec = default(object, "spec", {})
    pod_spec(spec)
    default(spec, "enableServiceLinks", true)
    for _, c in ipairs(spec.containers or {}) do
      for name, limit in pairs(c.resources.limits or {}) do
        default(default(c.resources, "requests", {}), name, limit)
      end
    end
    default(object, "status", {})
  end,
  services = service,
  secrets = secret,
  horizontalpodautoscalers = hpa,
  persistentvolumeclaims = function(object)
    default(default(object, "spec", {}), "volumeMode", "Filesystem")
    default(object.spec, "resources", {})
  end,
  persistentvolumes = function(object)
    default(default(object, "spec", {}), "volumeMode", "Filesystem")
    default(object.spec, "persistentVolumeReclaimPolicy", "Retain")
  end,
  namespaces = function(object)
    object.metadata.labels = object.metadata.labels or {}
    object.metadata.labels["kubernetes.io/metadata.name"] = object.metadata.name
  end,
  storageclasses = function(object)
    default(object, "reclaimPolicy", "Delete")
    default(object, "volumeBindingMode", "Immediate")
  end,
  customresourcedefinitions = function(object)
    local names = object.spec.names or {}
    default(names, "singular", (names.kind or ""):lower())
    default(names, "listKind", (names.kind or "") .. "List")
    default(object.spec, "conversion", { strategy = "None" })
  end,
}

--- Fills in the defaults of an object, in place.
---@param kind lab.k8s.Kind
---@param object table
---@return table object the same
function M.fill(kind, object)
  local fill = BY_RESOURCE[kind.resource]
  if fill and not (kind.resource == "pods" and kind.group ~= "") then fill(object) end
  return object
end

local NEW_STATUS = {
  namespaces = function() return { phase = "Active" } end,
  persistentvolumeclaims = function() return { phase = "Pending" } end,
  services = function() return { loadBalancer = {} } end,
  ingresses = function() return { loadBalancer = {} } end,
  pods = function() return { phase = "Pending", qosClass = "BestEffort" } end,
  horizontalpodautoscalers = function() return { currentMetrics = value.null, desiredReplicas = 0 } end,
}

--- The initial status of an object.
---@param kind lab.k8s.Kind
---@return table?
function M.status(kind)
  local make = NEW_STATUS[kind.resource]
  if make then return make() end
  return kind.status and not kind.custom and {} or nil
end

return M
