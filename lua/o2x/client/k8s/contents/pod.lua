--- The fields of a pod that a run may write: what Kubernetes' Pod Security Standards call "baseline", and references to
--- the tenant's own objects only. No access to the node, to devices, to other pods' scheduling.

local reference = require "o2x.client.k8s.contents.reference"
local rule = require "o2x.client.k8s.contents.rule"

local M = {}

local any, list, map, one_of, plain = rule.any, rule.list, rule.map, rule.one_of, rule.plain
local name, secret, text = reference.name, reference.secret, reference.text

local function number_above_zero(check, path, item)
  if math.type(item) ~= "integer" or item < 1 then check:refuse(path, "may only be a whole number above 0") end
end

-- ---- volumes ----

local ITEMS <const> = list(map { key = plain, path = plain, mode = plain })
local FIELD_REF <const> = map { apiVersion = plain, fieldPath = plain }
local RESOURCE_REF <const> = map { containerName = plain, resource = plain, divisor = plain }
local DOWNWARD <const> = list(map { path = plain, mode = plain, fieldRef = FIELD_REF, resourceFieldRef = RESOURCE_REF })
local CONFIG_FILES <const> = map { name = name, items = ITEMS, optional = plain }
local SECRET_FILES <const> = map { name = secret, items = ITEMS, optional = plain }

local VOLUME <const> = map {
  name = plain,
  emptyDir = map { medium = one_of("", "Memory"), sizeLimit = plain },
  configMap = map { name = name, items = ITEMS, optional = plain, defaultMode = plain },
  secret = map { secretName = secret, items = ITEMS, optional = plain, defaultMode = plain },
  persistentVolumeClaim = map { claimName = name, readOnly = plain },
  downwardAPI = map { items = DOWNWARD, defaultMode = plain },
  projected = map {
    defaultMode = plain,
    sources = list(map { configMap = CONFIG_FILES, secret = SECRET_FILES, downwardAPI = map { items = DOWNWARD } }),
  },
}

-- ---- containers ----

local CONFIG_KEY <const> = map { name = name, key = plain, optional = plain }
local SECRET_KEY <const> = map { name = secret, key = plain, optional = plain }

local ENV <const> = list(map {
  name = plain,
  value = text,
  valueFrom = map {
    secretKeyRef = SECRET_KEY,
    configMapKeyRef = CONFIG_KEY,
    fieldRef = FIELD_REF,
    resourceFieldRef = RESOURCE_REF,
  },
})

-- Without httpGet.host and tcpSocket.host: the kubelet would send the request, from the node.
local HANDLER <const> = {
  exec = map { command = list(text) },
  httpGet = map {
    path = plain,
    port = plain,
    scheme = plain,
    httpHeaders = list(map { name = plain, value = text }),
  },
  tcpSocket = map { port = plain },
  grpc = map { port = plain, service = plain },
  sleep = map { seconds = plain },
}

local PROBE <const> = map {
  exec = HANDLER.exec,
  httpGet = HANDLER.httpGet,
  tcpSocket = HANDLER.tcpSocket,
  grpc = HANDLER.grpc,
  initialDelaySeconds = plain,
  timeoutSeconds = plain,
  periodSeconds = plain,
  successThreshold = plain,
  failureThreshold = plain,
  terminationGracePeriodSeconds = plain,
}

local SECCOMP <const> = map { type = one_of "RuntimeDefault" }

local CONTAINER_SECURITY <const> = map {
  allowPrivilegeEscalation = one_of(false),
  privileged = one_of(false),
  procMount = one_of "Default",
  capabilities = map { drop = list(plain), add = list(one_of "NET_BIND_SERVICE") },
  readOnlyRootFilesystem = plain,
  runAsNonRoot = plain,
  runAsUser = number_above_zero,
  runAsGroup = plain,
  seccompProfile = SECCOMP,
  appArmorProfile = SECCOMP,
}

local CONTAINER <const> = map {
  name = plain,
  image = plain,
  imagePullPolicy = plain,
  command = list(text),
  args = list(text),
  workingDir = plain,
  ports = list(map { name = plain, containerPort = plain, protocol = plain, hostPort = one_of(0) }),
  env = ENV,
  envFrom = list(map {
    prefix = plain,
    configMapRef = map { name = name, optional = plain },
    secretRef = map { name = secret, optional = plain },
  }),
  resources = map { limits = rule.entries(plain), requests = rule.entries(plain) },
  volumeMounts = list(map {
    name = plain,
    mountPath = plain,
    subPath = plain,
    subPathExpr = plain,
    readOnly = plain,
    recursiveReadOnly = plain,
    mountPropagation = one_of "None",
  }),
  livenessProbe = PROBE,
  readinessProbe = PROBE,
  startupProbe = PROBE,
  lifecycle = map { postStart = map(HANDLER), preStop = map(HANDLER) },
  securityContext = CONTAINER_SECURITY,
  restartPolicy = plain,
  stdin = plain,
  stdinOnce = plain,
  tty = plain,
  terminationMessagePath = plain,
  terminationMessagePolicy = plain,
}

-- ---- scheduling ----

-- The selectors too: a pod that refuses to run beside another tenant's keeps that one from its node.
local POD_TERM <const> = map {
  labelSelector = reference.label_selector,
  topologyKey = plain,
  namespaces = list(reference.namespace),
  matchLabelKeys = any,
  mismatchLabelKeys = any,
}
local POD_TERMS <const> = map {
  requiredDuringSchedulingIgnoredDuringExecution = list(POD_TERM),
  preferredDuringSchedulingIgnoredDuringExecution = list(map { weight = plain, podAffinityTerm = POD_TERM }),
}

local SPREAD <const> = map {
  maxSkew = plain,
  minDomains = plain,
  topologyKey = plain,
  whenUnsatisfiable = plain,
  labelSelector = reference.label_selector,
  matchLabelKeys = any,
  nodeAffinityPolicy = plain,
  nodeTaintsPolicy = plain,
}

-- ---- pods ----

local POD_SECURITY <const> = map {
  runAsNonRoot = plain,
  runAsUser = number_above_zero,
  runAsGroup = plain,
  fsGroup = plain,
  fsGroupChangePolicy = plain,
  supplementalGroups = list(plain),
  supplementalGroupsPolicy = plain,
  seccompProfile = SECCOMP,
  appArmorProfile = SECCOMP,
}

local SPEC <const> = map {
  containers = list(CONTAINER),
  initContainers = list(CONTAINER),
  volumes = list(VOLUME),
  restartPolicy = plain,
  terminationGracePeriodSeconds = plain,
  activeDeadlineSeconds = plain,
  securityContext = POD_SECURITY,
  serviceAccountName = reference.account,
  serviceAccount = reference.account,
  automountServiceAccountToken = plain,
  imagePullSecrets = list(map { name = secret }),
  hostNetwork = one_of(false),
  hostPID = one_of(false),
  hostIPC = one_of(false),
  hostUsers = one_of(false),
  shareProcessNamespace = plain,
  hostname = plain,
  subdomain = name,
  setHostnameAsFQDN = plain,
  hostAliases = list(map { ip = plain, hostnames = list(plain) }),
  dnsPolicy = one_of("ClusterFirst", "Default", "None"),
  dnsConfig = any,
  enableServiceLinks = plain,
  nodeSelector = rule.entries(plain),
  affinity = map { nodeAffinity = any, podAffinity = POD_TERMS, podAntiAffinity = POD_TERMS },
  topologySpreadConstraints = list(SPREAD),
  priorityClassName = reference.class,
  schedulerName = one_of "default-scheduler",
  os = map { name = plain },
}

--- A pod template: of a Deployment, a Job …
M.template = map {
  metadata = map {
    name = plain,
    labels = reference.labels,
    annotations = reference.annotations,
  },
  spec = SPEC,
}

return M
