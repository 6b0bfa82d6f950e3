-- Server-side apply, as o2x changes objects: who manages what, conflicts, take-overs, dry runs. See objects.lua for the
-- fields.

local json = require "o2x.base.json"

local CORE <const> = "/api/v1/namespaces/answers/"
local APPS <const> = "/apis/apps/v1/namespaces/answers/"
local NETWORK <const> = "/apis/networking.k8s.io/v1/namespaces/answers/"
local MONITORING <const> = "/apis/monitoring.coreos.com/v1/namespaces/answers/"

local function config(data, meta)
  local metadata = { name = "applied" }
  for key, value in pairs(meta or {}) do
    metadata[key] = value
  end
  return { apiVersion = "v1", kind = "ConfigMap", metadata = metadata, data = data }
end

local function claim(size)
  return {
    apiVersion = "v1",
    kind = "PersistentVolumeClaim",
    metadata = { name = "applied", labels = { a = "1" } },
    spec = {
      accessModes = { "ReadWriteOnce" },
      storageClassName = "nowhere",
      resources = { requests = { storage = size } },
    },
  }
end

local function ingress(host)
  return {
    apiVersion = "networking.k8s.io/v1",
    kind = "Ingress",
    metadata = { name = "applied", annotations = { ["cert-manager.io/cluster-issuer"] = "x" } },
    spec = {
      rules = {
        {
          host = host,
          http = {
            paths = {
              { path = "/", pathType = "Prefix", backend = { service = { name = "web", port = { number = 80 } } } },
            },
          },
        },
      },
    },
  }
end

local function scaler(most)
  return {
    apiVersion = "autoscaling/v2",
    kind = "HorizontalPodAutoscaler",
    metadata = { name = "applied" },
    spec = { scaleTargetRef = { apiVersion = "apps/v1", kind = "Deployment", name = "none" }, maxReplicas = most },
  }
end

local function workload(containers)
  return {
    apiVersion = "apps/v1",
    kind = "Deployment",
    metadata = { name = "applied" },
    spec = {
      replicas = 0,
      selector = { matchLabels = { app = "applied" } },
      template = { metadata = { labels = { app = "applied" } }, spec = { containers = containers } },
    },
  }
end

local function rule(name, labels)
  return {
    apiVersion = "monitoring.coreos.com/v1",
    kind = "PrometheusRule",
    metadata = { name = name, labels = labels },
    spec = { groups = { { name = "g", rules = { { alert = "a", expr = "up == 0" } } } } },
  }
end

local function apply(path, object, more)
  local case = { "PATCH", path, object, type = "apply" }
  for name, value in pairs(more or {}) do
    case[name] = value
  end
  return case
end

return {
  apply(CORE .. "configmaps/applied", config { a = "1" }, { why = "without a manager" }),
  apply(CORE .. "configmaps/applied?fieldManager=o2x&dryRun=All", config { a = "1" }),
  apply(
    CORE .. "configmaps/applied?fieldManager=o2x",
    config { a = "1" },
    { keep = { rv = "metadata.resourceVersion" } }
  ),
  apply(CORE .. "configmaps/applied?fieldManager=o2x", config { a = "1" }, { why = "again" }),
  apply(CORE .. "configmaps/applied?fieldManager=other", config { a = "2" }, { why = "a conflict" }),
  apply(
    CORE .. "configmaps/applied?fieldManager=other",
    config { a = "1", b = "1" },
    { why = "the same value is shared" }
  ),
  apply(CORE .. "configmaps/applied?fieldManager=other&force=true", config { a = "2", b = "1" }),
  apply(CORE .. "configmaps/applied?fieldManager=o2x", config { a = "1", b = "2" }, { why = "two conflicts" }),
  apply(CORE .. "configmaps/applied?fieldManager=o2x", config({}), { why = "gives up what it had" }),
  apply(
    CORE .. "configmaps/applied?fieldManager=o2x",
    config({ c = "1" }, { resourceVersion = "%{rv}" }),
    { why = "stale" }
  ),
  apply(CORE .. "configmaps/applied?fieldManager=o2x", config({ c = "1" }, { labels = { x = "y" } })),
  apply(CORE .. "configmaps/applied?fieldManager=o2x", config({ c = "1" }, { managedFields = json.array {} })),
  apply(
    CORE .. "configmaps/applied?fieldManager=o2x",
    config { c = json.null },
    { differs = "null: Go makes the empty text of it" }
  ),
  apply(
    CORE .. "configmaps/applied?fieldManager=o2x",
    config({ c = "1" }, { name = "another" }),
    { why = "of another name" }
  ),
  apply(CORE .. "configmaps/applied?fieldManager=o2x", { metadata = { name = "applied" } }, { why = "without a kind" }),
  apply(
    CORE .. "configmaps/applied?fieldManager=o2x",
    { apiVersion = "v1", kind = "Secret", metadata = { name = "applied" } }
  ),
  apply(
    CORE .. "configmaps/applied?fieldManager=o2x&fieldValidation=Strict",
    { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "applied" }, dato = {} }
  ),
  apply(CORE .. "configmaps/applied?fieldManager=o2x", "{ nonsense: ["),
  { "PUT", CORE .. "configmaps/applied", config { a = "3" } },
  apply(CORE .. "configmaps/applied?fieldManager=o2x", config { a = "4" }, { why = "a conflict with an update" }),
  {
    "PATCH",
    CORE .. "configmaps/applied",
    { metadata = { managedFields = json.array {} } },
    type = "merge",
    why = "who manages it, by hand",
  },
  apply(
    CORE .. "configmaps/uid?fieldManager=o2x",
    config({}, { name = "uid", uid = "11111111-1111-1111-1111-111111111111" })
  ),
  apply("/api/v1/namespaces/absent/configmaps/applied?fieldManager=o2x", config { a = "1" }),
  apply(
    CORE .. "secrets/applied?fieldManager=o2x",
    { apiVersion = "v1", kind = "Secret", metadata = { name = "applied" }, type = "Opaque", data = { a = "MQ==" } }
  ),
  apply(
    CORE .. "secrets/applied?fieldManager=o2x",
    { apiVersion = "v1", kind = "Secret", metadata = { name = "applied" }, stringData = { b = "1" } }
  ),
  apply(CORE .. "persistentvolumeclaims/applied?fieldManager=o2x", claim "1Gi"),
  apply(
    CORE .. "persistentvolumeclaims/applied?fieldManager=o2x",
    claim "2Gi",
    { why = "of a claim that is not bound" }
  ),
  apply(NETWORK .. "ingresses/applied?fieldManager=o2x", ingress "a.example.com"),
  apply(NETWORK .. "ingresses/applied?fieldManager=o2x", ingress "A_b", { why = "no host" }),
  apply("/apis/autoscaling/v2/namespaces/answers/horizontalpodautoscalers/applied?fieldManager=o2x", scaler(3)),
  apply("/apis/autoscaling/v2/namespaces/answers/horizontalpodautoscalers/applied?fieldManager=o2x", scaler(0)),
  apply(
    APPS .. "deployments/applied?fieldManager=o2x",
    workload { { name = "a", image = "i:1" }, { name = "b", image = "i:1" } }
  ),
  apply(
    APPS .. "deployments/applied?fieldManager=o2x",
    workload { { name = "b", image = "i:2" } },
    { why = "takes away what it had" }
  ),
  apply(
    APPS .. "deployments/applied?fieldManager=other",
    workload { { name = "b", image = "i:3" } },
    { why = "a conflict in a list" }
  ),
  apply(
    APPS .. "deployments/applied?fieldManager=other",
    workload { { image = "i:3" } },
    { why = "an item without its key" }
  ),
  apply(APPS .. "deployments/applied?fieldManager=other", workload { { name = "c" } }, { why = "without an image" }),
  apply(
    APPS .. "deployments/applied?fieldManager=other",
    workload { { name = "c", image = "1" }, { name = "c", image = "2" } },
    { why = "twice" }
  ),
  apply(MONITORING .. "prometheusrules/applied?fieldManager=o2x", rule "applied"),
  apply(MONITORING .. "prometheusrules/applied?fieldManager=o2x", rule("applied", { a = "1" })),
  apply(MONITORING .. "prometheusrules/applied?fieldManager=other", rule("applied", { a = "2" })),
  {
    "PATCH",
    MONITORING .. "prometheusrules/applied",
    { metadata = { labels = { b = "1" } } },
    type = "strategic",
    why = "of a custom resource",
  },
  { "PATCH", MONITORING .. "prometheusrules/applied", { metadata = { labels = { b = "1" } } }, type = "merge" },
  {
    "POST",
    MONITORING .. "prometheusrules",
    { apiVersion = "monitoring.coreos.com/v1", kind = "Other", metadata = { name = "x" } },
  },
  { "POST", MONITORING .. "prometheusrules", rule "applied" },
  { "PUT", MONITORING .. "prometheusrules/applied", rule "applied", why = "without a version" },
  { "DELETE", MONITORING .. "prometheusrules/applied" },
}
