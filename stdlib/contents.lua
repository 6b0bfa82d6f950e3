--- What the Kubernetes objects of a tenant may contain on this platform. The names of objects are in platform.lua;
--- o2x knows the fields of each kind (lua/o2x/client/k8s/contents/) and looks into each object before it is written,
--- those of charts too. What is not listed here is not written.

local catalogue = require "stdlib.catalogue"
local naming = require "stdlib.naming"

local M = {}

-- Not here, so that a run never writes them: roles and their bindings, namespaces, quotas and limits, network policies,
-- endpoints, persistent volumes, classes, custom resource definitions, webhooks, nodes, bare pods.
local KINDS = {
  "Deployment.apps",
  "StatefulSet.apps",
  "Job.batch",
  "CronJob.batch",
  "HorizontalPodAutoscaler.autoscaling",
  "PodDisruptionBudget.policy",
  "Service",
  "Ingress.networking.k8s.io",
  "ConfigMap",
  "Secret",
  "ServiceAccount",
  "PersistentVolumeClaim",
  "ServiceMonitor.monitoring.coreos.com",
  "PrometheusRule.monitoring.coreos.com",
}

-- A pod or a certificate that is removed comes back.
local REMOVABLE = { "Pod", "Certificate.cert-manager.io" }

-- Selectors of this platform look for these; the label tenant is one of them too.
local NAME_LABELS = { "app", "app.kubernetes.io/instance" }

-- Grafana's sidecar loads ConfigMaps by a label, so theirs are listed.
local LABELS = {
  "app.kubernetes.io/component",
  "app.kubernetes.io/managed-by",
  "app.kubernetes.io/name",
  "app.kubernetes.io/part-of",
  "app.kubernetes.io/version",
  "component",
  "grafana_dashboard",
  "helm.sh/chart",
  "o2x.io/maintenance",
  "service",
  "tier",
}

-- "plain": a word or number, which cannot become a line of a configuration file. "name": of the tenant's objects.
-- An annotation without a domain is free: no controller reads it.
local function annotations(kubernetes)
  return {
    ["cert-manager.io/cluster-issuer"] = { kubernetes.cluster_issuer },
    ["checksum/*"] = "plain",
    ["deployment.kubernetes.io/revision"] = "plain",
    ["helm.sh/hook"] = "plain",
    ["helm.sh/hook-delete-policy"] = "plain",
    ["helm.sh/hook-weight"] = "plain",
    ["helm.sh/resource-policy"] = "plain",
    ["kubectl.kubernetes.io/default-container"] = "plain",
    ["kubectl.kubernetes.io/restartedAt"] = "plain",
    ["kubernetes.io/change-cause"] = "any",
    ["kubernetes.io/description"] = "any",
    ["kubernetes.io/ingress.class"] = { kubernetes.ingress_class },
    ["nginx.ingress.kubernetes.io/backend-protocol"] = "plain",
    ["nginx.ingress.kubernetes.io/default-backend"] = "name",
    ["nginx.ingress.kubernetes.io/force-ssl-redirect"] = "plain",
    ["nginx.ingress.kubernetes.io/limit-connections"] = "plain",
    ["nginx.ingress.kubernetes.io/limit-rps"] = "plain",
    ["nginx.ingress.kubernetes.io/proxy-body-size"] = "plain",
    ["nginx.ingress.kubernetes.io/proxy-buffer-size"] = "plain",
    ["nginx.ingress.kubernetes.io/proxy-buffering"] = "plain",
    ["nginx.ingress.kubernetes.io/proxy-connect-timeout"] = "plain",
    ["nginx.ingress.kubernetes.io/proxy-read-timeout"] = "plain",
    ["nginx.ingress.kubernetes.io/proxy-send-timeout"] = "plain",
    ["nginx.ingress.kubernetes.io/ssl-redirect"] = "plain",
    ["o2x.io/maintenance"] = "any",
    ["prometheus.io/path"] = "plain",
    ["prometheus.io/port"] = "plain",
    ["prometheus.io/scheme"] = "plain",
    ["prometheus.io/scrape"] = "plain",
  }
end

local ANY_TENANT = "[a-z0-9-]+"

-- "coredb-{tenant}" -> the Lua pattern of all tenants' such names, and this tenant's.
local function pattern(template, tenant)
  local escaped = template:gsub("[%^%$%(%)%%%.%[%]%*%+%-%?]", "%%%0")
  local names = { tenant = tenant.name, environment = tenant.environment, domain = tenant.platform.domain }
  return (escaped:gsub("{%w+}", ANY_TENANT)), naming.fill(template, names)
end

-- How the texts that programs read name a tenant: its id, database, Vault, volume, services, dashboard. In a file that
-- was copied from another tenant, these would be the other's.
local function patterns(tenant)
  local platform = tenant.platform
  local found = {
    ["TIDLT%-%d+"] = tenant.id or "",
    ['tenant=\\?"([%w-]+)'] = tenant.name, -- in PromQL
    ['"uid":%s*"tenant%-([%w-]+)'] = tenant.name, -- of a dashboard
    ["tenant%-([%w-]+)%.json"] = tenant.name, -- its file
    ["secret/tenant/([%w-]+)"] = tenant.name, -- in Vault
    ["secret/data/tenant/([%w-]+)"] = tenant.name,
  }
  local templates = { platform.vault.uri, platform.kubernetes.volume_claim }
  for _, service in ipairs(catalogue.names()) do
    templates[#templates + 1] = "{tenant}-" .. service
  end
  for _, template in ipairs(templates) do
    if template:find("{tenant}", 1, true) then
      local known, own = pattern(template, tenant)
      found[known] = own
    end
  end
  found[pattern(platform.database.name, tenant)] = tenant.database
  return found
end

--- What the objects of a tenant may contain.
---@param tenant table
---@return table contents as lua/o2x/client/k8s/contents/init.lua describes it
function M.of(tenant)
  local kubernetes = tenant.platform.kubernetes
  local classes = {}
  classes[#classes + 1] = kubernetes.ingress_class -- either may be absent
  classes[#classes + 1] = kubernetes.storage_class
  return {
    kinds = KINDS,
    removable = REMOVABLE,
    hosts = { tenant.domain },
    id = tenant.id,
    name_labels = NAME_LABELS,
    labels = LABELS,
    classes = classes,
    annotations = annotations(kubernetes),
    patterns = patterns(tenant),
    -- A field that the platform lets its charts use: "Deployment.apps/spec.template.spec.tolerations".
    fields = {},
  }
end

--- Which of the secrets that all tenants share the tenant's run may overwrite: those that platform.yaml gives it, as
--- long as somebody rotates them.
---@param tenant table
---@return string[]
function M.rotated(tenant)
  local kubernetes, found = tenant.platform.kubernetes, {}
  local given = type(kubernetes.rotate) == "table" and kubernetes.rotate or {}
  for _, name in ipairs { kubernetes.postgres_secret, kubernetes.vault_secret } do
    if given[name] == tenant.name then found[#found + 1] = name end
  end
  table.sort(found)
  return found
end

return M
