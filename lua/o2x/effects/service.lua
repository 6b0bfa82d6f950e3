--- Objects in a service of the tenant, reached over its HTTP interface: one request finds an object, another creates
--- it. Runbooks: require "o2x.service". A request with `service` goes through the API server's proxy, so no port is
--- forwarded. A request with `url` goes the way that clients go. A request with a session's token needs a `url`: the
--- API server does not forward the Authorization header.

local errors = require "o2x.base.error"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local leaks = require "o2x.base.leaks"
local scope = require "o2x.base.scope"
local secret = require "o2x.base.secret"

local DEFAULT_PORT = 8080
local TIMEOUT = 30 -- seconds

-- The value at a path of a decoded answer: "data.getBills.1.id". JSON null counts as absent.
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
    message = ("%s answered %d%s"):format(
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

-- A service's objects can exist only if its release does.
local function release_of(target) return "helm.release", { name = target.service } end

local object = {
  kind = "service.object",
  class = "idempotent",
  record = function(target) return { service = target.service, name = target.name } end,
  undo = {
    before = "whether the object existed",
    how = "not possible",
    cannot = "an object of a service: only the service can remove it",
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
        message = target.name .. " does not exist, although an earlier step should have created it",
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

-- A session logs in at its first use and keeps its token, a secret, for the run.
local function session(ctx, options)
  local token
  local function login()
    local body = options.json()
    leaks.check(body, { what = "the login of " .. options.service, secrets = true, stored = true })
    local response = ctx:client("k8s"):request(
      options.service,
      options.port or DEFAULT_PORT,
      { method = "POST", path = options.path, json = body, timeout = TIMEOUT }
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
    ---@return any id the value at `found` in the answer to find
    ensure = function(options) return ctx:effect("service.object", options, { present = true }).id end,

    --- Sends a request that changes nothing: a query, a test. For checks.
    ---@param request { service: string?, port: integer?, path: string?, url: string?, method: string?,
    ---  headers: table?, json: any, session: table? }
    ---@return { status: integer, headers: table, body: string, json: any }
    call = function(request) return send(ctx, request) end,

    --- A session with a service that issues tokens.
    ---@param options { service: string, path: string, json: fun(): table, token: string } token: its place in the
    ---  answer
    ---@return { login: function, token: function, forget: function }
    session = function(options) return session(ctx, options) end,
  }
end

-- Where a request may hold secrets.
local IN_REQUEST <const> = { "^headers%.[^.]+$", "^json%.", "^json$" }
local IN_OBJECT <const> = {}
for _, pattern in ipairs(IN_REQUEST) do
  for _, request in ipairs { "find", "create" } do
    IN_OBJECT[#IN_OBJECT + 1] = ("^%s%%.%s"):format(request, pattern:sub(2))
  end
end

return {
  name = "service",
  declares = "service:write",
  secrets = { ensure = IN_OBJECT, call = IN_REQUEST },
  types = { object },
  api = api,
}
