--- What somebody did by hand to newclient's objects in the cluster and its queues: seeds as in tests/support/seeds.lua.

local json = require "o2x.base.json"

local function release(name) return { { "different", "release newclient-" .. name, "helm.release" } } end

local function patch(name, spec)
  return { "kubectl", "patch", "deployment", "newclient-" .. name, "--type=merge", "-p", json.encode { spec = spec } }
end

local function pod(name, spec) return patch(name, { template = { spec = spec } }) end

local function command_of(name)
  local container = json.encode { containers = { { name = name, command = { "sleep" } } } }
  local whole = ('{"spec":{"template":{"spec":%s}}}'):format(container)
  return { "kubectl", "patch", "deployment", "newclient-" .. name, "--type=strategic", "-p", whole }
end

-- An object that somebody made for the tenant.
local function made(api, kind, spec, namespace)
  local object = {
    apiVersion = api,
    kind = kind,
    metadata = { name = "newclient-extra", namespace = namespace or "default", labels = { tenant = "newclient" } },
    spec = spec,
  }
  return function(lab)
    local result = lab:run({ "kubectl", "create", "-f", "-" }, { stdin = json.encode(object) })
    assert(result.code == 0, result.stderr)
  end
end

local function extra(kind, namespace)
  return { { "left over", ("%s %s/newclient-extra"):format(kind, namespace or "default"), "k8s.object" } }
end

local LABELS <const> = { app = "extra" }
local POD <const> = { metadata = { labels = LABELS }, spec = { containers = { { name = "x", image = "x" } } } }

return {
  { what = "deployment paused", by = patch("service-payment", { paused = true }), finds = release "service-payment" },
  { what = "command edited", by = command_of "service-usage", finds = release "service-usage" },
  {
    what = "host's network",
    by = pod("service-billing", { hostNetwork = true }),
    finds = release "service-billing",
  },
  {
    what = "service account edited",
    by = pod("service-revenue", { serviceAccountName = "other" }),
    finds = release "service-revenue",
  },
  {
    what = "environment edited",
    by = { "kubectl", "set", "env", "deployment/newclient-service-invoice", "TENANT_ID=TIDLT-100002" },
    finds = release "service-invoice",
  },
  {
    what = "environment extra",
    by = { "kubectl", "set", "env", "deployment/newclient-service-mediation", "EXTRA=1" },
    finds = release "service-mediation",
  },
  {
    what = "deployment extra",
    by = made("apps/v1", "Deployment", { selector = { matchLabels = LABELS }, template = POD }),
    finds = extra "Deployment",
    also = { "All pods" },
  },
  {
    what = "network policy extra",
    by = made("networking.k8s.io/v1", "NetworkPolicy", { podSelector = { matchLabels = { tenant = "newclient" } } }),
    finds = extra "NetworkPolicy",
  },
  {
    what = "disruption budget extra",
    by = made("policy/v1", "PodDisruptionBudget", { minAvailable = 1, selector = { matchLabels = LABELS } }),
    finds = extra "PodDisruptionBudget",
  },
  {
    what = "claim extra",
    by = made("v1", "PersistentVolumeClaim", {
      accessModes = { "ReadWriteMany" },
      storageClassName = "efs-sc",
      resources = { requests = { storage = "1Gi" } },
    }),
    finds = extra "PersistentVolumeClaim",
  },
  {
    what = "service monitor extra",
    by = made("monitoring.coreos.com/v1", "ServiceMonitor", {
      selector = { matchLabels = LABELS },
      endpoints = { { port = "metrics" } },
    }, "monitoring"),
    finds = extra("ServiceMonitor", "monitoring"),
  },
}
