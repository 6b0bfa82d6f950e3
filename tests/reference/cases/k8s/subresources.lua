-- Subresources, validation, admission defaults, finalizers, propagation. See objects.lua for the fields.

local json = require "o2x.base.json"

local CORE <const> = "/api/v1/namespaces/answers/"
local APPS <const> = "/apis/apps/v1/namespaces/answers/"
local BATCH <const> = "/apis/batch/v1/namespaces/answers/"

local function deployment(name, change)
  local labels = { app = name }
  local object = {
    apiVersion = "apps/v1",
    kind = "Deployment",
    metadata = { name = name },
    spec = {
      replicas = 0,
      selector = { matchLabels = labels },
      template = { metadata = { labels = labels }, spec = { containers = { { name = "main", image = "i:1" } } } },
    },
  }
  if change then change(object, object.spec.template.spec.containers[1]) end
  return object
end

local function wrong(change, why)
  return { "POST", APPS .. "deployments?dryRun=All", deployment("wrong", change), why = why }
end

local function object(kind, spec, meta)
  local metadata = { name = "o" }
  for key, value in pairs(meta or {}) do
    metadata[key] = value
  end
  return { kind = kind, apiVersion = "v1", metadata = metadata, spec = spec }
end

return {
  { "POST", APPS .. "deployments", deployment "s", keep = { rv = "metadata.resourceVersion" } },
  { "GET", APPS .. "deployments/s/scale", settled = "metadata.uid" },
  {
    "PATCH",
    APPS .. "deployments/s/scale?fieldManager=o2x",
    { metadata = { resourceVersion = "1" }, spec = { replicas = 2 } },
    type = "merge",
    why = "stale",
  },
  { "PATCH", APPS .. "deployments/s/scale?fieldManager=o2x", { spec = { replicas = -1 } }, type = "merge" },
  { "PATCH", APPS .. "deployments/s/scale?fieldManager=o2x&dryRun=All", { spec = { replicas = 2 } }, type = "merge" },
  { "PATCH", APPS .. "deployments/s/scale?fieldManager=o2x", { spec = { replicas = "x" } }, type = "merge" },
  { "GET", APPS .. "deployments/s/status", settled = "status.observedGeneration" },
  { "GET", APPS .. "deployments/s/nothing" },
  { "PATCH", APPS .. "deployments/s", { spec = { replicas = "x" } }, type = "merge" },
  { "PATCH", APPS .. "deployments/s", { spec = { replicas = -1 } }, type = "merge" },
  wrong(function(_, c) c.image = nil end, "no image"),
  wrong(function(_, c) c.name = "Upper" end, "a container's name"),
  wrong(function(_, c) c.ports = { { containerPort = 0 } } end, "no port"),
  wrong(function(_, c) c.ports = { { containerPort = 70000 } } end, "a port too high"),
  wrong(function(_, c) c.env = { { name = "", value = "1" } } end, "a variable without a name"),
  wrong(function(_, c) c.resources = { limits = { cpu = "x" } } end, "no quantity"),
  wrong(function(_, c) c.resources = { limits = { cpu = "1" }, requests = { cpu = "2" } } end, "more than the limit"),
  wrong(function(_, c) c.imagePullPolicy = "Sometimes" end, "an unknown policy"),
  wrong(function(_, c) c.volumeMounts = { { name = "v", mountPath = "/v" } } end, "a mount without its volume"),
  wrong(function(o) o.spec.selector = nil end, "no selector"),
  wrong(function(o) o.spec.template.metadata.labels = { app = "x" } end, "other labels"),
  wrong(function(o) o.spec.replicas = -1 end, "negative replicas"),
  wrong(function(o) o.metadata.name = "Upper" end, "a name"),
  wrong(function(o) o.metadata.labels = { a = "not a value" } end, "a label's value"),
  wrong(function(o) o.metadata.labels = { ["a b"] = "1" } end, "a label's key"),
  wrong(function(o) o.spec.template.spec.restartPolicy = "Never" end, "a restart policy"),
  wrong(function(o) o.spec.template.spec.containers = json.array {} end, "no containers"),
  wrong(function(o) o.spec.nothing = 1 end, "an unknown field"),
  { "POST", CORE .. "services?dryRun=All", object("Service", { ports = { { port = 0 } } }) },
  { "POST", CORE .. "services?dryRun=All", object("Service", {}), why = "no ports" },
  { "POST", CORE .. "services?dryRun=All", object("Service", { ports = { { port = 80, protocol = "X" } } }) },
  { "POST", CORE .. "services?dryRun=All", object("Service", { ports = { { port = 80 } } }, { name = "1a" }) },
  {
    "POST",
    CORE .. "configmaps?dryRun=All",
    { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "o" }, data = { ["a b"] = "1" } },
  },
  { "POST", CORE .. "configmaps?dryRun=All", { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "a_b" } } },
  {
    "POST",
    CORE .. "persistentvolumeclaims?dryRun=All",
    object("PersistentVolumeClaim", { accessModes = { "ReadWriteOnce" } }),
  },
  { "POST", "/api/v1/namespaces?dryRun=All", { apiVersion = "v1", kind = "Namespace", metadata = { name = "A" } } },
  {
    "POST",
    BATCH .. "cronjobs?dryRun=All",
    {
      apiVersion = "batch/v1",
      kind = "CronJob",
      metadata = { name = "c" },
      spec = {
        schedule = "never",
        jobTemplate = {
          spec = { template = { spec = { restartPolicy = "Never", containers = { { name = "a", image = "i" } } } } },
        },
      },
    },
  },
  {
    "POST",
    BATCH .. "cronjobs?dryRun=All",
    {
      apiVersion = "batch/v1",
      kind = "CronJob",
      metadata = { name = "c" },
      spec = {
        schedule = "0 0 1 1 *",
        jobTemplate = {
          spec = { template = { spec = { restartPolicy = "Never", containers = { { name = "a", image = "i" } } } } },
        },
      },
    },
  },
  {
    "POST",
    BATCH .. "jobs?dryRun=All",
    {
      apiVersion = "batch/v1",
      kind = "Job",
      metadata = { name = "j" },
      spec = { template = { spec = { containers = { { name = "a", image = "i" } } } } },
    },
    why = "always restarted",
  },
  -- finalizers
  {
    "POST",
    CORE .. "configmaps",
    { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "held", finalizers = { "example.com/held" } } },
  },
  { "DELETE", CORE .. "configmaps/held" },
  { "DELETE", CORE .. "configmaps/held", why = "again" },
  {
    "PATCH",
    CORE .. "configmaps/held",
    { metadata = { finalizers = { "example.com/held", "example.com/more" } } },
    type = "merge",
    why = "a new finalizer of what is being deleted",
  },
  { "PATCH", CORE .. "configmaps/held", { metadata = { finalizers = {} } }, type = "json-patch", why = "no list" },
  { "PATCH", CORE .. "configmaps/held", { { op = "remove", path = "/metadata/finalizers" } }, type = "json-patch" },
  { "GET", CORE .. "configmaps/held" },
  { "DELETE", APPS .. "deployments/s?propagationPolicy=Sideways" },
  { "DELETE", APPS .. "deployments/s?propagationPolicy=Foreground" },
  -- pods
  { "GET", CORE .. "pods?labelSelector=none%3D1" },
  {
    "POST",
    CORE .. "pods/absent/eviction",
    { apiVersion = "policy/v1", kind = "Eviction", metadata = { name = "absent" } },
  },
  {
    "POST",
    CORE .. "pods?dryRun=All",
    object("Pod", { containers = { { name = "a", image = "i" } } }),
    differs = "no token is mounted, and there are no priorities and tolerations",
  },
  {
    "POST",
    CORE .. "serviceaccounts/absent/token",
    { apiVersion = "authentication.k8s.io/v1", kind = "TokenRequest", spec = {} },
  },
  {
    "POST",
    CORE .. "serviceaccounts/default/token",
    { apiVersion = "authentication.k8s.io/v1", kind = "TokenRequest", spec = { expirationSeconds = 5 } },
  },
}
