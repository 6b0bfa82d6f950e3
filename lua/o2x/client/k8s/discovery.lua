--- API discovery: the kinds that the server has and their paths. The client fetches this once.

local errors = require "o2x.base.error"
local shape = require "o2x.base.shape"

local M = {}

-- The aggregated form answers for all groups at once; servers before 1.27 answer with the older lists.
M.ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
  .. "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"

local WHAT <const> = "the kinds of the cluster"

local AGGREGATED <const> = {
  items = {
    "each?",
    {
      metadata = { "?", name = "string?" },
      versions = {
        "each?",
        {
          version = "string",
          resources = {
            "each?",
            {
              resource = "string",
              responseKind = { "?", kind = "string?" },
              singularResource = "string?",
              shortNames = { "each?", "string" },
            },
          },
        },
      },
    },
  },
}
local RESOURCES <const> = {
  resources = {
    "each?",
    { name = "string", kind = "string", singularName = "string?", shortNames = { "each?", "string" } },
  },
}
local VERSIONS <const> = { versions = { "each?", "string" } }
local GROUPS <const> = { groups = { "each?", { name = "string", versions = { "each?", { version = "string" } } } } }

local Kinds = {}
Kinds.__index = Kinds

local function base_of(group, version)
  return group == "" and "/api/" .. version or ("/apis/%s/%s"):format(group, version)
end

local function add(kinds, group, version, item)
  local resource = {
    kind = item.kind,
    plural = item.plural,
    group = group,
    version = version,
    namespaced = item.namespaced,
    api_version = group == "" and version or group .. "/" .. version,
    base = base_of(group, version),
  }
  local exact = resource.api_version .. "/" .. resource.kind
  if kinds.exact[exact] then return end
  kinds.exact[exact] = resource
  local names = { item.kind, item.plural, item.singular, item.plural .. "." .. group, item.kind .. "." .. group }
  for _, short in ipairs(item.short or {}) do
    names[#names + 1] = short
  end
  for _, name in ipairs(names) do
    name = name:lower()
    -- The first wins: the core group, then the server's own order, preferred versions first.
    if name ~= "" and not kinds.named[name] then kinds.named[name] = resource end
  end
end

local function add_aggregated(kinds, list)
  shape.check(list, AGGREGATED, WHAT, "k8s")
  for _, group in ipairs(list.items or {}) do
    for _, version in ipairs(group.versions or {}) do
      for _, r in ipairs(version.resources or {}) do
        add(kinds, group.metadata and group.metadata.name or "", version.version, {
          kind = r.responseKind and r.responseKind.kind or "",
          plural = r.resource,
          singular = r.singularResource or "",
          namespaced = r.scope == "Namespaced",
          short = r.shortNames,
        })
      end
    end
  end
end

local function add_legacy(kinds, group, version, list)
  shape.check(list, RESOURCES, WHAT, "k8s")
  for _, r in ipairs(list.resources or {}) do
    if not r.name:find("/", 1, true) then
      add(kinds, group, version, {
        kind = r.kind,
        plural = r.name,
        singular = r.singularName or "",
        namespaced = r.namespaced,
        short = r.shortNames,
      })
    end
  end
end

local function load_core(kinds, get)
  local list = get("/api", M.ACCEPT)
  if list.kind == "APIGroupDiscoveryList" then return add_aggregated(kinds, list) end
  shape.check(list, VERSIONS, WHAT, "k8s")
  for _, version in ipairs(list.versions or {}) do
    add_legacy(kinds, "", version, get("/api/" .. version))
  end
end

local function load_groups(kinds, get)
  local list = get("/apis", M.ACCEPT)
  if list.kind == "APIGroupDiscoveryList" then return add_aggregated(kinds, list) end
  shape.check(list, GROUPS, WHAT, "k8s")
  for _, group in ipairs(list.groups or {}) do
    for _, version in ipairs(group.versions or {}) do
      add_legacy(kinds, group.name, version.version, get(base_of(group.name, version.version)))
    end
  end
end

-- Kinds that clusters of our platform have: group, version, kind, plural, short name.
local USUAL <const> = {
  { "", "v1", "ConfigMap", "configmaps", "cm" },
  { "", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc" },
  { "", "v1", "Pod", "pods", "po" },
  { "", "v1", "Secret", "secrets" },
  { "", "v1", "Service", "services", "svc" },
  { "", "v1", "ServiceAccount", "serviceaccounts", "sa" },
  { "apps", "v1", "DaemonSet", "daemonsets", "ds" },
  { "apps", "v1", "Deployment", "deployments", "deploy" },
  { "apps", "v1", "ReplicaSet", "replicasets", "rs" },
  { "apps", "v1", "StatefulSet", "statefulsets", "sts" },
  { "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa" },
  { "batch", "v1", "CronJob", "cronjobs", "cj" },
  { "batch", "v1", "Job", "jobs" },
  { "cert-manager.io", "v1", "Certificate", "certificates", "cert" },
  { "monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules", "promrule" },
  { "monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors", "smon" },
  { "networking.k8s.io", "v1", "Ingress", "ingresses", "ing" },
  { "networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", "netpol" },
  { "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", "pdb" },
}

--- The usual kinds, for a checklist that is printed while the server does not answer.
---@return table kinds
function M.usual()
  local kinds = setmetatable({ exact = {}, named = {} }, Kinds)
  for _, one in ipairs(USUAL) do
    local item = { kind = one[3], plural = one[4], singular = one[3]:lower(), namespaced = true, short = { one[5] } }
    add(kinds, one[1], one[2], item)
  end
  return kinds
end

--- Fetches the kinds from the server.
---@param get fun(path: string, accept: string?): table the decoded answer
---@return table kinds
function M.load(get)
  local kinds = setmetatable({ exact = {}, named = {} }, Kinds)
  load_core(kinds, get)
  load_groups(kinds, get)
  return kinds
end

--- The resource of a kind ("Deployment", "deployments", "deploy", "servicemonitors.monitoring.coreos.com",
--- "Deployment.apps").
---@param name string
---@param api_version string? as objects have it: then exactly this version
---@return table? resource kind, plural, group, version, api_version, namespaced, base
function Kinds:find(name, api_version)
  if api_version then return self.exact[api_version .. "/" .. name] end
  return self.named[name:lower()]
end

--- Like find, but a missing kind is an error.
---@param name string
---@param api_version string?
---@return table resource
function Kinds:need(name, api_version)
  local found = type(name) == "string" and self:find(name, api_version)
  if found then return found end
  errors.raise {
    kind = "failed",
    module = "k8s",
    op = "discovery",
    code = 404,
    message = ("the cluster has no kind %s%s"):format(tostring(name), api_version and " in " .. api_version or ""),
    hint = "kubectl api-resources lists the kinds; if this one comes from a CRD, install its operator",
  }
end

--- The entries of .Capabilities.APIVersions, as helm makes them when it asks the cluster itself.
---@return string[] "group/version" and "group/version/Kind", sorted
function Kinds:api_versions()
  local list, seen = {}, {}
  for name, resource in pairs(self.exact) do
    list[#list + 1] = name
    if not seen[resource.api_version] then list[#list + 1] = resource.api_version end
    seen[resource.api_version] = true
  end
  table.sort(list)
  return list
end

return M
