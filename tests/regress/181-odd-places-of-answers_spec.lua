-- An answer of a server with something odd in one place: a null, an empty text, a list, a map, a number. Each client
-- gets along with it or gives one line. The documents are valid ones; each place of them is tried.

local broker = require "o2x.client.broker"
local compare = require "o2x.client.k8s.compare"
local json = require "o2x.base.json"
local k8s = require "o2x.client.k8s"
local mutants = require "tests.support.mutants"
local raw_server = require "tests.support.raw_server"
local ready = require "o2x.client.k8s.ready"
local secret = require "o2x.base.secret"
local vault = require "o2x.client.vault"
local yaml = require "o2x.base.yaml"

local OBJECTS <const> = {
  Deployment = [[
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, namespace: n, labels: {tenant: a}, annotations: {b: c}, generation: 2, uid: u, resourceVersion: "7",
  managedFields: [{manager: o2x, operation: Apply, fieldsV1: {"f:spec": {}}}], ownerReferences: [{kind: X, name: y}]}
spec:
  replicas: 2
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      initContainers: [{name: i, image: j}]
      containers:
      - name: a
        image: r/a:1
        env: [{name: A, value: b}, {name: C, valueFrom: {secretKeyRef: {name: s, key: k}}}]
        ports: [{containerPort: 80}]
        resources: {limits: {cpu: "1", memory: 1Gi}, requests: {cpu: 100m}}
      volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]
status: {observedGeneration: 2, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2,
  conditions: [{type: Available, status: "True", reason: r, message: m}]}
]],
  Pod = [[
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: n, labels: {app: a}, ownerReferences: [{kind: ReplicaSet, name: a-1}]}
spec: {nodeName: x, containers: [{name: a, image: b, resources: {limits: {memory: 1Gi}}}]}
status: {phase: Running, podIP: 10.0.0.1, conditions: [{type: Ready, status: "True"}],
  containerStatuses: [{name: a, image: b, restartCount: 1, ready: true, state: {running: {startedAt: x}},
    lastState: {terminated: {reason: OOMKilled, exitCode: 137, finishedAt: y}}}]}
]],
  Job = [[
apiVersion: batch/v1
kind: Job
metadata: {name: a, namespace: n}
spec: {backoffLimit: 1, template: {spec: {containers: [{name: a, image: b}]}}}
status: {active: 1, failed: 0, succeeded: 1, conditions: [{type: Complete, status: "True"}]}
]],
  Ingress = [[
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: a, namespace: n, annotations: null}
spec:
  tls: [{hosts: [h]}]
  rules: [{host: h, http: {paths: [{path: /, backend: {service: {name: s, port: {number: 80}}}}]}}]
status: {loadBalancer: {ingress: [{hostname: h}]}}
]],
  Secret = [[
apiVersion: v1
kind: Secret
metadata: {name: a, namespace: n, labels: null}
type: Opaque
data: {a: QUJDREVGR0g=, b: SUpLTE1OT1A=}
]],
  ConfigMap = [[
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: n, annotations: {a: b}}
data: {a: b}
]],
}

local GROUPS <const> = { Deployment = "apps", Job = "batch", Ingress = "networking.k8s.io" }

-- A server with one answer, which can be set.
local function serving(fn)
  local body
  local head = "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
  local server <close> = raw_server.serve(function(_, send) send(head:format(#body, body)) end)
  fn("http://127.0.0.1:" .. server.port, function(value) body = json.encode(value) end)
end

local function none(document, read)
  local wrong, count = mutants.tried(document, read)
  assert.equal("", table.concat(wrong, "\n"))
  return count
end

local function cluster(url, kind, api_version)
  local client = k8s.new {
    config = { server = url, namespace = "n", context = "c", credentials = function() return {} end },
    retry_seconds = 0.1,
  }
  local resource = {
    kind = kind,
    plural = kind:lower() .. "s",
    group = GROUPS[kind] or "",
    version = "v1",
    api_version = api_version,
    base = "/api/v1",
    namespaced = true,
  }
  client.known = { need = function() return resource end }
  return client
end

-- What o2x does with objects that it has read.
local function look(object)
  ready.check(object)
  if object.kind == "Pod" then ready.pod_trouble(object) end
  compare.clean(object)
end

describe("an answer with something odd in one place", function()
  for kind, text in pairs(OBJECTS) do
    it("is a " .. kind, function()
      serving(function(url, answer)
        local document = yaml.decode(text)
        local client = cluster(url, kind, document.apiVersion)
        none(document, function(variant)
          answer(variant)
          local object = client:get(kind, "a")
          if kind ~= "Secret" then look(object) end
        end)
        if kind == "Secret" then return end
        none({ metadata = { resourceVersion = "7", continue = "" }, items = json.array { document } }, function(variant)
          answer(variant)
          for _, object in ipairs(client:list(kind)) do
            look(object)
          end
        end)
      end)
    end)
  end

  it("is one of Vault", function()
    local cases = {
      {
        { data = { data = { a = "secret-of-a" }, metadata = { version = 1, custom_metadata = { b = "c" } } } },
        function(client) client:read "tenant/a" end,
      },
      {
        { warnings = json.array { "w" }, data = { keys = json.array { "a", "b/" } } },
        function(client) client:list "tenant/a" end,
      },
      { { data = { version = 2 } }, function(client) client:put("tenant/a", { b = "c" }) end },
      { { data = { ttl = 60, renewable = true } }, function(client) client:token_info() end },
    }
    serving(function(url, answer)
      for _, case in ipairs(cases) do
        none(case[1], function(variant)
          answer(variant)
          case[2](vault.new { addr = url, token = secret.new("token-of-vault", "t"), timeout = 5 })
        end)
      end
      none({ auth = { client_token = "token-of-login", lease_duration = 60, renewable = true } }, function(variant)
        answer(variant)
        vault.new({ addr = url, role_id = "r", secret_id = secret.new("secret-id", "s"), timeout = 5 }):read "tenant/a"
      end)
    end)
  end)

  it("is one of the broker", function()
    local document = {
      status = 200,
      value = {
        ["a:type=Broker,brokerName=b,destinationName=a.c"] = { Name = "a.c", QueueSize = 1, ConsumerCount = 2 },
      },
    }
    serving(function(url, answer)
      none(document, function(variant)
        answer(variant)
        broker.new({ url = url }):queues "a."
      end)
    end)
  end)
end)
