local drift = require "o2x.client.k8s.drift"
local json = require "o2x.base.json"
local value = require "o2x.base.value"
local yaml = require "o2x.base.yaml"

-- By kind: what a chart has, and what the server makes of it.
local OBJECTS <const> = {
  Deployment = {
    [[
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, labels: {app: a}, annotations: {note: ""}, creationTimestamp: null}
spec:
  replicas: 2
  paused: false
  strategy: {type: Recreate}
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}, creationTimestamp: null}
    spec:
      hostNetwork: false
      automountServiceAccountToken: false
      serviceAccountName: ""
      nodeSelector: {disk: ssd}
      tolerations: null
      imagePullSecrets: [{name: pull}]
      securityContext: {runAsUser: 0, runAsNonRoot: false}
      initContainers: [{name: init, image: i:1}]
      containers:
      - name: app
        image: a:1
        imagePullPolicy: ""
        args: [--a, --b]
        ports: [{containerPort: 8080}, {containerPort: 8080, protocol: UDP}]
        resources: {limits: {cpu: 1000m, memory: 1024Mi}, requests: {cpu: 0.5}}
        env: [{name: A, value: x}, {name: EMPTY, value: ""}, {name: P, valueFrom: {secretKeyRef: {name: s, key: k}}}]
        readinessProbe: {httpGet: {path: /h, port: http}}
        securityContext: {allowPrivilegeEscalation: false}
        volumeMounts: [{name: d, mountPath: /d, readOnly: false}]
      volumes: [{name: d, emptyDir: {}}, {name: c, configMap: {name: c}}]
]],
    [[
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, labels: {app: a}, annotations: {note: "", deployment.kubernetes.io/revision: "3"}, uid: u}
spec:
  replicas: 2
  revisionHistoryLimit: 10
  progressDeadlineSeconds: 600
  strategy: {type: Recreate}
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      automountServiceAccountToken: false
      restartPolicy: Always
      dnsPolicy: ClusterFirst
      nodeSelector: {disk: ssd}
      imagePullSecrets: [{name: pull}]
      securityContext: {runAsUser: 0, runAsNonRoot: false}
      initContainers: [{name: init, image: "i:1", imagePullPolicy: IfNotPresent, resources: {}}]
      containers:
      - name: app
        image: a:1
        imagePullPolicy: IfNotPresent
        args: [--a, --b]
        ports: [{containerPort: 8080, protocol: TCP}, {containerPort: 8080, protocol: UDP}]
        resources: {limits: {cpu: "1", memory: 1Gi}, requests: {cpu: 500m}}
        env: [{name: A, value: x}, {name: EMPTY}, {name: P, valueFrom: {secretKeyRef: {name: s, key: k}}}]
        readinessProbe: {httpGet: {path: /h, port: http, scheme: HTTP}, periodSeconds: 10, timeoutSeconds: 1}
        securityContext: {allowPrivilegeEscalation: false}
        volumeMounts: [{name: d, mountPath: /d}]
      volumes: [{name: d, emptyDir: {}}, {name: c, configMap: {name: c, defaultMode: 420}}]
status: {replicas: 2}
]],
  },
  Service = {
    [[
apiVersion: v1
kind: Service
metadata: {name: a}
spec:
  type: ClusterIP
  clusterIP: ""
  selector: {app: a}
  ports: [{name: http, port: 80, targetPort: http, nodePort: 0}, {name: metrics, port: 9090}]
]],
    [[
apiVersion: v1
kind: Service
metadata: {name: a}
spec:
  type: ClusterIP
  clusterIP: 10.0.0.7
  clusterIPs: [10.0.0.7]
  sessionAffinity: None
  selector: {app: a}
  ports:
  - {name: http, port: 80, targetPort: http, protocol: TCP}
  - {name: metrics, port: 9090, targetPort: 9090, protocol: TCP}
]],
  },
  ConfigMap = {
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {}}\ndata: {a: x, empty: ''}\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: x, empty: ''}\n",
  },
  PersistentVolumeClaim = {
    [[
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: a}
spec: {accessModes: [ReadWriteOnce], volumeName: "", resources: {requests: {storage: 10Gi}}}
]],
    [[
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: a}
spec:
  accessModes: [ReadWriteOnce]
  volumeName: pv-1
  volumeMode: Filesystem
  resources: {requests: {storage: 10Gi}}
]],
  },
  Ingress = {
    [[
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: a}
spec:
  rules:
  - host: a.example
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}
]],
    [[
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: a}
spec:
  ingressClassName: nginx
  rules:
  - host: a.example
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}
]],
  },
  HorizontalPodAutoscaler = {
    [[
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: a}
spec:
  minReplicas: 2
  maxReplicas: 5
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}
  metrics: [{type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 1024Mi}}}]
]],
    [[
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: a}
spec:
  minReplicas: 2
  maxReplicas: 5
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}
  metrics: [{type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 1Gi}}}]
]],
  },
  CronJob = {
    [[
apiVersion: batch/v1
kind: CronJob
metadata: {name: a}
spec:
  schedule: "0 3 * * *"
  suspend: false
  jobTemplate: {spec: {ttlSecondsAfterFinished: 0, template: {spec: {containers: [{name: c, image: "i:1"}]}}}}
]],
    [[
apiVersion: batch/v1
kind: CronJob
metadata: {name: a}
spec:
  schedule: "0 3 * * *"
  suspend: false
  concurrencyPolicy: Allow
  jobTemplate:
    spec: {ttlSecondsAfterFinished: 0, template: {spec: {restartPolicy: Never, containers: [{name: c, image: "i:1"}]}}}
]],
  },
  ServiceAccount = {
    "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\nimagePullSecrets: [{name: pull}]\n",
    "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\nimagePullSecrets: [{name: pull}, {name: given}]\n",
  },
  ServiceMonitor = {
    [[
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: a}
spec:
  honorLabels: false
  selector: {matchLabels: {app: a}}
  endpoints: [{port: metrics, interval: 30s, params: {x: [""]}}]
]],
    [[
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: a}
spec:
  honorLabels: false
  selector: {matchLabels: {app: a}}
  endpoints: [{port: metrics, interval: 30s, params: {x: [""]}}]
]],
  },
}

local POD <const> = "spec.template.spec."
local APP <const> = POD .. "containers.1."
local NONE <const> = json.null
local CONTAINERS <const> = { POD .. "containers" }

-- kind, { path → value (NONE: removed) } by hand, places that drift.
local CASES <const> = {
  { "Deployment", { ["spec.replicas"] = 5 }, { "spec.replicas" } },
  { "Deployment", { ["spec.replicas"] = NONE }, { "spec.replicas" } },
  { "Deployment", { ["spec.paused"] = true }, { "spec.paused" } },
  {
    "Deployment",
    { ["spec.strategy"] = { type = "RollingUpdate", rollingUpdate = { maxSurge = 1 } } },
    {
      "spec.strategy.rollingUpdate",
      "spec.strategy.type",
    },
  },
  { "Deployment", { [APP .. "image"] = "a:2" }, CONTAINERS },
  { "Deployment", { [APP .. "args"] = json.array { "--a" } }, CONTAINERS },
  { "Deployment", { [APP .. "args"] = json.array { "--b", "--a" } }, CONTAINERS },
  { "Deployment", { [APP .. "command"] = json.array { "sh" } }, CONTAINERS },
  { "Deployment", { [APP .. "lifecycle"] = { preStop = { exec = { command = json.array { "sh" } } } } }, CONTAINERS },
  { "Deployment", { [APP .. "securityContext"] = { privileged = true } }, CONTAINERS },
  { "Deployment", { [APP .. "terminationMessagePath"] = "/dev/x" }, {} },
  { "Deployment", { ["spec.paused"] = true }, { "spec.paused" } },
  { "Deployment", { ["spec.template.spec.hostNetwork"] = true }, { "spec.template.spec.hostNetwork" } },
  { "Deployment", { ["spec.template.spec.priorityClassName"] = "x" }, { "spec.template.spec.priorityClassName" } },
  { "Deployment", { ["spec.template.spec.schedulerName"] = "x" }, {} },
  { "Deployment", { [APP .. "resources.limits.cpu"] = "2" }, CONTAINERS },
  { "Deployment", { [APP .. "resources.limits.cpu"] = NONE }, CONTAINERS },
  { "Deployment", { [APP .. "resources.limits.x"] = "1" }, CONTAINERS },
  { "Deployment", { [APP .. "resources.requests.memory"] = "1Gi" }, CONTAINERS },
  { "Deployment", { [APP .. "resources.limits.cpu"] = "1.0" }, {} },
  { "Deployment", { [APP .. "env.1.value"] = "y" }, CONTAINERS },
  { "Deployment", { [APP .. "env.1.value"] = NONE }, CONTAINERS },
  { "Deployment", { [APP .. "env.2.value"] = "y" }, CONTAINERS },
  {
    "Deployment",
    { [APP .. "env.2"] = { name = "EMPTY", valueFrom = { fieldRef = { fieldPath = "x" } } } },
    CONTAINERS,
  },
  { "Deployment", { [APP .. "env.3.valueFrom.secretKeyRef.key"] = "other" }, CONTAINERS },
  { "Deployment", { [APP .. "env.3"] = { name = "P", value = "clear" } }, CONTAINERS },
  { "Deployment", { [APP .. "env.4"] = { name = "MORE", value = "1" } }, CONTAINERS },
  { "Deployment", { [APP .. "env.3"] = NONE }, CONTAINERS },
  { "Deployment", { [APP .. "ports.2"] = NONE }, CONTAINERS },
  { "Deployment", { [APP .. "ports.1.name"] = "http" }, {} },
  { "Deployment", { [APP .. "imagePullPolicy"] = "Always" }, {} },
  { "Deployment", { [APP .. "readinessProbe.httpGet.path"] = "/x" }, CONTAINERS },
  { "Deployment", { [APP .. "readinessProbe.periodSeconds"] = 20 }, {} },
  { "Deployment", { [APP .. "readinessProbe"] = { exec = { command = json.array { "true" } } } }, CONTAINERS },
  { "Deployment", { [APP .. "readinessProbe"] = NONE }, CONTAINERS },
  { "Deployment", { [APP .. "securityContext.allowPrivilegeEscalation"] = NONE }, CONTAINERS },
  { "Deployment", { [APP .. "securityContext.privileged"] = true }, {} },
  { "Deployment", { [APP .. "volumeMounts.1.readOnly"] = true }, CONTAINERS },
  { "Deployment", { [APP .. "volumeMounts.2"] = { name = "c", mountPath = "/c" } }, CONTAINERS },
  { "Deployment", { [POD .. "containers.2"] = { name = "x", image = "x" } }, CONTAINERS },
  { "Deployment", { [POD .. "initContainers.1.image"] = "i:2" }, { POD .. "initContainers" } },
  { "Deployment", { [POD .. "hostNetwork"] = true }, { POD .. "hostNetwork" } },
  { "Deployment", { [POD .. "automountServiceAccountToken"] = NONE }, { POD .. "automountServiceAccountToken" } },
  { "Deployment", { [POD .. "serviceAccountName"] = "other" }, {} },
  { "Deployment", { [POD .. "securityContext.runAsUser"] = NONE }, { POD .. "securityContext.runAsUser" } },
  { "Deployment", { [POD .. "securityContext.runAsUser"] = 1 }, { POD .. "securityContext.runAsUser" } },
  { "Deployment", { [POD .. "securityContext.runAsNonRoot"] = NONE }, {} },
  { "Deployment", { [POD .. "nodeSelector.disk"] = "hdd" }, { POD .. "nodeSelector.disk" } },
  { "Deployment", { [POD .. "nodeSelector.x"] = "y" }, { POD .. "nodeSelector.x" } },
  { "Deployment", { [POD .. "tolerations"] = json.array { { key = "x" } } }, {} },
  { "Deployment", { [POD .. "imagePullSecrets.2"] = { name = "x" } }, { POD .. "imagePullSecrets" } },
  { "Deployment", { [POD .. "volumes.1"] = { name = "d", hostPath = { path = "/" } } }, { POD .. "volumes" } },
  { "Deployment", { [POD .. "volumes.2.configMap.name"] = "x" }, { POD .. "volumes" } },
  { "Deployment", { [POD .. "volumes.2.configMap.defaultMode"] = 292 }, {} },
  { "Deployment", { ["spec.template.metadata.labels.app"] = "x" }, { "spec.template.metadata.labels.app" } },
  { "Deployment", { ["spec.template.metadata.annotations"] = { restartedAt = "now" } }, {} },
  { "Deployment", { ["metadata.labels.app"] = NONE }, { "metadata.labels.app" } },
  { "Deployment", { ["metadata.labels.x"] = "y" }, {} },
  { "Deployment", { ["metadata.annotations.note"] = "x" }, { "metadata.annotations.note" } },
  { "Deployment", { ["metadata.finalizers"] = json.array { "x" } }, {} },
  { "Deployment", { ["status.replicas"] = 7 }, {} },
  { "Service", { ["spec.type"] = "NodePort" }, { "spec.type" } },
  { "Service", { ["spec.selector.app"] = "b" }, { "spec.selector.app" } },
  { "Service", { ["spec.selector.x"] = "y" }, { "spec.selector.x" } },
  { "Service", { ["spec.selector"] = NONE }, { "spec.selector.app" } },
  { "Service", { ["spec.ports.1.port"] = 81 }, { "spec.ports" } },
  { "Service", { ["spec.ports.1.targetPort"] = "x" }, { "spec.ports" } },
  { "Service", { ["spec.ports.1.nodePort"] = 30080 }, {} },
  { "Service", { ["spec.ports.2"] = NONE }, { "spec.ports" } },
  { "Service", { ["spec.ports.3"] = { name = "x", port = 1 } }, { "spec.ports" } },
  { "Service", { ["spec.sessionAffinity"] = "ClientIP" }, {} },
  { "ConfigMap", { ["data.a"] = "y" }, { "data.a" } },
  { "ConfigMap", { ["data.a"] = NONE }, { "data.a" } },
  { "ConfigMap", { ["data.empty"] = "x" }, { "data.empty" } },
  { "ConfigMap", { ["data.x"] = "y" }, { "data.x" } },
  { "ConfigMap", { ["data"] = NONE }, { "data.a" } },
  { "PersistentVolumeClaim", { ["spec.resources.requests.storage"] = "20Gi" }, {} },
  { "PersistentVolumeClaim", { ["spec.resources.requests.storage"] = "5Gi" }, { "spec.resources.requests.storage" } },
  { "Ingress", { ["spec.rules.1.host"] = "b.example" }, { "spec.rules" } },
  { "Ingress", { ["spec.rules.2"] = { host = "b.example" } }, { "spec.rules" } },
  { "Ingress", { ["spec.rules.1.http.paths.1.backend"] = { resource = { kind = "X" } } }, { "spec.rules" } },
  { "Ingress", { ["spec.tls"] = json.array { { secretName = "x" } } }, {} },
  { "HorizontalPodAutoscaler", { ["spec.maxReplicas"] = 9 }, { "spec.maxReplicas" } },
  { "HorizontalPodAutoscaler", { ["spec.metrics"] = NONE }, { "spec.metrics" } },
  { "CronJob", { ["spec.suspend"] = true }, { "spec.suspend" } },
  { "CronJob", { ["spec.schedule"] = "* * * * *" }, { "spec.schedule" } },
  {
    "CronJob",
    { ["spec.jobTemplate.spec.ttlSecondsAfterFinished"] = NONE },
    { "spec.jobTemplate.spec.ttlSecondsAfterFinished" },
  },
  { "ServiceAccount", { ["imagePullSecrets.1"] = { name = "x" } }, { "imagePullSecrets" } },
  { "ServiceMonitor", { ["spec.endpoints.1.interval"] = "60s" }, { "spec.endpoints" } },
  { "ServiceMonitor", { ["spec.endpoints.2"] = { port = "x" } }, { "spec.endpoints" } },
  { "ServiceMonitor", { ["spec.honorLabels"] = NONE }, { "spec.honorLabels" } },
  { "ServiceMonitor", { ["spec.selector.matchLabels.app"] = "x" }, { "spec.selector.matchLabels.app" } },
  { "ServiceMonitor", { ["spec.jobLabel"] = "x" }, {} },
}

local function set(object, path, item)
  local names = {}
  for name in path:gmatch "[^.]+" do
    names[#names + 1] = math.tointeger(tonumber(name)) or name
  end
  for i = 1, #names - 1 do
    object[names[i]] = object[names[i]] or {}
    object = object[names[i]]
  end
  if item ~= NONE then
    object[names[#names]] = item
  elseif json.is_array(object) then
    table.remove(object, names[#names])
  else
    object[names[#names]] = nil
  end
end

-- What RFC 7396 makes of an object.
local function merge(object, patch)
  local out = {}
  for name, item in pairs(object) do
    out[name] = item
  end
  for name, item in pairs(patch) do
    local both = type(item) == "table" and type(out[name]) == "table" and not json.is_array(item)
    if item == NONE then item = nil end
    out[name] = both and merge(out[name], item) or item
  end
  return out
end

local function read(kind) return yaml.decode(OBJECTS[kind][1]), yaml.decode(OBJECTS[kind][2]) end

describe("drift of an object", function()
  for kind in pairs(OBJECTS) do
    it("is not what the server fills in or leaves out: " .. kind, function()
      local wanted, live = read(kind)
      assert.same({}, drift.places(drift.patch(live, drift.mended(live, wanted))))
      assert.is_true(rawequal(live, drift.mended(live, wanted)))
    end)
  end

  for _, case in ipairs(CASES) do
    local kind, edits, places = case[1], case[2], case[3]
    local path, item = next(edits)
    it(("is found and mended: %s %s = %s"):format(kind, path, value.text(json.encode(item))), function()
      local wanted, live = read(kind)
      set(live, path, item)
      local patch = drift.patch(live, drift.mended(live, wanted))
      assert.same(places, drift.places(patch))
      local after = merge(live, patch)
      assert.is_true(rawequal(after, drift.mended(after, wanted)), json.encode(patch))
    end)
  end

  it("keeps what the server assigned to an item that is changed", function()
    local wanted, live = read "Service"
    live.spec.ports[1].nodePort, live.spec.ports[1].targetPort = 30080, 1
    local ports = drift.mended(live, wanted).spec.ports
    assert.same({ 30080, "http" }, { ports[1].nodePort, ports[1].targetPort })
  end)

  it("is told by position where two items have one key", function()
    local wanted = yaml.decode "apiVersion: v1\nkind: Pod\nspec: {env: [{name: A, value: x}, {name: A, value: y}]}\n"
    local live =
      yaml.decode "apiVersion: v1\nkind: Pod\nmetadata: {}\nspec: {env: [{name: A, value: x}, {name: A, value: y}]}\n"
    assert.is_true(rawequal(live, drift.mended(live, wanted)))
    live.spec.env[2].value = "z"
    assert.same({ "spec.env" }, drift.places(drift.patch(live, drift.mended(live, wanted))))
  end)
end)
