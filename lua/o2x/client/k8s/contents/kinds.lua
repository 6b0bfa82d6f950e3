--- What a run may write in objects of each kind. A kind that is not here is never written: nobody has said yet what in
--- it may reach beyond the tenant. The platform's list (grants().k8s.contents.kinds) chooses among these.

local pod = require "o2x.client.k8s.contents.pod"
local reference = require "o2x.client.k8s.contents.reference"
local rule = require "o2x.client.k8s.contents.rule"

local any, entries, list, map, one_of, plain = rule.any, rule.entries, rule.list, rule.map, rule.one_of, rule.plain
local name = reference.name

local function metadata(labels, annotations)
  return map {
    name = plain,
    namespace = plain,
    labels = labels,
    annotations = annotations,
    resourceVersion = plain, -- binds a change to a version
  }
end

-- The server ignores the status of what is written.
local function object(fields, labels)
  fields.apiVersion, fields.kind, fields.status = plain, plain, any
  local listed = labels == reference.listed_labels
  fields.metadata =
    metadata(labels or reference.labels, listed and reference.listed_annotations or reference.annotations)
  return map(fields)
end

-- ---- workloads ----

local DEPLOYMENT <const> = map {
  replicas = plain,
  selector = reference.label_selector,
  template = pod.template,
  strategy = any,
  minReadySeconds = plain,
  revisionHistoryLimit = plain,
  progressDeadlineSeconds = plain,
  paused = plain,
}

-- Without volumeName, selector and dataSource: those take volumes that others left, or copy others' claims.
local CLAIM <const> = map {
  accessModes = list(plain),
  resources = map { requests = entries(plain), limits = entries(plain) },
  storageClassName = reference.class,
  volumeMode = plain,
}

local STATEFUL_SET <const> = map {
  replicas = plain,
  selector = reference.label_selector,
  template = pod.template,
  serviceName = name,
  podManagementPolicy = plain,
  updateStrategy = any,
  minReadySeconds = plain,
  revisionHistoryLimit = plain,
  ordinals = any,
  persistentVolumeClaimRetentionPolicy = any,
  volumeClaimTemplates = list(map {
    apiVersion = plain,
    kind = one_of "PersistentVolumeClaim",
    metadata = map { name = plain, labels = reference.labels, annotations = reference.annotations },
    spec = CLAIM,
    status = any,
  }),
}

-- Without selector and manualSelector: the server selects a job's own pods.
local JOB <const> = map {
  template = pod.template,
  parallelism = plain,
  completions = plain,
  completionMode = plain,
  backoffLimit = plain,
  backoffLimitPerIndex = plain,
  maxFailedIndexes = plain,
  activeDeadlineSeconds = plain,
  ttlSecondsAfterFinished = plain,
  suspend = plain,
  podReplacementPolicy = plain,
  podFailurePolicy = any,
}

local CRON_JOB <const> = map {
  schedule = plain,
  timeZone = plain,
  concurrencyPolicy = plain,
  startingDeadlineSeconds = plain,
  successfulJobsHistoryLimit = plain,
  failedJobsHistoryLimit = plain,
  suspend = plain,
  jobTemplate = map {
    metadata = map { labels = reference.labels, annotations = reference.annotations },
    spec = JOB,
  },
}

local METRIC <const> = map {
  name = plain,
  container = plain,
  target = map { type = plain, value = plain, averageValue = plain, averageUtilization = plain },
}

local AUTOSCALER <const> = map({
  scaleTargetRef = map({ apiVersion = plain, kind = one_of("Deployment", "StatefulSet"), name = name }, { "name" }),
  minReplicas = plain,
  maxReplicas = plain,
  targetCPUUtilizationPercentage = plain,
  behavior = any,
  metrics = list(map {
    type = one_of("Resource", "ContainerResource"),
    resource = METRIC,
    containerResource = METRIC,
  }),
}, { "scaleTargetRef" })

local BUDGET <const> = map({
  selector = reference.label_selector,
  minAvailable = plain,
  maxUnavailable = plain,
  unhealthyPodEvictionPolicy = plain,
}, { "selector" })

-- ---- how clients reach the pods ----

local SERVICE_FIELDS <const> = {
  type = one_of("ClusterIP", "ExternalName"),
  selector = reference.selector,
  externalName = reference.host,
  ports = list(map {
    name = plain,
    port = plain,
    targetPort = plain,
    protocol = plain,
    appProtocol = plain,
    nodePort = one_of(0),
  }),
  clusterIP = one_of("None", ""),
  sessionAffinity = plain,
  sessionAffinityConfig = any,
  publishNotReadyAddresses = plain,
  internalTrafficPolicy = plain,
  trafficDistribution = plain,
  ipFamilies = list(plain),
  ipFamilyPolicy = plain,
}
local SERVICE <const> = map(SERVICE_FIELDS, { "selector" })
local EXTERNAL <const> = map(SERVICE_FIELDS, { "externalName" })

local function service(check, path, item)
  local external = type(item) == "table" and item.type == "ExternalName"
  return (external and EXTERNAL or SERVICE)(check, path, item)
end

local BACKEND <const> = map(
  { service = map { name = name, port = map { name = plain, number = plain } } },
  { "service" }
)

local INGRESS <const> = map {
  ingressClassName = reference.class,
  defaultBackend = BACKEND,
  tls = list(map({ hosts = list(reference.host), secretName = name }, { "hosts" })),
  rules = list(map({
    host = reference.host,
    http = map { paths = list(map({ path = reference.path, pathType = plain, backend = BACKEND }, { "backend" })) },
  }, { "host" })),
}

-- ---- data ----

local SECRET <const> = {
  type = one_of(
    "Opaque",
    "kubernetes.io/tls",
    "kubernetes.io/dockerconfigjson",
    "kubernetes.io/basic-auth",
    "kubernetes.io/ssh-auth"
  ),
  data = entries(plain),
  stringData = entries(plain),
  immutable = plain,
}

-- Of the keys too: Grafana's sidecar makes files of them, in one folder for all tenants.
local CONFIG_MAP <const> = {
  data = entries(reference.text, reference.text),
  binaryData = entries(reference.encoded, reference.text),
  immutable = plain,
}

local ACCOUNT <const> = {
  automountServiceAccountToken = plain,
  secrets = list(map { name = reference.secret }),
  imagePullSecrets = list(map { name = reference.secret }),
}

-- ---- monitoring ----

-- Without bearerTokenFile, basicAuth, tlsConfig (they would send Prometheus' own credentials) and relabelings (they
-- would make one tenant's series another's).
local MONITOR <const> = map({
  selector = reference.label_selector,
  namespaceSelector = map { matchNames = list(reference.namespace), any = one_of(false) },
  endpoints = list(map {
    port = plain,
    targetPort = plain,
    path = plain,
    scheme = plain,
    interval = plain,
    scrapeTimeout = plain,
    honorTimestamps = plain,
  }),
  jobLabel = plain,
  targetLabels = list(plain),
  podTargetLabels = list(plain),
  sampleLimit = plain,
}, { "selector" })

-- Without `record`: a recorded series is everybody's.
local RULES <const> = map {
  groups = list(map {
    name = plain,
    interval = plain,
    limit = plain,
    rules = list(map({
      alert = plain,
      expr = reference.expression,
      ["for"] = plain,
      keep_firing_for = plain,
      labels = reference.labels,
      annotations = entries(plain),
    }, { "alert", "expr" })),
  }),
}

---@type table<string, o2x.k8s.rule> by "KIND.group", "KIND" in the core group
return {
  ["Deployment.apps"] = object { spec = DEPLOYMENT },
  ["StatefulSet.apps"] = object { spec = STATEFUL_SET },
  ["Job.batch"] = object { spec = JOB },
  ["CronJob.batch"] = object { spec = CRON_JOB },
  ["HorizontalPodAutoscaler.autoscaling"] = object { spec = AUTOSCALER },
  ["PodDisruptionBudget.policy"] = object { spec = BUDGET },
  ["Service"] = object { spec = service },
  ["Ingress.networking.k8s.io"] = object { spec = INGRESS },
  ["ConfigMap"] = object(CONFIG_MAP, reference.listed_labels),
  ["Secret"] = object(SECRET, reference.listed_labels),
  ["ServiceAccount"] = object(ACCOUNT),
  ["PersistentVolumeClaim"] = object { spec = CLAIM },
  ["ServiceMonitor.monitoring.coreos.com"] = object { spec = MONITOR },
  ["PrometheusRule.monitoring.coreos.com"] = object { spec = RULES },
}
