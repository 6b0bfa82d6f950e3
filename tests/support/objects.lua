--- Objects that a run for newclient may write, one of each kind, and changes of them, looked at with the grants that
--- stdlib/platform.lua gives newclient.

local assert = require "luassert"
local grants = require "o2x.client.k8s.grants"
local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

local M = {}

local NAME <const> = "newclient-service-sso"

local function pod(restarts)
  return {
    metadata = { labels = { app = NAME, tenant = "newclient", tier = "core" } },
    spec = {
      restartPolicy = restarts,
      containers = { { name = "main", image = "embrix/service-sso:v2.5.0" } },
    },
  }
end

local function selector() return { matchLabels = { app = NAME, tenant = "newclient" } } end

local function backend() return { service = { name = "newclient-service-proxy", port = { number = 8080 } } } end

-- apiVersion, spec or other fields.
local KINDS <const> = {
  Deployment = function() return "apps/v1", { spec = { selector = selector(), template = pod() } } end,
  StatefulSet = function()
    local spec = { serviceName = NAME, selector = selector(), template = pod() }
    return "apps/v1", { spec = spec }
  end,
  Job = function() return "batch/v1", { spec = { template = pod "Never" } } end,
  CronJob = function()
    return "batch/v1", { spec = { schedule = "0 3 * * *", jobTemplate = { spec = { template = pod "Never" } } } }
  end,
  HorizontalPodAutoscaler = function()
    local target = { apiVersion = "apps/v1", kind = "Deployment", name = NAME }
    return "autoscaling/v2", { spec = { scaleTargetRef = target, minReplicas = 2, maxReplicas = 4 } }
  end,
  PodDisruptionBudget = function() return "policy/v1", { spec = { selector = selector(), minAvailable = 1 } } end,
  Service = function()
    local ports = { { name = "http", port = 8080, targetPort = "http" } }
    return "v1", { spec = { selector = { app = NAME, tenant = "newclient" }, ports = ports } }
  end,
  Ingress = function()
    local rule = {
      host = "newclient.embrix.com",
      http = { paths = { { path = "/", pathType = "Prefix", backend = backend() } } },
    }
    local tls = { hosts = { "newclient.embrix.com" }, secretName = "newclient-tls-cert" }
    return "networking.k8s.io/v1", { spec = { ingressClassName = "nginx", tls = { tls }, rules = { rule } } }
  end,
  ConfigMap = function() return "v1", { data = { a = "b" } } end,
  Secret = function() return "v1", { type = "Opaque", data = { a = "Yg==" } } end,
  ServiceAccount = function() return "v1", {} end,
  PersistentVolumeClaim = function()
    return "v1",
      { spec = { accessModes = { "ReadWriteMany" }, storageClassName = "efs-sc", resources = { requests = {} } } }
  end,
  ServiceMonitor = function()
    local spec = {
      selector = { matchLabels = { tenant = "newclient" } },
      namespaceSelector = { matchNames = { "default" } },
      endpoints = { { port = "metrics", interval = "30s", path = "/actuator/prometheus" } },
    }
    return "monitoring.coreos.com/v1", { spec = spec }
  end,
  PrometheusRule = function()
    local rule = { alert = "Down", expr = 'up{tenant="newclient"} == 0', labels = { tenant = "newclient" } }
    return "monitoring.coreos.com/v1", { spec = { groups = { { name = "newclient", rules = { rule } } } } }
  end,
}

--- The kinds.
---@return string[]
function M.kinds()
  local names = {}
  for name in pairs(KINDS) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- An object that may be written.
---@param kind string
---@return table
function M.of(kind)
  local api_version, object = KINDS[kind]()
  object.apiVersion, object.kind = api_version, kind
  object.metadata = { name = NAME, namespace = "default", labels = { tenant = "newclient" } }
  return object
end

--- The kind of an object as discovery has it.
---@param object table
---@return table resource
function M.resource(object)
  local group = object.apiVersion:match("^(.*)/") or ""
  return { kind = object.kind, plural = object.kind:lower() .. "s", group = group, namespaced = true }
end

--- Sets a place: "spec.template.spec.containers.1.env", keys with dots after a "/" at the end: "metadata.labels/a.b/c".
---@param object table
---@param place string
---@param item any
---@return table object
function M.set(object, place, item)
  local plain, last = place:match("^([^/]*)/(.*)$")
  local at, keys = object, {}
  for key in (plain or place):gmatch("[^.]+") do
    keys[#keys + 1] = math.tointeger(tonumber(key)) or key
  end
  if last then keys[#keys + 1] = last end
  for i = 1, #keys - 1 do
    if type(at[keys[i]]) ~= "table" then at[keys[i]] = {} end
    at = at[keys[i]]
  end
  at[keys[#keys]] = item
  return object
end

--- The grants of a tenant, for the Kubernetes client.
---@param change fun(spec: table)? changes what stdlib/platform.lua gives
---@param tenant string? newclient if absent
---@return table grants
function M.grants(change, tenant)
  local spec = stdlib.new().require("platform").grants(stdlib.tenant(tenant or "newclient")).k8s
  if change then change(spec) end
  return grants.new(spec)
end

--- Adds a test for each row: { kind, place, value, what the message has }.
---@param it fun(what: string, body: fun())
---@param rows table[]
function M.each_refused(it, rows)
  local bounds = M.grants()
  for _, row in ipairs(rows) do
    local kind, place, item, expected = table.unpack(row, 1, 4)
    it(("%s %s = %s"):format(kind, place, type(item) == "table" and "{…}" or tostring(item)), function()
      local object = M.set(M.of(kind), place, item)
      local e = raised(bounds.contents, bounds, M.resource(object), "default", object)
      assert.equal("refused", e.kind)
      assert.is_truthy(e.message:find(expected, 1, true), e.message)
      assert.is_string(e.hint)
    end)
  end
end

--- Adds a test for each row: { kind, place, value }.
---@param it fun(what: string, body: fun())
---@param rows table[]
function M.each_allowed(it, rows)
  local bounds = M.grants()
  for _, row in ipairs(rows) do
    local kind, place, item = table.unpack(row, 1, 3)
    it(("%s %s = %s"):format(kind, place, type(item) == "table" and "{…}" or tostring(item)), function()
      local object = M.set(M.of(kind), place, item)
      bounds:contents(M.resource(object), "default", object)
    end)
  end
end

return M
