--- A tenant's grants as objects of Kubernetes: a service account, its roles, and an admission policy for what roles
--- cannot say.
---
--- A role names objects to read, change and delete. It cannot name those that a request creates, and it knows no
--- patterns, such as those of the secrets in which helm keeps its releases. The admission policy therefore checks the
--- name of every object that the service account writes. Lists cannot be limited by label: in a namespace that tenants
--- share, the service account can list their pods, events and secrets. A namespace for each tenant closes that.

local json = require "o2x.base.json"
local yaml = require "o2x.base.yaml"

local M = {}

local RBAC <const> = "rbac.authorization.k8s.io"
local ADMISSION <const> = "admissionregistration.k8s.io/v1"
local SERVICE_PORT <const>, ALERTMANAGER_PORT <const> = 8080, 9093

local array = json.array

local function rule(group, resources, verbs, names)
  return {
    apiGroups = array { group },
    resources = array(resources),
    verbs = array(verbs),
    resourceNames = names and array(names) or nil,
  }
end

local function with_port(names, port)
  local list = {}
  for i, name in ipairs(names) do
    list[i] = ("%s:%d"):format(name, port)
  end
  return list
end

-- What names can say about the tenant's own namespace.
local function named_rules(k8s)
  local own, change = k8s.names, { "get", "patch", "delete" }
  local rotated = k8s.rotate and #k8s.rotate > 0 and rule("", { "secrets" }, { "patch", "update" }, k8s.rotate)
  return {
    rule("", { "configmaps", "services", "secrets" }, change, own),
    rule("", { "persistentvolumeclaims" }, change, own),
    rule("apps", { "deployments", "statefulsets" }, change, own),
    rule("apps", { "deployments/scale", "statefulsets/scale" }, { "patch" }, own),
    rule("batch", { "cronjobs", "jobs" }, change, own),
    rule("autoscaling", { "horizontalpodautoscalers" }, change, own),
    rule("networking.k8s.io", { "ingresses" }, change, own),
    rule("policy", { "poddisruptionbudgets" }, change, own),
    rule("cert-manager.io", { "certificates" }, { "get" }, own),
    rule("", { "services/proxy" }, { "get", "create" }, with_port(own, SERVICE_PORT)),
    rotated or nil,
  }
end

-- What only the verb limits: what is created, what has a generated name, what is listed by label. helm reads and writes
-- its releases as secrets; the admission policy limits their names.
local function other_rules()
  return {
    rule("", { "configmaps", "services", "persistentvolumeclaims" }, { "create" }),
    rule("", { "secrets" }, { "get", "list", "create", "update", "delete" }),
    rule("apps", { "deployments", "statefulsets" }, { "create", "list" }),
    rule("batch", { "cronjobs", "jobs" }, { "create", "list" }),
    rule("autoscaling", { "horizontalpodautoscalers" }, { "create", "list" }),
    rule("policy", { "poddisruptionbudgets" }, { "create", "list" }),
    rule("networking.k8s.io", { "ingresses" }, { "create", "list" }),
    rule("", { "services", "persistentvolumeclaims", "configmaps", "pods", "events" }, { "list" }),
    rule("", { "pods/log" }, { "get" }),
    rule("metrics.k8s.io", { "pods" }, { "list" }),
  }
end

local function monitoring_rules(k8s)
  return {
    rule("", { "configmaps" }, { "get", "patch", "delete" }, k8s.names),
    rule("monitoring.coreos.com", { "servicemonitors", "prometheusrules" }, { "get", "patch", "delete" }, k8s.names),
    rule("", { "configmaps" }, { "create" }),
    rule("monitoring.coreos.com", { "servicemonitors", "prometheusrules" }, { "create" }),
  }
end

local function joined(...)
  local all = {}
  for _, list in ipairs { ... } do
    table.move(list, 1, #list, #all + 1, all)
  end
  return all
end

-- Services that a run may look at, though they are not the tenant's, and of these the one of Alertmanager, to which it
-- talks: namespace → rules.
local function read_rules(k8s)
  local found, talks = {}, {}
  for _, namespace in ipairs(k8s.namespaces or {}) do
    talks[namespace] = true
  end
  for _, entry in ipairs(k8s.read or {}) do
    local namespace, name = entry:match "^([^/]+)/([^/]+)$"
    found[namespace] = joined(found[namespace] or {}, {
      rule("", { "services" }, { "get" }, { name }),
      talks[namespace] and rule(
        "",
        { "services/proxy" },
        { "get", "create", "delete" },
        { ("%s:%d"):format(name, ALERTMANAGER_PORT) }
      ) or nil,
    })
  end
  return found
end

local function role(identity, account, namespace, rules)
  local subject = { kind = "ServiceAccount", name = identity, namespace = account }
  local metadata = { name = identity, namespace = namespace }
  return { apiVersion = RBAC .. "/v1", kind = "Role", metadata = metadata, rules = array(rules) }, {
    apiVersion = RBAC .. "/v1",
    kind = "RoleBinding",
    metadata = metadata,
    roleRef = { apiGroup = RBAC, kind = "Role", name = identity },
    subjects = array { subject },
  }
end

-- ---- what roles cannot say ----

local function quoted(names)
  local list = {}
  for i, name in ipairs(names) do
    list[i] = ("'%s'"):format(name)
  end
  return "[" .. table.concat(list, ", ") .. "]"
end

-- helm's secrets of the tenant's releases.
local function is_release(names)
  local list = {}
  for i, name in ipairs(names) do
    list[i] = ("request.name.startsWith('sh.helm.release.v1.%s.v')"):format(name)
  end
  return #list > 0 and table.concat(list, " || ") or "false"
end

local function admission(identity, grants)
  local k8s = grants.k8s
  local account = ("system:serviceaccount:%s:%s"):format(k8s.namespace, identity)
  local is_secret = "request.resource.resource == 'secrets'"
  local admitted = {
    "request.resource.group == 'authorization.k8s.io'", -- what may I do? Older servers ask for leave for that, too
    ("request.name in %s"):format(quoted(k8s.names)),
    ("(%s && (%s))"):format(is_secret, is_release(grants.helm or {})),
    ("(%s && request.operation == 'CREATE' && request.name in %s)"):format(is_secret, quoted(k8s.shared or {})),
  }
  if k8s.rotate and #k8s.rotate > 0 then
    local rotated = "(%s && request.operation == 'UPDATE' && request.name in %s)"
    admitted[#admitted + 1] = rotated:format(is_secret, quoted(k8s.rotate))
  end
  local policy = {
    apiVersion = ADMISSION,
    kind = "ValidatingAdmissionPolicy",
    metadata = { name = identity },
    spec = {
      failurePolicy = "Fail",
      matchConstraints = {
        resourceRules = array {
          {
            apiGroups = array { "*" },
            apiVersions = array { "*" },
            operations = array { "CREATE", "UPDATE", "DELETE" },
            resources = array { "*" },
          },
        },
      },
      matchConditions = array {
        { name = "account", expression = ("request.userInfo.username == '%s'"):format(account) },
      },
      validations = array {
        {
          expression = table.concat(admitted, " || "),
          message = ("%s may write only the objects of its tenant"):format(identity),
        },
      },
    },
  }
  local binding = {
    apiVersion = ADMISSION,
    kind = "ValidatingAdmissionPolicyBinding",
    metadata = { name = identity },
    spec = { policyName = identity, validationActions = array { "Deny" } },
  }
  return policy, binding
end

--- The objects.
---@param identity string
---@param grants table
---@return table[]
function M.objects(identity, grants)
  local k8s = grants.k8s
  local list = {
    { apiVersion = "v1", kind = "ServiceAccount", metadata = { name = identity, namespace = k8s.namespace } },
  }
  local read = read_rules(k8s)
  local places = { [k8s.namespace] = joined(named_rules(k8s), other_rules()) }
  for _, namespace in ipairs(k8s.namespaces or {}) do
    places[namespace] = places[namespace] or monitoring_rules(k8s)
  end
  for namespace, rules in pairs(read) do
    places[namespace] = joined(places[namespace] or {}, rules)
  end
  local namespaces = {}
  for namespace in pairs(places) do
    namespaces[#namespaces + 1] = namespace
  end
  table.sort(namespaces)
  for _, namespace in ipairs(namespaces) do
    list[#list + 1], list[#list + 2] = role(identity, k8s.namespace, namespace, places[namespace])
  end
  list[#list + 1], list[#list + 2] = admission(identity, grants)
  return list
end

--- The objects as YAML.
---@param identity string
---@param grants table
---@return string
function M.text(identity, grants)
  local texts = {}
  for i, object in ipairs(M.objects(identity, grants)) do
    texts[i] = yaml.encode(object)
  end
  return table.concat(texts, "---\n")
end

return M
