--- A client of the real Kubernetes for the lab itself: what other simulators ask of lab.k8s, and what is seeded.

local errors = require "o2x.base.error"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local kinds = require "lab.k8s.kinds"
local value = require "lab.k8s.value"

local M = {}

local MANAGER <const> = "lab"
local TIMEOUT <const> = 30 -- seconds of a request

local function query_of(options)
  local parts = {}
  for name, text in pairs(options or {}) do
    parts[#parts + 1] = name .. "=" .. http.percent_encode(tostring(text))
  end
  return parts[1] and "?" .. table.concat(parts, "&") or ""
end

local function path_of(api_version, name, namespace, object)
  local kind = assert(kinds.of(api_version, name), "unknown kind " .. name)
  local parts = { api_version == "v1" and "/api/v1" or "/apis/" .. api_version }
  if namespace and kind.namespaced then parts[#parts + 1] = "namespaces/" .. namespace end
  parts[#parts + 1] = kind.resource
  parts[#parts + 1] = object
  return table.concat(parts, "/")
end

local function of_object(object)
  local meta, kind = object.metadata, kinds.of(object.apiVersion, object.kind)
  local namespace = kind and kind.namespaced and (meta.namespace or "default") or nil
  return path_of(object.apiVersion, object.kind, namespace, meta.name)
end

local function text_of(labels)
  local parts = {}
  for name, text in pairs(labels or {}) do
    parts[#parts + 1] = name .. "=" .. text
  end
  return table.concat(parts, ",")
end

---@class lab.real.Cluster
local Cluster = {}
Cluster.__index = Cluster

--- Sends a request.
---@param method string
---@param path string
---@param options { query: table?, json: table?, type: string? }?
---@return integer status
---@return table answer
function Cluster:ask(method, path, options)
  options = options or {}
  local answer = http.request {
    method = method,
    url = self.url .. path .. query_of(options.query),
    token = self.token,
    ca_file = self.ca,
    headers = options.json and { ["Content-Type"] = options.type or "application/json" } or nil,
    body = options.json and json.encode(options.json) or nil,
    timeout = TIMEOUT,
  }
  local ok, decoded = pcall(json.decode, answer.body)
  return answer.status, ok and type(decoded) == "table" and decoded or {}
end

local function must(self, method, path, options)
  local status, answer = self:ask(method, path, options)
  if status < 300 then return answer end
  errors.raise {
    kind = "failed",
    module = "lab",
    message = ("Kubernetes: %s %s: %d %s"):format(method, path, status, answer.message or ""),
  }
end

--- An object; nil if it is not there.
---@param api_version string
---@param kind string
---@param namespace string?
---@param name string
---@return table?
function Cluster:get(api_version, kind, namespace, name)
  local status, answer = self:ask("GET", path_of(api_version, kind, namespace, name))
  return status == 200 and answer or nil
end

--- The objects of a kind.
---@param api_version string
---@param kind string
---@param namespace string?
---@param labels table<string, string>? those that have all of these
---@return table[]
function Cluster:list(api_version, kind, namespace, labels)
  local query = labels and { labelSelector = text_of(labels) }
  local status, answer = self:ask("GET", path_of(api_version, kind, namespace), { query = query })
  return status == 200 and answer.items or {}
end

--- Applies objects in order; what is in their status, too.
---@param list table[]
function Cluster:apply(list)
  for _, object in ipairs(list) do
    local path = of_object(object)
    local plain = value.merged(object)
    plain.status = nil
    must(self, "PATCH", path, {
      query = { fieldManager = MANAGER, force = true },
      json = plain,
      type = "application/apply-patch+yaml",
    })
    if object.status then self:set_status(object, object.status, MANAGER) end
  end
end

--- Sets an object's status, as its controller does.
---@param object table apiVersion, kind, metadata
---@param status table
---@param manager string
function Cluster:set_status(object, status, manager)
  must(self, "PATCH", of_object(object) .. "/status", {
    query = { fieldManager = manager },
    json = { status = status },
    type = "application/merge-patch+json",
  })
end

--- Deletes an object.
---@param object table apiVersion, kind, metadata
function Cluster:delete(object) self:ask("DELETE", of_object(object)) end

local function is_ready(pod)
  for _, condition in ipairs((pod.status or {}).conditions or {}) do
    if condition.type == "Ready" then return condition.status == "True" end
  end
  return false
end

local function environment(pod)
  local env = {}
  for _, entry in ipairs(pod and pod.spec.containers[1].env or {}) do
    env[entry.name] = entry.value
  end
  return env
end

--- What is behind a Service, as the simulator's lab.k8s.backend says it.
---@param namespace string
---@param name string
---@param port integer
---@return table?
function Cluster:backend(namespace, name, port)
  local service = self:get("v1", "Service", namespace, name)
  if not service then return nil end
  local pods = service.spec.selector and self:list("v1", "Pod", namespace, service.spec.selector) or {}
  local ready = false
  for _, pod in ipairs(pods) do
    ready = ready or is_ready(pod)
  end
  local env, labels = environment(pods[1]), value.merged(pods[1] and pods[1].metadata.labels, service.metadata.labels)
  return {
    namespace = namespace,
    service = name,
    port = port,
    labels = labels,
    env = env,
    tenant = labels.tenant or env.TENANT_NAME,
    ready = ready,
  }
end

--- What other simulators ask of lab.k8s, with a dot.
---@return table
function Cluster:face()
  return {
    get = function(...) return self:get(...) end,
    list = function(...) return self:list(...) end,
    backend = function(...) return self:backend(...) end,
    apply = function(list) self:apply(list) end,
  }
end

--- A client.
---@param server { url: string, token: string, ca: string }
---@return lab.real.Cluster
function M.new(server) return setmetatable({ url = server.url, token = server.token, ca = server.ca }, Cluster) end

return M
