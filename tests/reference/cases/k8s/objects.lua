-- What o2x, helm and the runbooks send most: objects read, made, changed and removed one by one, and what a client
-- gets wrong. { METHOD, path, body?, type?, accept?, keep = { name = path in the answer }?, why? }

local json = require "o2x.base.json"

local CORE <const> = "/api/v1/namespaces/answers/"
local APPS <const> = "/apis/apps/v1/namespaces/answers/"

local function config(name, data, meta)
  local metadata = { name = name }
  for key, value in pairs(meta or {}) do
    metadata[key] = value
  end
  return { apiVersion = "v1", kind = "ConfigMap", metadata = metadata, data = data }
end

local function deployment(name, change)
  local labels = { app = name }
  local object = {
    apiVersion = "apps/v1",
    kind = "Deployment",
    metadata = { name = name, labels = labels },
    spec = {
      replicas = 0,
      selector = { matchLabels = labels },
      template = {
        metadata = { labels = labels },
        spec = {
          containers = {
            {
              name = "main",
              image = "registry.example.com/app:1",
              ports = { { containerPort = 8080, name = "http" } },
              env = { { name = "A", value = "1" }, { name = "B", value = "2" } },
              resources = { limits = { cpu = "1000m", memory = "1024Mi" }, requests = { cpu = 0.5 } },
              readinessProbe = { httpGet = { path = "/health", port = "http" } },
            },
          },
        },
      },
    },
  }
  if change then change(object) end
  return object
end

local function service(name, change)
  local object = {
    apiVersion = "v1",
    kind = "Service",
    metadata = { name = name },
    spec = { selector = { app = name }, ports = { { port = 80, targetPort = "http" } } },
  }
  if change then change(object) end
  return object
end

return {
  -- not there
  { "GET", APPS .. "deployments/absent" },
  { "GET", CORE .. "secrets/absent" },
  { "GET", CORE .. "services/absent" },
  { "GET", "/apis/autoscaling/v2/namespaces/answers/horizontalpodautoscalers/absent" },
  { "GET", "/apis/networking.k8s.io/v1/namespaces/answers/ingresses/absent" },
  { "GET", "/apis/cert-manager.io/v1/namespaces/answers/certificates/absent" },
  { "GET", "/apis/batch/v1/namespaces/answers/cronjobs/absent" },
  { "GET", "/api/v1/namespaces/absent" },
  { "GET", "/api/v1/namespaces/absent/configmaps/x" },
  { "GET", "/api/v1/namespaces/absent/configmaps", why = "a list in no namespace" },
  { "GET", CORE .. "nothings/x", why = "no such resource" },
  { "GET", "/apis/nobody.io/v1/things", why = "no such group" },
  { "GET", "/apis/apps/v9/deployments", why = "no such version" },
  { "GET", "/nothing" },
  { "GET", CORE .. "pods/absent/log" },
  { "GET", APPS .. "deployments/absent/scale" },
  { "GET", CORE .. "services/absent/proxy/health" },
  { "DELETE", CORE .. "configmaps/absent" },
  { "PUT", CORE .. "configmaps/absent", config("absent", { a = "1" }) },
  { "PATCH", CORE .. "configmaps/absent", { data = { a = "1" } }, type = "merge" },
  { "POST", "/api/v1/namespaces/absent/configmaps", config("x", {}) },
  { "GET", "/version", differs = "gitCommit and gitTreeState are those of a build" },
  { "GET", "/healthz" },
  { "GET", "/readyz" },
  { "GET", "/livez" },
  { "GET", "/api/v1/namespaces/answers" },
  -- a ConfigMap's life
  {
    "POST",
    CORE .. "configmaps",
    config("one", { a = "1" }, { labels = { x = "y" } }),
    keep = { rv = "metadata.resourceVersion", uid = "metadata.uid" },
  },
  { "POST", CORE .. "configmaps", config("one", { a = "1" }), why = "again" },
  { "GET", CORE .. "configmaps/one" },
  { "PUT", CORE .. "configmaps/one", config("one", { a = "2" }, { resourceVersion = "%{rv}" }) },
  { "PUT", CORE .. "configmaps/one", config("one", { a = "3" }, { resourceVersion = "%{rv}" }), why = "stale" },
  { "PUT", CORE .. "configmaps/one", config("one", { a = "4" }), why = "without a version" },
  { "PUT", CORE .. "configmaps/one", config("one", { a = "4" }, { uid = "11111111-1111-1111-1111-111111111111" }) },
  { "PUT", CORE .. "configmaps/one", config("other", { a = "4" }), why = "of another name" },
  {
    "PUT",
    CORE .. "configmaps/one",
    config("one", { a = "4" }, { namespace = "default" }),
    why = "of another namespace",
  },
  { "PATCH", CORE .. "configmaps/one", { data = { b = "1" } }, type = "merge" },
  { "PATCH", CORE .. "configmaps/one", { data = { a = json.null } }, type = "merge" },
  {
    "PATCH",
    CORE .. "configmaps/one",
    { metadata = { resourceVersion = "%{rv}" }, data = { b = "2" } },
    type = "merge",
    why = "stale",
  },
  { "PATCH", CORE .. "configmaps/one", { metadata = { name = "other" } }, type = "merge", why = "a new name" },
  { "PATCH", CORE .. "configmaps/one", { metadata = { labels = { z = "1" } } }, type = "strategic" },
  { "PATCH", CORE .. "configmaps/one?dryRun=All", { data = { dry = "1" } }, type = "merge" },
  { "PATCH", CORE .. "configmaps/one?dryRun=Some", { data = { dry = "1" } }, type = "merge" },
  { "PATCH", CORE .. "configmaps/one?fieldManager=me", { data = { c = "1" } }, type = "merge" },
  { "PATCH", CORE .. "configmaps/one", { { op = "add", path = "/data/d", value = "1" } }, type = "json-patch" },
  { "PATCH", CORE .. "configmaps/one", { { op = "test", path = "/data/d", value = "2" } }, type = "json-patch" },
  { "PATCH", CORE .. "configmaps/one", { { op = "remove", path = "/data/none" } }, type = "json-patch" },
  { "PATCH", CORE .. "configmaps/one", { { op = "replace", path = "/data/none", value = "1" } }, type = "json-patch" },
  { "PATCH", CORE .. "configmaps/one", { { op = "bend", path = "/data/d" } }, type = "json-patch" },
  { "PATCH", CORE .. "configmaps/one", "not JSON", type = "merge" },
  { "PATCH", CORE .. "configmaps/one", { data = { a = "1" } }, type = "application/json", why = "no patch's type" },
  { "PATCH", CORE .. "configmaps/one", { data = { a = "1" } }, type = "text/plain" },
  { "POST", CORE .. "configmaps", "a: b", type = "text/plain" },
  { "POST", CORE .. "configmaps", "not JSON" },
  { "POST", CORE .. "configmaps", config("typed", { a = 1 }), why = "a number as data" },
  {
    "POST",
    CORE .. "configmaps?fieldValidation=Strict",
    { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "typo" }, dato = {} },
  },
  {
    "POST",
    CORE .. "configmaps?dryRun=All",
    { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "typo" }, dato = {} },
  },
  { "POST", CORE .. "configmaps", { apiVersion = "v1", kind = "Secret", metadata = { name = "x" } } },
  { "POST", CORE .. "configmaps", { apiVersion = "v2", kind = "ConfigMap", metadata = { name = "x" } } },
  { "POST", CORE .. "configmaps", { apiVersion = "v1", kind = "ConfigMap", metadata = {} }, why = "without a name" },
  {
    "POST",
    CORE .. "configmaps",
    { apiVersion = "v1", kind = "ConfigMap", metadata = { generateName = "answers-generated-" } },
  },
  { "POST", CORE .. "configmaps/one", config("one", {}), why = "to an object" },
  {
    "DELETE",
    CORE .. "configmaps/one",
    { apiVersion = "v1", kind = "DeleteOptions", preconditions = { resourceVersion = "%{rv}" } },
    why = "stale",
  },
  {
    "DELETE",
    CORE .. "configmaps/one",
    { apiVersion = "v1", kind = "DeleteOptions", preconditions = { uid = "11111111-1111-1111-1111-111111111111" } },
  },
  { "DELETE", CORE .. "configmaps/one?dryRun=All" },
  {
    "DELETE",
    CORE .. "configmaps/one",
    { apiVersion = "v1", kind = "DeleteOptions", preconditions = { uid = "%{uid}" } },
  },
  { "GET", CORE .. "configmaps/one" },
  -- Secrets
  {
    "POST",
    CORE .. "secrets",
    { apiVersion = "v1", kind = "Secret", metadata = { name = "s" }, stringData = { a = "1" } },
  },
  { "PATCH", CORE .. "secrets/s", { type = "other" }, type = "merge", why = "immutable" },
  { "PATCH", CORE .. "secrets/s", { data = { a = "not base64!" } }, type = "merge" },
  { "PATCH", CORE .. "secrets/s", { immutable = true }, type = "merge" },
  { "PATCH", CORE .. "secrets/s", { data = { b = "MQ==" } }, type = "merge", why = "an immutable Secret" },
  { "DELETE", CORE .. "secrets/s" },
  -- Services
  { "POST", CORE .. "services", service("web"), keep = { rv = "metadata.resourceVersion", uid = "metadata.uid" } },
  { "POST", CORE .. "services", service("web") },
  { "PATCH", CORE .. "services/web", { spec = { ports = { { port = 81 } } } }, type = "strategic" },
  {
    "PATCH",
    CORE .. "services/web",
    { spec = { ports = { { port = 82, name = "b" } } } },
    type = "strategic",
    why = "a second port, the first without a name",
  },
  { "PATCH", CORE .. "services/web", { spec = { clusterIP = "10.0.0.77" } }, type = "merge" },
  { "PATCH", CORE .. "services/web", { spec = { type = "NodePort" } }, type = "merge" },
  { "PATCH", CORE .. "services/web", { spec = { type = "ClusterIP" } }, type = "merge" },
  { "PATCH", CORE .. "services/web", { spec = { type = "Other" } }, type = "merge" },
  {
    "DELETE",
    CORE .. "services/web",
    { apiVersion = "v1", kind = "DeleteOptions", propagationPolicy = "Foreground", preconditions = { uid = "%{uid}" } },
  },
  -- Deployments
  { "POST", APPS .. "deployments", deployment("d"), keep = { rv = "metadata.resourceVersion" } },
  { "GET", APPS .. "deployments/d", settled = "status.observedGeneration" },
  {
    "PATCH",
    APPS .. "deployments/d",
    { spec = { template = { spec = { containers = { { name = "main", image = "registry.example.com/app:2" } } } } } },
    type = "strategic",
  },
  {
    "PATCH",
    APPS .. "deployments/d",
    {
      spec = {
        template = {
          spec = {
            containers = {
              { name = "main", env = { { name = "A", ["$patch"] = "delete" }, { name = "C", value = "3" } } },
            },
          },
        },
      },
    },
    type = "strategic",
  },
  {
    "PATCH",
    APPS .. "deployments/d",
    {
      spec = {
        template = {
          spec = {
            ["$setElementOrder/containers"] = { { name = "side" }, { name = "main" } },
            containers = { { name = "side", image = "side:1" } },
          },
        },
      },
    },
    type = "strategic",
  },
  {
    "PATCH",
    APPS .. "deployments/d",
    {
      spec = {
        template = { spec = { containers = { { ["$patch"] = "replace" }, { name = "main", image = "only:1" } } } },
      },
    },
    type = "strategic",
  },
  {
    "PATCH",
    APPS .. "deployments/d",
    { metadata = { resourceVersion = "%{rv}" }, spec = { replicas = 1 } },
    type = "strategic",
    why = "stale",
  },
  { "PATCH", APPS .. "deployments/d", { spec = { selector = { matchLabels = { app = "e" } } } }, type = "merge" },
  {
    "PATCH",
    APPS .. "deployments/d",
    { spec = { strategy = { type = "Recreate" } } },
    type = "strategic",
    why = "rollingUpdate stays",
  },
  {
    "PATCH",
    APPS .. "deployments/d",
    { spec = { strategy = { ["$retainKeys"] = { "type" }, type = "Recreate" } } },
    type = "strategic",
  },
  { "PATCH", APPS .. "deployments/d", { spec = { paused = true } }, type = "merge" },
  { "DELETE", APPS .. "deployments/d" },
}
