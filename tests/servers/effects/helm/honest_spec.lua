-- Charts as people write them have no drift when nobody has edited anything: the server fills in, rounds, drops, and
-- helm adds, and none of that is somebody's edit.
local fs = require "o2x.base.fs"
local k8s = require "o2x.client.k8s"
local kubeconfig = require "o2x.client.kubeconfig"
local live = require "o2x.effects.helm.live"
local manifest = require "o2x.client.helm.manifest"
local small_lab = require "tests.support.small_lab"

local POD <const> = "{metadata: {labels: {app: a}}, spec: {containers: [{name: c, image: i}]}}"

-- What is odd → the object, on as few lines as it needs.
local OBJECTS <const> = {
  ["nulls, empty texts and zeros"] = [[
apiVersion: apps/v1
kind: Deployment
metadata: {name: zeros, labels: null, annotations: {}, creationTimestamp: null}
spec:
  replicas: 1
  minReadySeconds: 0
  paused: false
  strategy: {}
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}, annotations: null, creationTimestamp: null}
    spec:
      affinity: {}
      nodeSelector: {}
      tolerations: []
      hostNetwork: false
      initContainers: null
      serviceAccountName: ""
      securityContext: {}
      containers:
      - name: c
        image: i
        imagePullPolicy: ""
        command: null
        args: []
        env: [{name: E, value: ""}, {name: F, value: "0"}]
        ports: [{containerPort: 80, protocol: ""}]
        resources: {limits: null, requests: {}}
        livenessProbe: null
        volumeMounts: [{name: v, mountPath: /v, readOnly: false, subPath: ""}]
      volumes: [{name: v, emptyDir: {}}, {name: w, emptyDir: {medium: "", sizeLimit: 1024Mi}}]
]],
  ["amounts in other forms"] = [[
apiVersion: apps/v1
kind: Deployment
metadata: {name: amounts}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      containers:
      - name: c
        image: i
        resources: {limits: {cpu: 2, memory: 1024Mi}, requests: {cpu: 0.25, memory: "268435456"}}
]],
  ["a variable twice"] = [[
apiVersion: apps/v1
kind: Deployment
metadata: {name: twice}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec: {containers: [{name: c, image: i, env: [{name: A, value: x}, {name: B, value: w}, {name: A, value: z}]}]}
]],
  ["the labels of another manager"] = [[
apiVersion: v1
kind: ConfigMap
metadata: {name: managed, labels: {app.kubernetes.io/managed-by: chart}}
data: {empty: "", lines: "a\nb\n", numbers: "1"}
]],
  ["bytes"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bytes}\nbinaryData: {a: AAEC}\n",
  ["a Secret in two forms"] = [[
apiVersion: v1
kind: Secret
metadata: {name: both}
data:
  a: |
    dGV4
    dA==
  b: eA==
stringData: {b: wins, c: ""}
]],
  ["a Service of each port"] = [[
apiVersion: v1
kind: Service
metadata: {name: ports}
spec:
  type: NodePort
  clusterIP: ""
  selector: {app: a}
  ports:
  - {name: t, port: 53, protocol: TCP}
  - {name: u, port: 53, protocol: UDP, targetPort: "dns"}
  - {name: http, port: 80, targetPort: 8080, nodePort: 0}
]],
  ["a headless Service"] = [[
apiVersion: v1
kind: Service
metadata: {name: headless}
spec: {clusterIP: None, selector: {app: a}, ports: [{port: 80}], publishNotReadyAddresses: false}
]],
  ["an Ingress"] = [[
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: {a/b: ""}}
spec:
  ingressClassName: nginx
  tls: [{hosts: [a.example], secretName: t}]
  rules:
    - host: a.example
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {name: h}}}}]}
]],
  ["an autoscaler"] = [[
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: scaler}
spec:
  maxReplicas: 3
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: zeros}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
]],
  ["a budget"] = [[
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: budget}
spec: {maxUnavailable: 50%, selector: {matchLabels: {app: a}}}
]],
  ["a StatefulSet"] = ([[
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: set}
spec:
  serviceName: headless
  selector: {matchLabels: {app: a}}
  updateStrategy: {type: OnDelete}
  template: %s
  volumeClaimTemplates:
  - {metadata: {name: d}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}}
]]):format(POD),
  ["a DaemonSet"] = ([[
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: daemon}
spec: {selector: {matchLabels: {app: a}}, template: %s}
]]):format(POD),
  ["a CronJob"] = [[
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  suspend: false
  jobTemplate: {spec: {backoffLimit: 0, template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}
]],
  ["a Job"] = [[
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}
]],
  ["a claim"] = [[
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim}
spec: {accessModes: [ReadWriteOnce], storageClassName: gp3, resources: {requests: {storage: 10Gi}}}
]],
  ["a service account"] = [[
apiVersion: v1
kind: ServiceAccount
metadata: {name: account}
automountServiceAccountToken: false
]],
  ["a custom resource"] = [[
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: monitor}
spec:
  selector: {matchLabels: {app: a}}
  namespaceSelector: {}
  endpoints: [{port: metrics, interval: 30s, honorLabels: false, path: "", relabelings: []}]
]],
  ["a list of objects"] = [[
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: in-list}, data: {a: b}}
]],
  ["another namespace"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: there, namespace: monitoring}\n",
}

describe("a chart that nobody edited has no drift:", function()
  local lab, ctx, client

  setup(function()
    lab = small_lab.start { "k8s" }
    local folder = fs.join(lab.dir, "honest")
    fs.write(fs.join(folder, "Chart.yaml"), "apiVersion: v2\nname: honest\nversion: 0.1.0\n", { parents = true })
    local n = 0
    for what, text in pairs(OBJECTS) do
      n = n + 1
      fs.write(fs.join(folder, ("templates/%d.yaml"):format(n)), ("# %s\n%s"):format(what, text), { parents = true })
    end
    lab.run("kubectl", "create", "namespace", "monitoring")
    local installed = lab.run("helm", "install", "honest", folder)
    assert.equal(0, installed.code, installed.stderr)
    client = k8s.new { config = kubeconfig.load { path = lab.env.KUBECONFIG } }
    ctx = {
      client = function() return client end,
      retry = function(_, fn, ...) return fn(...) end,
      ask = function(_, _, fn, ...) return fn(...) end,
      log = function() end,
    }
  end)
  teardown(function() lab.stop() end)

  for what, text in pairs(OBJECTS) do
    it(what, function() assert.same({}, live.places(live.drift(ctx, manifest.objects(text), "default"))) end)
  end
end)
