--- Kubernetes itself instead of lab.k8s: etcd, kube-apiserver (TLS, RBAC), kube-controller-manager, kube-scheduler, and
--- KWOK, which plays nodes. No container runs: what the API server asks of pods and kubelets comes here, by a tunnel
--- (lab.real.tunnel); its service proxy says in a header which Service is meant.

local proxy = require "lab.k8s.proxy"
local backends = require "lab.backends"
local cluster = require "lab.k8s.cluster"
local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local definitions = require "lab.real.definitions"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local logs = require "lab.k8s.logs"
local program = require "lab.real.program"
local real_cluster = require "lab.real.cluster"
local surroundings = require "lab.real.surroundings"
local task = require "o2x.base.task"
local tunnel = require "lab.real.tunnel"
local value = require "lab.k8s.value"

local M = { name = "k8s" }

local PRIVATE <const> = 0x180 -- 0600
local START_TIMEOUT <const> = 60 -- seconds
local POLL <const> = 0.1 -- seconds
local KUBELET <const> = 10250 -- the port of every kubelet

-- Who has a token: the lab may do everything; the others have the roles that the API server makes for their names.
local USERS <const> = {
  { "lab", "lab", "system:masters" },
  { "controller-manager", "system:kube-controller-manager" },
  { "scheduler", "system:kube-scheduler" },
  { "kwok", "kwok", "system:masters" },
}

-- In the order in which they stop: last, what the others need.
local PROGRAMS <const> = { "kwok", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd" }
local TOOL_OF <const> = { kwok = "kwok", etcd = "etcd" } -- the others are vendor/reference kubernetes

-- The argument by which each is known.
local function mark(name, dir)
  if name == "etcd" then return "--data-dir=" .. dir .. "/data" end
  if name == "kube-apiserver" then return "--token-auth-file=" .. dir .. "/tokens.csv" end
  return "--kubeconfig=" .. dir .. "/kubeconfig"
end

local function place(lab, name) return program.place(lab, "k8s/" .. name, mark(name, fs.join(lab.dir, "k8s", name))) end

local function write(path, text)
  fs.write(path, text, { mode = PRIVATE })
  return path
end

local function launch(lab, name, argv, ready)
  local at = place(lab, name)
  fs.mkdir(at.dir, 0x1c0)
  if program.pid(at) then return end
  program.launch(at, { program.find(TOOL_OF[name] or "kubernetes", name), table.unpack(argv) }, ready, START_TIMEOUT)
end

-- ---- etcd ----

local function start_etcd(lab)
  local at = place(lab, "etcd")
  local client = ("http://127.0.0.1:%d"):format(lab.port "k8s-etcd")
  local peer = ("http://127.0.0.1:%d"):format(lab.port "k8s-etcd-peer")
  launch(lab, "etcd", {
    "--name=lab",
    at.mark,
    "--listen-client-urls=" .. client,
    "--advertise-client-urls=" .. client,
    "--listen-peer-urls=" .. peer,
    "--initial-advertise-peer-urls=" .. peer,
    "--initial-cluster=lab=" .. peer,
    "--unsafe-no-fsync",
    "--log-level=error",
  }, function() return program.answers { url = client .. "/health" } end)
  return client
end

-- ---- the API server ----

local function write_tokens(lab, path)
  local state, lines = lab.state "k8s_servers", {}
  state.tokens = state.tokens or {}
  for i, user in ipairs(USERS) do
    local name, groups = user[1], user[3]
    state.tokens[name] = state.tokens[name] or crypto.hex(crypto.random(24))
    lines[i] = ("%s,%s,%d%s"):format(state.tokens[name], user[2], i, groups and (',"%s"'):format(groups) or "")
  end
  lab.flush()
  write(path, table.concat(lines, "\n") .. "\n")
end

-- Connections to pods and kubelets go through the tunnel.
local function write_egress(path, socket)
  return write(
    path,
    json.pretty {
      apiVersion = "apiserver.k8s.io/v1beta1",
      kind = "EgressSelectorConfiguration",
      egressSelections = {
        {
          name = "cluster",
          connection = {
            proxyProtocol = "HTTPConnect",
            transport = { uds = { udsName = socket } },
          },
        },
      },
    }
  )
end

-- Who asked for what, without what was in it.
local function write_audit(path)
  local policy = { apiVersion = "audit.k8s.io/v1", kind = "Policy", omitStages = { "RequestReceived" } }
  policy.rules = { { level = "Metadata" } }
  return write(path, json.pretty(policy))
end

local function start_api_server(lab, etcd, socket)
  local at = place(lab, "kube-apiserver")
  fs.mkdir(at.dir, 0x1c0)
  lab.certificate("server", { "localhost", "127.0.0.1" })
  lab.certificate("k8s-accounts", { "localhost" })
  local pair, accounts = fs.join(lab.dir, "tls/server"), fs.join(lab.dir, "tls/k8s-accounts")
  write_tokens(lab, at.dir .. "/tokens.csv")
  local egress = write_egress(at.dir .. "/egress.yaml", socket)
  local _, port = lab.on_port("k8s", function(port)
    local client = M.client(lab, port)
    launch(lab, "kube-apiserver", {
      "--etcd-servers=" .. etcd,
      "--bind-address=127.0.0.1",
      "--advertise-address=192.0.2.1",
      "--endpoint-reconciler-type=none",
      "--secure-port=" .. port,
      "--cert-dir=" .. at.dir .. "/certificates",
      "--tls-cert-file=" .. pair .. ".crt",
      "--tls-private-key-file=" .. pair .. ".key",
      at.mark,
      "--authorization-mode=RBAC",
      "--service-cluster-ip-range=10.96.0.0/16",
      "--service-account-issuer=https://kubernetes.default.svc",
      "--service-account-key-file=" .. accounts .. ".crt",
      "--service-account-signing-key-file=" .. accounts .. ".key",
      "--egress-selector-config-file=" .. egress,
      "--audit-policy-file=" .. write_audit(at.dir .. "/audit.yaml"),
      "--audit-log-path=" .. at.dir .. "/audit.log",
      "--profiling=false",
    }, function() return program.answers { url = client.url .. "/readyz", token = client.token, ca_file = lab.ca } end)
    return true
  end)
  return port
end

--- The lab's own client.
---@param lab table
---@param port integer
---@return lab.real.Cluster
function M.client(lab, port)
  local token = lab.state("k8s_servers").tokens.lab
  return real_cluster.new { url = ("https://127.0.0.1:%d"):format(port), token = token, ca = lab.ca }
end

-- ---- controllers, scheduler, kubelets ----

local function write_kubeconfig(lab, path, port, user)
  return write(path, json.pretty {
    apiVersion = "v1",
    kind = "Config",
    ["current-context"] = "lab",
    clusters = {
      {
        name = "lab",
        cluster = {
          server = ("https://127.0.0.1:%d"):format(port),
          ["certificate-authority-data"] = crypto.base64(fs.read(lab.ca)),
        },
      },
    },
    users = { { name = "lab", user = { token = lab.state("k8s_servers").tokens[user] } } },
    contexts = { { name = "lab", context = { cluster = "lab", user = "lab", namespace = "default" } } },
  } .. "\n")
end

local function always() return true end

local function start_controllers(lab, port)
  local function of(name, user)
    local at = place(lab, name)
    fs.mkdir(at.dir, 0x1c0)
    write_kubeconfig(lab, at.dir .. "/kubeconfig", port, user)
    return at.mark
  end
  launch(lab, "kube-controller-manager", {
    of("kube-controller-manager", "controller-manager"),
    "--service-account-private-key-file=" .. fs.join(lab.dir, "tls/k8s-accounts.key"),
    "--root-ca-file=" .. lab.ca,
    "--use-service-account-credentials=true",
    "--node-monitor-grace-period=10m", -- a busy machine is no dead node: KWOK does not make its pods ready again
    "--leader-elect=false",
    "--secure-port=0",
  }, always)
  launch(
    lab,
    "kube-scheduler",
    { of("kube-scheduler", "scheduler"), "--leader-elect=false", "--secure-port=0" },
    always
  )
  launch(lab, "kwok", {
    of("kwok", "kwok"),
    "--config=" .. write(place(lab, "kwok").dir .. "/kwok.yaml", ""),
    "--manage-all-nodes=true",
    "--node-lease-duration-seconds=40",
    "--cidr=10.244.0.1/16",
    "--node-ip=10.0.0.1",
    "--server-address=127.0.0.1:" .. lab.port "k8s-kwok",
  }, always)
end

-- ---- what is behind the pods' addresses ----

-- "default", "newclient-service-sso", 8080 of the header that the API server's proxy adds
local function service_of(uri)
  local namespace, target = (uri or ""):match "/namespaces/([^/]+)/services/([^/]+)/proxy"
  if not namespace then return nil end
  local name, port = proxy.parse(target)
  return namespace, name, port
end

local function pods_handler(lab)
  return function(req)
    local namespace, name, port = service_of(req.headers["x-forwarded-uri"])
    local service = namespace and lab.k8s.get("v1", "Service", namespace, name)
    if not service then return 502, {}, "no Service is named\n" end
    local backend = lab.k8s.backend(namespace, name, proxy.find_port(service, port).port)
    local headers = value.merged(req.headers)
    headers.authorization = headers["x-forwarded-authorization"]
    return backends.handle(lab, backend, setmetatable({ headers = headers }, { __index = req }))
  end
end

-- GET /containerLogs/NAMESPACE/POD/CONTAINER
local function kubelet_handler(lab)
  local pods = { get = function(_, _, namespace, name) return lab.k8s.get("v1", "Pod", namespace, name) end }
  pods.clock = lab.clock
  return function(req)
    local namespace, pod, container = req.path:match "^/containerLogs/([^/]+)/([^/]+)/([^/]+)$"
    if not namespace then return 404, {}, "404 page not found\n" end
    req.query.container = container
    return logs.handle({ lab = lab, store = pods }, req, { namespace = namespace, name = pod })
  end
end

local function open_tunnel(lab)
  local pods = lab.serve("pods", pods_handler(lab))
  local kubelet = lab.serve("kubelet", kubelet_handler(lab), { tls = true })
  local socket = fs.join(lab.dir, "k8s/tunnel.sock")
  fs.mkdir(fs.folder(socket), 0x1c0)
  local way = tunnel.open(socket, function(port) return port == KUBELET and kubelet.port or pods.port end)
  local function close()
    way:close()
    pods:stop()
    kubelet:stop()
  end
  return socket, close
end

-- ---- the whole ----

local function seeds()
  local list = definitions.objects()
  for _, object in ipairs(cluster.objects()) do
    local own = object.kind == "Service" and object.metadata.name == "kubernetes" -- the API server makes it
    object.status = nil -- KWOK says how nodes are
    if not own then list[#list + 1] = object end
  end
  return list
end

-- A definition is served a moment after it is made.
local function apply(client, object)
  local deadline = task.now() + START_TIMEOUT
  while true do
    local ok, problem = pcall(client.apply, client, { object })
    if ok then return end
    if not errors.is(problem) or task.now() > deadline then error(problem, 0) end
    task.sleep(POLL)
  end
end

local function seed(lab, client)
  local state = lab.state "k8s_servers"
  if state.seeded then return end
  for _, object in ipairs(seeds()) do
    apply(client, object)
  end
  state.seeded = true
  lab.flush()
end

--- Starts the servers that are not running.
---@param lab table
---@return table instance port, env, stop(), fault(kind)
function M.start(lab)
  local socket, close_tunnel = open_tunnel(lab)
  local port = start_api_server(lab, start_etcd(lab), socket)
  start_controllers(lab, port)
  local client = M.client(lab, port)
  lab.k8s = client:face()
  seed(lab, client)
  local around = surroundings.start(lab, client)
  return {
    port = port,
    env = { KUBECONFIG = write_kubeconfig(lab, fs.join(lab.dir, "kubeconfig"), port, "lab") },
    stop = function()
      around:cancel()
      close_tunnel()
      M.sweep(lab)
    end,
    fault = function(kind)
      if kind == "down" then
        program.stop(place(lab, "kube-apiserver"))
      elseif kind == "off" then
        start_api_server(lab, start_etcd(lab), socket)
      else
        return false
      end
      return true
    end,
  }
end

--- Stops the servers, also those that a killed lab left running. The data stay.
---@param lab table
function M.sweep(lab)
  for _, name in ipairs(PROGRAMS) do
    program.stop(place(lab, name))
  end
end

--- Stops them before their data are removed. The lab must be down.
---@param lab table
function M.forget(lab) M.sweep(lab) end

return M
