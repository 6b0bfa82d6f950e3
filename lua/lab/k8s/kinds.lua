--- The table of all kinds that the simulator serves. Columns, defaults and controllers are in their own modules, keyed
--- by the resource's name.
local M = {}

---@class lab.k8s.Kind
---@field group string
---@field version string
---@field resource string      plural, as in the path
---@field kind string
---@field singular string
---@field short string[]?
---@field categories string[]?
---@field namespaced boolean
---@field type string          its type in `types`; "Custom" for custom resources
---@field store string         where its objects are kept: kinds that are two versions of one thing share it
---@field status boolean       has a status subresource, so a plain write cannot change the status
---@field scale boolean        has a scale subresource
---@field generation boolean   counts changes of its specification
---@field extra table<string, table>?   further subresources: name → { kind, group, version, verbs }
---@field verbs string[]?      when not the usual ones
---@field fields table<string, boolean>?   field selectors beside metadata.name and metadata.namespace

local ALL = { "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch" }

local function set(text)
  local t = {}
  for word in text:gmatch("%S+") do
    t[word] = true
  end
  return t
end

local function split(text)
  if not text then return nil end
  local t = {}
  for word in text:gmatch("%S+") do
    t[#t + 1] = word
  end
  return t
end

local POD_FIELDS = set [[spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName
  status.phase status.podIP]]
local EVENT_FIELDS = set [[involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid
  involvedObject.apiVersion involvedObject.resourceVersion involvedObject.fieldPath reason type reportingComponent]]

local GET, UPDATE = { "get" }, { "get", "patch", "update" }
local POD_EXTRA = {
  log = { kind = "Pod", group = "", version = "", verbs = GET },
  eviction = { kind = "Eviction", group = "policy", version = "v1", verbs = { "create" } },
}
local SERVICE_EXTRA = {
  proxy = {
    kind = "ServiceProxyOptions",
    group = "",
    version = "",
    verbs = { "create", "delete", "get", "patch", "update" },
  },
}
local TOKEN_EXTRA =
  { token = { kind = "TokenRequest", group = "authentication.k8s.io", version = "v1", verbs = { "create" } } }

-- flags: c cluster-wide, s status subresource, g generation, x scale, v custom resource
local TABLE = {
  { "", "v1", "configmaps", "ConfigMap", "", short = "cm" },
  { "", "v1", "endpoints", "Endpoints", "", short = "ep", singular = "endpoints" },
  { "", "v1", "events", "Event", "", short = "ev", fields = EVENT_FIELDS },
  { "", "v1", "limitranges", "LimitRange", "", short = "limits" },
  { "", "v1", "namespaces", "Namespace", "cs", short = "ns", fields = set "status.phase" },
  { "", "v1", "nodes", "Node", "cs", short = "no", fields = set "spec.unschedulable" },
  { "", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", "s", short = "pvc" },
  { "", "v1", "persistentvolumes", "PersistentVolume", "cs", short = "pv" },
  { "", "v1", "pods", "Pod", "sg", short = "po", categories = "all", fields = POD_FIELDS, extra = POD_EXTRA },
  { "", "v1", "resourcequotas", "ResourceQuota", "s", short = "quota" },
  { "", "v1", "secrets", "Secret", "", fields = set "type" },
  { "", "v1", "serviceaccounts", "ServiceAccount", "", short = "sa", extra = TOKEN_EXTRA },
  {
    "",
    "v1",
    "services",
    "Service",
    "s",
    short = "svc",
    categories = "all",
    extra = SERVICE_EXTRA,
    fields = set "spec.clusterIP spec.type",
  },
  { "apps", "v1", "controllerrevisions", "ControllerRevision", "v" },
  { "apps", "v1", "daemonsets", "DaemonSet", "sg", short = "ds", categories = "all" },
  { "apps", "v1", "deployments", "Deployment", "sgx", short = "deploy", categories = "all" },
  { "apps", "v1", "replicasets", "ReplicaSet", "sgx", short = "rs", categories = "all" },
  { "apps", "v1", "statefulsets", "StatefulSet", "sgx", short = "sts", categories = "all" },
  {
    "autoscaling",
    "v2",
    "horizontalpodautoscalers",
    "HorizontalPodAutoscaler",
    "s",
    short = "hpa",
    categories = "all",
  },
  {
    "autoscaling",
    "v1",
    "horizontalpodautoscalers",
    "HorizontalPodAutoscaler",
    "s",
    short = "hpa",
    categories = "all",
    type = "V1HorizontalPodAutoscaler",
  },
  { "batch", "v1", "cronjobs", "CronJob", "sg", short = "cj", categories = "all" },
  { "batch", "v1", "jobs", "Job", "sg", categories = "all", fields = set "status.successful" },
  { "networking.k8s.io", "v1", "ingressclasses", "IngressClass", "cg" },
  { "networking.k8s.io", "v1", "ingresses", "Ingress", "sg", short = "ing" },
  { "networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", "g", short = "netpol" },
  { "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", "sg", short = "pdb" },
  { "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", "c" },
  { "rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", "c" },
  { "rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", "" },
  { "rbac.authorization.k8s.io", "v1", "roles", "Role", "" },
  { "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", "csg" },
  {
    "admissionregistration.k8s.io",
    "v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
    "c",
  },
  { "coordination.k8s.io", "v1", "leases", "Lease", "" },
  { "storage.k8s.io", "v1", "storageclasses", "StorageClass", "c", short = "sc" },
  { "discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", "" },
  { "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", "c", verbs = "create" },
  { "authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", "c", verbs = "create" },
  {
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    "cvsg",
    short = "crd crds",
    categories = "api-extensions",
  },
  { "cert-manager.io", "v1", "certificates", "Certificate", "vsg", short = "cert certs", categories = "cert-manager" },
  { "cert-manager.io", "v1", "issuers", "Issuer", "vsg", categories = "cert-manager" },
  { "cert-manager.io", "v1", "clusterissuers", "ClusterIssuer", "cvsg", categories = "cert-manager" },
  { "monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule", "vg", short = "promrule" },
  { "monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor", "vg", short = "smon" },
  { "metrics.k8s.io", "v1beta1", "pods", "PodMetrics", "v", verbs = "get list" },
  { "metrics.k8s.io", "v1beta1", "nodes", "NodeMetrics", "cv", verbs = "get list" },
}

local function entry(row)
  local flags = row[5]
  local function has(flag) return flags:find(flag, 1, true) ~= nil end
  local kind = {
    group = row[1],
    version = row[2],
    resource = row[3],
    kind = row[4],
    singular = row.singular or row[4]:lower(),
    short = split(row.short),
    categories = split(row.categories),
    namespaced = not has "c",
    type = row.type or (has "v" and "Custom" or row[4]),
    custom = has "v" and row[1]:find(".", 1, true) ~= nil,
    status = has "s",
    scale = has "x",
    generation = has "g",
    extra = row.extra,
    fields = row.fields or {},
    verbs = split(row.verbs) or ALL,
  }
  kind.api_version = kind.group == "" and kind.version or kind.group .. "/" .. kind.version
  kind.store = kind.group .. "/" .. kind.resource
  kind.qualified = kind.group == "" and kind.resource or kind.resource .. "." .. kind.group
  return kind
end

--- All kinds, in the order of the table.
---@type lab.k8s.Kind[]
M.list = {}
local by_path, by_kind, by_store, versions, groups = {}, {}, {}, {}, {}
for _, row in ipairs(TABLE) do
  local kind = entry(row)
  table.insert(M.list, kind)
  by_path[kind.api_version .. "/" .. kind.resource] = kind
  by_kind[kind.api_version .. "/" .. kind.kind] = kind
  by_store[kind.store] = by_store[kind.store] or kind
  versions[kind.api_version] = true
  groups[kind.group] = kind.group ~= "" or nil
end

--- The kind of a resource.
---@param api_version string such as "apps/v1"
---@param resource string such as "deployments"
---@return lab.k8s.Kind?
function M.at(api_version, resource) return by_path[api_version .. "/" .. resource] end

--- The kind by its name.
---@param api_version string?
---@param kind string?
---@return lab.k8s.Kind?
function M.of(api_version, kind) return by_kind[tostring(api_version) .. "/" .. tostring(kind)] end

--- The kind in the version in which a store keeps its objects.
---@param store string
---@return lab.k8s.Kind?
function M.stored(store) return by_store[store] end

--- Whether an API version exists.
---@param api_version string
---@return boolean
function M.has_version(api_version) return versions[api_version] == true end

--- Whether a group exists.
---@param name string?
---@return boolean
function M.has_group(name) return groups[name or ""] == true end

--- The subresources of a kind: name → { kind, group, version, verbs }.
---@param kind lab.k8s.Kind
---@return table<string, table>
function M.subresources(kind)
  local subs = {}
  for name, sub in pairs(kind.extra or {}) do
    subs[name] = sub
  end
  if kind.status then subs.status = { kind = kind.kind, group = "", version = "", verbs = UPDATE } end
  if kind.scale then subs.scale = { kind = "Scale", group = "autoscaling", version = "v1", verbs = UPDATE } end
  return subs
end

return M
