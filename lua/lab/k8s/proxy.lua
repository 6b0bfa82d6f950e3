--- Requests to a Service through the API server: /api/v1/namespaces/NS/services/NAME:PORT/proxy/PATH. The lab's tenant
--- services handle them if the Service has a ready pod.
local body = require "lab.k8s.body"
local status = require "lab.k8s.status"
local value = require "lab.k8s.value"

local M = {}

local function unavailable(message) return body.answer(status.failure(503, "ServiceUnavailable", message)) end

--- The name and the port in "https:name:port", "name:port", "name".
---@param text string
---@return string? name
---@return string? port its name or number
function M.parse(text)
  local name, port = text:match("^https?:([^:]+):?([^:]*)$")
  if not name then
    name, port = text:match("^([^:]+):?([^:]*)$")
  end
  return name, port ~= "" and port or nil
end

--- A port of a Service by its name or number; the only one without.
---@param service table
---@param port_name string?
---@return table?
function M.find_port(service, port_name)
  local ports = value.get(service, "spec", "ports") or {}
  if not port_name then return #ports == 1 and ports[1] or nil end
  for _, port in ipairs(ports) do
    if port.name == port_name or tostring(port.port) == port_name then return port end
  end
end

--- Whether a Service has a ready pod.
---@param store lab.k8s.Store
---@param service table
---@return boolean
function M.has_endpoints(store, service)
  local endpoints = store:get("/endpoints", service.metadata.namespace, service.metadata.name)
  for _, subset in ipairs(endpoints and endpoints.subsets or {}) do
    if #(subset.addresses or {}) > 0 then return true end
  end
  return false
end

-- the lab's own handler if it has one (in tests), else the simulated services
local function call(lab, info, req)
  if lab.service then return lab.service(info, req) end
  return require("lab.backends").handle(lab, info, req)
end

--- Handles a request to a Service.
---@param api table
---@param req table
---@param target lab.k8s.Target
---@return integer? status
---@return table? headers
---@return string? body
function M.handle(api, req, target)
  local name, port_name = M.parse(target.name)
  local service = name and api.store:get("/services", target.namespace, name)
  if not service then return body.answer(status.not_found(target.kind, name or target.name)) end
  local port = M.find_port(service, port_name)
  if not port then return unavailable(("no service port %q found for service %q"):format(port_name or "", name)) end
  if not M.has_endpoints(api.store, service) then
    return unavailable(("no endpoints available for service %q"):format(target.name))
  end
  local path = target.rest ~= "" and target.rest or "/"
  local query = req.target:match("%?.*$") or ""
  local headers = value.merged(req.headers)
  headers.authorization = headers["x-forwarded-authorization"]
  local inner = setmetatable({ path = path, target = path .. query, headers = headers }, { __index = req })
  return call(api.lab, api.lab.k8s.backend(target.namespace, name, port.port), inner)
end

return M
