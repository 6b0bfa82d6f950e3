--- Requests to services in the cluster through the API server's proxy, without port forwarding. A method of the client
--- (o2x.k8s).

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local rules = require "o2x.client.request_rules"
local status = require "o2x.client.k8s.status"

local Client = {}

local function bad(what, value)
  local message = ("invalid %s: %q"):format(what, tostring(value))
  errors.raise { kind = "input", module = "k8s", op = "request", message = message }
end

-- A service is named as it is: "https:name:port" would be another one for the API server.
local function check_service(service, port)
  if type(service) ~= "string" or #service > 63 or not service:match("^[a-z0-9][a-z0-9-]*$") then
    bad("service", service)
  end
  local number = math.type(port) == "integer" and port or type(port) == "string" and tonumber(port:match("^%d+$"))
  local named = type(port) == "string" and #port <= 15 and port:match("^[a-z0-9-]*[a-z][a-z0-9-]*$")
  if not named and not (number and number > 0 and number < 65536) then bad("port", port) end
end

-- Whether the answer comes from the API server and not from the service behind it.
local function is_api_refusal(response)
  local body = response.body
  return response.status >= 400 and body:find('"kind":%s*"Status"') ~= nil and body:find('"apiVersion":%s*"v1"') ~= nil
end

-- What the API server says when it is well itself, and nothing behind it answers.
local BEHIND <const> = {
  "no endpoints available for service",
  "no service port .* found for service",
  "error trying to reach service",
}

local function is_behind(err)
  for _, text in ipairs(BEHIND) do
    if err.message:find(text) then return true end
  end
  return false
end

local function refusal(what, response, is_read)
  local err = status.error(what, response, "request", is_read)
  return is_behind(err) and errors.amend(err, { behind = true }) or err
end

-- The API server consumes Authorization and does not pass it on. A service's own token goes into the header that
-- authenticating proxies use.
local function headers_for_service(headers)
  local out = {}
  for name, value in pairs(headers or {}) do
    local lower = name:lower()
    if lower:match("^impersonate%-") then bad("header of a service request", name) end -- it would impersonate a user
    out[lower == "authorization" and "X-Forwarded-Authorization" or name] = value
  end
  return out
end

--- Sends a request to a service of the cluster and returns its answer, whatever its status. A service with read-only
--- grants gets only safe methods, unless `shared` promises that the caller sends only the tenant's own data. An error
--- has `behind` where the API server answers and the service does not.
---@param service string
---@param port integer|string
---@param o { method: string?, path: string?, headers: table?, json: any, body: any, timeout: number?,
---  namespace: string?, shared: boolean?, reads: boolean? } reads: it only reads, whatever its method
---@return { status: integer, headers: table, body: string, json: any }
function Client:request(service, port, o)
  if not rules.is_read(o.method or "GET") then rules.write_method(o.method, "k8s request") end
  local path, method = rules.path(o.path or "/", "path of a service request"), o.method or "GET"
  check_service(service, port)
  local _, base, what = self:place("Service", service, o.namespace, rules.is_read(method) or o.shared or false)
  local is_json = o.json ~= nil
  local response = self:send(method, ("%s:%s/proxy%s"):format(base, port, path), {
    accept = "*/*",
    headers = headers_for_service(o.headers),
    timeout = o.timeout,
    reads = o.reads,
    body = is_json and json.encode_secret(o.json) or o.body,
    content_type = is_json and "application/json" or nil,
  })
  if is_api_refusal(response) then error(refusal(what, response, o.reads or rules.is_read(method)), 0) end
  if (response.headers["content-type"] or ""):find("json", 1, true) then
    local ok, value = pcall(json.decode, response.body)
    response.json = ok and value ~= json.null and value or nil
  end
  return response
end

return Client
