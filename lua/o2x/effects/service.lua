--- Objects that live in a service of the tenant, behind its own HTTP interface: found by one request, made by another.
--- Runbooks: require "o2x.service". A request names a `service`, and goes through the API server's proxy, so that
--- nothing is port-forwarded; or a `url`, and goes the way of clients. What needs a session's token must use a `url`:
--- the API server keeps the Authorization header for itself.

local errors = require "o2x.base.error"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local scope = require "o2x.base.scope"
local secret = require "o2x.base.secret"

local DEFAULT_PORT = 8080
local TIMEOUT = 30 -- seconds

-- "data.getBills.1.id" of a decoded answer; json null counts as absent.
local function pick(value, path)
  for part in path:gmatch("[^.]+") do
    if type(value) ~= "table" then return nil end
    value = value[math.tointeger(part) or part]
  end
  if type(value) == "userdata" then return nil end
  return value
end

local function send_by_url(ctx, request, headers)
  local scheme, host = http.split(request.url)
  if scheme ~= "https" then errors.input(("'%s' is not an https URL"):format(tostring(request.url))) end
  scope.domain(ctx.scope.http, host, "the HTTP host")
  local https = ctx.config.https or {}
  local response = http.request {
    module = "service",
    method = request.method or "GET",
    url = request.url,
    headers = headers,
    json = request.json,
    timeout = request.timeout or TIMEOUT,
    connect_to = https.connect_to,
    ca_file = https.ca,
  }
  local ok, value = pcall(json.decode, response.body)
  response.json = ok and value or nil
  return response
end

local function send_by_proxy(ctx, request, headers)
  return ctx:client("k8s"):request(request.service, request.port or DEFAULT_PORT, {
    method = request.method or "GET",
    path = request.path,
    headers = headers,
    json = request.json,
    timeout = request.timeout or TIMEOUT,
  })
end

local function send(ctx, request)
  local headers = {}
  for name, value in pairs(request.headers or {}) do
    headers[name] = value
  end
  if request.session then headers.authorization = "Bearer " .. request.session.token() end
  local response = (request.url and send_by_url or send_by_proxy)(ctx, request, headers)
  if response.status == 401 and request.session then request.session.forget() end
  return response
end

local function refuse(request, response, what)
  local answered = response.json and (pick(response.json, "errors.1.message") or response.json.message)
  errors.raise {
    kind = response.status == 401 and "unauthorised" or "failed",
    module = "service",
    op = what,
    code = response.status,
    message = ("%s answers %d%s"):format(
      request.url or request.service .. " " .. request.path,
      response.status,
      answered and ": " .. answered or ""
    ),
  }
end

local function ask(ctx, request, what)
  local response = send(ctx, request)
  if response.status >= 300 or (response.json and response.json.errors and what == "create") then
    refuse(request, response, what)
  end
  return response
end

-- A service's objects can only be there when its release is.
local function release_of(target) return "helm.release", { name = target.service } end

local object = {
  kind = "service.object",
  class = "idempotent",
  record = function(target) return { service = target.service, name = target.name } end,
  undo = {
    before = "whether the object was there",
    how = "not at all",
    cannot = "an object of a service: only the service can take it away",
  },
  key = function(target) return target.service .. ": " .. target.name end,
  read = function(ctx, target)
    local found = pick(ask(ctx, target.find, "find").json, target.found)
    return found ~= nil and { id = found } or nil
  end,
  equal = function(current, desired) return (current == nil) == (desired == nil) end,
  write = function(ctx, target)
    if not target.create then
      errors.raise {
        kind = "failed",
        module = "service",
        op = "create",
        message = target.name .. " is not there, though it should follow from what was done",
      }
    end
    ask(ctx, target.create, "create")
  end,
  predict = function() return { id = "(known after apply)" } end,
  show = function(target, before)
    return { title = target.service .. ": " .. target.name, lines = { (before and "  " or "+ ") .. target.name } }
  end,
  parent = release_of,
}

-- A session logs in when it is first used and keeps its token for the run; the token is a secret.
local function session(ctx, options)
  local token
  local function login()
    local response = ctx:client("k8s"):request(
      options.service,
      options.port or DEFAULT_PORT,
      { method = "POST", path = options.path, json = options.json(), timeout = TIMEOUT }
    )
    local value = response.status < 300 and pick(response.json, options.token)
    if not value then refuse(options, response, "log in") end
    token = secret.new(value, "token of " .. options.service)
    return token
  end
  return {
    login = function() login() end,
    token = function() return token or login() end,
    forget = function() token = nil end,
  }
end

local function api(ctx)
  return {
    --- Ensures an object of a service.
    ---@param options { name: string, service: string, find: table, found: string, create: table? } find, create:
    ---  requests as for call; found: where the answer to find has the id
    ---@return any id what find answers at `found`
    ensure = function(options) return ctx:effect("service.object", options, { present = true }).id end,

    --- Sends a request that changes nothing of the tenant's: a query, a test. For checks.
    ---@param request { service: string?, port: integer?, path: string?, url: string?, method: string?,
    ---  headers: table?, json: any, session: table? }
    ---@return { status: integer, headers: table, body: string, json: any }
    call = function(request) return send(ctx, request) end,

    --- A session at a service that gives tokens.
    ---@param options { service: string, path: string, json: fun(): table, token: string } token: its place in the
    ---  answer
    ---@return { login: function, token: function, forget: function }
    session = function(options) return session(ctx, options) end,
  }
end

return { name = "service", declares = "service:write", types = { object }, api = api }
