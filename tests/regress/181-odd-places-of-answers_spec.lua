-- An answer of a server with something odd in one place: a null, an empty text, a list, a map, a number. Each client
-- gets along with it or gives one line. The documents are valid ones; each place of them is tried.

local broker = require "o2x.client.broker"
local compare = require "o2x.client.k8s.compare"
local content = require "o2x.effects.helm.content"
local crypto = require "o2x.base.crypto"
local json = require "o2x.base.json"
local k8s = require "o2x.client.k8s"
local keys = require "o2x.client.aws.credentials.keys"
local manifest = require "o2x.client.helm.manifest"
local mutants = require "tests.support.mutants"
local raw_server = require "tests.support.raw_server"
local ready = require "o2x.client.k8s.ready"
local releases = require "o2x.client.helm.releases"
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
  function client.kinds()
    return { need = function() return resource end }
  end
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

  it("is a record of helm, with its values and its objects", function()
    local object = yaml.decode(OBJECTS.Deployment)
    local hook = { kind = "Job", metadata = { name = "h", annotations = { ["helm.sh/hook"] = "pre-upgrade" } } }
    none({
      name = "sso",
      namespace = "n",
      version = 2,
      info = { status = "deployed", last_deployed = "2026-01-01T00:00:00Z", description = "d", notes = "n" },
      chart = { metadata = { name = "sso", version = "1.0.0", appVersion = "2" }, values = { a = 1 } },
      config = { a = { b = 1 }, c = json.array { 1, "x" } },
      hooks = json.array {
        { name = "h", kind = "Job", manifest = json.encode(hook), events = json.array { "pre-upgrade" } },
      },
      manifest = yaml.encode(object),
    }, function(variant)
      local bytes = crypto.base64(crypto.base64(json.encode(variant)))
      content.of(releases.decode { metadata = { name = "sh.helm.release.v1.sso.v2" }, data = { release = bytes } })
    end)
    none({ object, hook }, function(variant)
      local text = type(variant) == "table" and variant[1] and manifest.text(variant) or json.encode(variant)
      content.image(content.hash_manifest(text))
      for _, one in ipairs(manifest.objects(text)) do
        manifest.hook(one)
      end
      manifest.rendering(text)
    end)
  end)

  it("is what gives keys of AWS", function()
    none({
      Code = "Success",
      Type = "AWS-HMAC",
      AccessKeyId = "AKIAEXAMPLE",
      SecretAccessKey = "secret-key-of-aws",
      Token = "token-of-aws",
      Expiration = "2035-01-01T00:00:00Z",
    }, function(variant)
      local document = keys.from_json(json.encode(variant), { "SecretAccessKey", "Token" }, "a test")
      keys.check({
        access_key = document.AccessKeyId,
        secret_key = document.SecretAccessKey,
        session_token = document.Token,
        expires = document.Expiration,
      }, "a test")
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
