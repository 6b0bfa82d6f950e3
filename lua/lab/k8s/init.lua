--- The lab's Kubernetes: API server and controllers, complete enough for the real `helm` and `kubectl`.
local api = require "lab.k8s.api"
local cluster = require "lab.k8s.cluster"
local controllers = require "lab.k8s.controllers"
local crypto = require "o2x.base.crypto"
local faults = require "lab.faults"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local kinds = require "lab.k8s.kinds"
local manager = require "lab.k8s.controller_manager"
local proxy = require "lab.k8s.proxy"
local seed = require "lab.k8s.seed"
local selector = require "lab.k8s.selector"
local store = require "lab.k8s.store"
local value = require "lab.k8s.value"

local M = { name = "k8s" }

local PRIVATE <const> = 0x180 -- 0600

-- written as JSON, which is valid YAML
local function write_kubeconfig(lab, url, authority, token)
  local path = fs.join(lab.dir, "kubeconfig")
  fs.write(path, json.pretty {
    apiVersion = "v1",
    kind = "Config",
    ["current-context"] = "lab",
    clusters = {
      { name = "lab", cluster = { server = url, ["certificate-authority-data"] = crypto.base64(authority) } },
    },
    users = { { name = "lab", user = { token = token } } },
    contexts = { { name = "lab", context = { cluster = "lab", user = "lab", namespace = "default" } } },
  } .. "\n", { mode = PRIVATE })
  return path
end

-- Faults of releases match the requests that helm makes: those for the release's objects, or the last one for its
-- status.
local HELM <const> = {
  ["helm-fails"] = { line = "PATCH /apis/apps/v1/namespaces/default/deployments/%s?", times = 1 },
  ["helm-dies"] = { line = "PUT /api/v1/namespaces/default/secrets/sh.helm.release.v1.%s.v", times = 2 },
}

local function helm_fault(lab, kind, options)
  local fault = HELM[kind]
  if not options.match then return false end
  local line = fault.line:format(options.match)
  faults.add(lab.faults.rules, "k8s", "500", { match = line, times = options.times or fault.times })
  return true
end

-- releases: `helm-fails match=RELEASE` (the next upgrade fails), `helm-dies match=RELEASE` (it leaves it
-- pending-upgrade); pods that will not start: `o2x lab fault k8s broken-pods match=NAME` (image cannot be pulled),
-- `crash-pods match=NAME` (CrashLoopBackOff), `slow-pods seconds=N` (ready after N seconds); `off` takes all of it back
local function fault_handler(server)
  local settings = server.settings
  local function again()
    for _, pod in ipairs(server.store:list("/pods")) do
      server.controllers:enqueue("pod", pod.metadata.namespace, pod.metadata.name)
    end
    server.controllers:run()
    server.store.save()
  end
  return function(kind, options)
    if HELM[kind] then return helm_fault(server.lab, kind, options) end
    if kind == "off" then
      settings.broken, settings.ready = value.array {}, 0
    elseif kind == "broken-pods" or kind == "crash-pods" then
      settings.broken = value.array(settings.broken or {})
      table.insert(settings.broken, { kind = kind, match = options.match or "" })
    elseif kind == "slow-pods" then
      settings.ready = tonumber(options.seconds) or 5
    else
      return false
    end
    again()
    return true
  end
end

-- the environment of the first container behind a Service: name → value
local function environment(server, service)
  local requirements = selector.from_object(service.spec.selector)
  for _, pod in ipairs(server.store:list("/pods", service.metadata.namespace, requirements)) do
    if service.spec.selector and selector.matches(requirements, pod.metadata.labels) then
      local env = {}
      for _, entry in ipairs(pod.spec.containers[1].env or {}) do
        env[entry.name] = entry.value
      end
      return env, pod.metadata.labels
    end
  end
  return {}, nil
end

-- the functions for other simulators
local function face(server)
  local function store_of(api_version, kind)
    local k = assert(kinds.of(api_version, kind), "unknown kind " .. kind)
    return k.store
  end
  return {
    api = server,
    -- an object, or nil; the caller must not change it
    get = function(api_version, kind, namespace, name)
      return server.store:get(store_of(api_version, kind), namespace, name)
    end,
    -- objects; with labels, some that have none of them are left out
    list = function(api_version, kind, namespace, labels)
      local requirements = labels and selector.from_object(labels)
      return server.store:list(store_of(api_version, kind), namespace, requirements)
    end,
    -- applies objects
    apply = function(list) seed.seed(server.lab, list) end,
    -- namespace, service, tenant, port, labels, env and `ready` (it has a ready pod) of a Service; nil if there is none
    backend = function(namespace, name, port)
      local service = server.store:get("/services", namespace, name)
      if not service then return nil end
      local env, labels = environment(server, service)
      labels = value.merged(labels, service.metadata.labels)
      return {
        namespace = namespace,
        service = name,
        port = port,
        labels = labels,
        env = env,
        tenant = labels.tenant or env.TENANT_NAME,
        ready = proxy.has_endpoints(server.store, service),
      }
    end,
  }
end

--- Starts API server and controllers.
---@param lab table
---@return { port: integer, env: table<string, string>, stop: fun(), fault: fun(kind: string, options: table): boolean }
function M.start(lab)
  local state = lab.state("k8s")
  local is_new = not state.token
  state.token = state.token or crypto.hex(crypto.random(24))
  state.settings = state.settings or {}
  local server = { lab = lab, token = state.token, settings = state.settings }
  server.store = store.new { state = state, save = function() lab.save("k8s") end, clock = lab.clock }
  server.controllers = manager.new(server.store, lab, state.settings)
  controllers.register(server.controllers)
  lab.k8s = face(server)
  local authority = fs.read(lab.ca)
  server.controllers.authority = authority
  if is_new then seed.seed(lab, cluster.objects()) end
  server.controllers:resync()

  local listener = lab.serve("k8s", function(req)
    local status, headers, body = api.handle(server, req)
    server.controllers:run()
    return status, headers, body
  end, { tls = true })
  local url = ("https://%s:%d"):format(lab.host, listener.port)
  return {
    port = listener.port,
    env = { KUBECONFIG = write_kubeconfig(lab, url, authority, state.token) },
    fault = fault_handler(server),
    busy = function() return server.controllers:busy() end,
    keep = function()
      local store_back, controllers_back = server.store:keep(), server.controllers:keep()
      return function()
        store_back()
        controllers_back()
      end
    end,
    stop = function()
      server.controllers:stop()
      listener:stop()
    end,
  }
end

return M
