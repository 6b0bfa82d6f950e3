--- A request as scripts describe it: checked field by field, then sent once. A request with `service` goes through the
--- API server's proxy, one with `url` the way that clients go. Part of o2x.service.

local errors = require "o2x.base.error"
local graphql = require "o2x.effects.service.graphql"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local rules = require "o2x.client.request_rules"
local by_hand = require "o2x.effects.service.by_hand"
local scope = require "o2x.base.scope"

local M = {}

local DEFAULT_PORT <const> = 8080
local TIMEOUT <const> = 30 -- seconds
local LONGEST <const> = 300

-- The fields of each sort of request.
local PLACE <const> = { "service", "port", "path", "url", "headers", "session", "timeout" }
local FIELDS <const> = {
  call = { "method", "once" },
  query = { "query", "variables", "operation", "once" },
  send = { "method", "json" },
  test = { "json" },
  login = { "json" },
}

local sessions = setmetatable({}, { __mode = "k" }) -- what a script holds → its session

local function input(message) errors.raise { kind = "input", module = "service", message = message } end

--- Checks that a table has no other fields.
---@param given any
---@param what string the function that was called
---@param ... string[] names
function M.only(given, what, ...)
  if type(given) ~= "table" then input(("%s: expected a table, got a %s"):format(what, type(given))) end
  local known, names = {}, {}
  for _, list in ipairs { ... } do
    for _, name in ipairs(list) do
      known[name], names[#names + 1] = true, name
    end
  end
  for name in pairs(given) do
    if not known[name] then
      input(("%s: unknown field %q (%s)"):format(what, tostring(name), table.concat(names, ", ")))
    end
  end
end

--- Makes a session known by what scripts hold of it.
---@param handle table
---@param session { token: function, forget: function }
function M.add_session(handle, session) sessions[handle] = session end

-- ---- where it goes ----

local function check_url(ctx, url)
  local scheme, host, port = http.split(tostring(url))
  if scheme ~= "https" then input(("'%s' is not an https URL"):format(tostring(url))) end
  scope.domain(ctx.scope.http, host, "the HTTP host")
  if port and port ~= 443 then scope.name(ctx.scope.http, host .. ":" .. port, "the HTTP host and port") end
  local path = url:match("^https://[^/?#]*(.*)$")
  return path ~= "" and rules.path(path, "path of a URL") or "/"
end

-- Each sort of request may go only to a path where it does what it says.
local PATH <const> = {
  call = function(path, what) return rules.read_path(path, what) end,
  query = function(path, _, ctx) return rules.query_path(path, ctx.scope.graphql) end,
}

local function check_path(ctx, path, sort, what) return PATH[sort] and PATH[sort](path, what, ctx) or path end

local function place(ctx, given, sort, what)
  if (given.url == nil) == (given.service == nil) then input(what .. ": a request needs either url or service") end
  if given.url ~= nil then
    if given.path ~= nil or given.port ~= nil then input(what .. ": path and port go with service, not with url") end
    check_path(ctx, check_url(ctx, given.url), sort, what)
    return { url = given.url, to = given.url:gsub("%?.*", "") }
  end
  local path, port = check_path(ctx, rules.path(given.path or "/"), sort, what), given.port or DEFAULT_PORT
  if type(given.service) ~= "string" then input(what .. ": service must be a text") end
  local at = port == DEFAULT_PORT and "" or ":" .. tostring(port)
  return {
    service = given.service,
    port = port,
    path = path,
    to = ("%s%s %s"):format(given.service, at, (path:gsub("%?.*", ""))),
  }
end

local function seconds(timeout, what)
  if timeout == nil then return TIMEOUT end
  if type(timeout) ~= "number" or not (timeout > 0 and timeout <= LONGEST) then
    input(("%s: timeout must be a number of seconds, at most %d"):format(what, LONGEST))
  end
  return timeout
end

local METHOD <const> = {
  call = rules.read_method,
  send = rules.write_method,
  query = function() return "POST" end,
  test = function() return "POST" end,
  login = function() return "POST" end,
}

---@class o2x.service.request
---@field method string
---@field to string where it goes, for people: "newclient-service-sso /api/users"
---@field headers table
---@field json any
---@field reads boolean it may be sent again after a lost answer: it reads, or nothing lasting comes of it
---@field asks boolean it may also be sent again after an answer that says: not now
---@field session table? what o2x.service.session knows of it

--- Checks a request.
---@param ctx table
---@param given table what the script gave
---@param sort "call"|"query"|"send"|"test"|"login" what it may do, and so its fields
---@param extra string[]? more fields, which the caller reads
---@return o2x.service.request
function M.check(ctx, given, sort, extra)
  local what = "service." .. (sort == "login" and "session" or sort)
  if type(given) == "table" and sort == "call" then rules.read_method(given.method, what) end
  M.only(given, what, PLACE, FIELDS[sort], extra or {})
  local request = place(ctx, given, sort, what)
  request.method = METHOD[sort](given.method, what)
  request.headers = rules.headers(given.headers, ctx.scope.headers)
  request.session = given.session ~= nil
      and (sessions[given.session] or input(what .. ": session must be what service.session returned"))
    or nil
  request.timeout = seconds(given.timeout, what)
  request.json = given.json
  request.reads = sort ~= "send" and not given.once
  request.asks = request.reads and sort ~= "test"
  if sort == "query" then
    if given.variables ~= nil and type(given.variables) ~= "table" then input(what .. ": variables must be a table") end
    request.json = {
      query = graphql.query(given.query, given.operation),
      variables = given.variables,
      operationName = given.operation,
    }
  end
  return request
end

--- Checks a request that only reads: a query if it has one, else a call.
---@param ctx table
---@param given table
---@return o2x.service.request
function M.check_read(ctx, given)
  return M.check(ctx, given, type(given) == "table" and given.query ~= nil and "query" or "call")
end

-- ---- sending ----

local function send_by_url(ctx, request, headers)
  local https = ctx.config.https or {}
  local response = http.request {
    module = "service",
    method = request.method,
    url = request.url,
    headers = headers,
    json = request.json,
    reads = request.reads,
    timeout = request.timeout,
    connect_to = https.connect_to,
    ca_file = https.ca,
  }
  local ok, value = pcall(json.decode, response.body)
  response.json = ok and value ~= json.null and value or nil
  return http.plain(response)
end

local function send_by_proxy(ctx, request, headers)
  return ctx:client("k8s"):request(request.service, request.port, {
    method = request.method,
    path = request.path,
    headers = headers,
    json = request.json,
    reads = request.reads,
    timeout = request.timeout,
  })
end

-- A request that reads is sent again where the rules allow it; any other is the gate's business.
local function send_by_rules(ctx, request, headers)
  local function send() return (request.url and send_by_url or send_by_proxy)(ctx, request, headers) end
  local system = request.url and "http " .. select(2, http.split(request.url)) or "k8s"
  local function again(fn) return ctx:ask(system, fn) end
  if request.asks then return http.read(again, "service", request, send) end
  return request.reads and again(send) or send()
end

--- Sends a checked request.
---@param ctx table
---@param request o2x.service.request
---@param headers table? more of them
---@return table response status, headers, body, json
function M.send(ctx, request, headers)
  ctx:look(function() return { by_hand.command(ctx, request) } end)
  local all = {}
  for _, list in ipairs { request.headers, headers or {} } do
    for name, value in pairs(list) do
      all[name] = value
    end
  end
  if request.session then all.authorization = "Bearer " .. request.session.token() end
  local response = send_by_rules(ctx, request, all)
  if response.status == 401 and request.session then request.session.forget() end
  return response
end

--- Brings about an effect. What a plan cannot know without a login is listed in it instead.
---@param ctx table
---@param kind string
---@param target any
---@param desired any
---@param what string for the list
---@return any after nil if it was listed
function M.effect(ctx, kind, target, desired, what)
  local ok, result = pcall(ctx.effect, ctx, kind, target, desired)
  if ok then return result end
  if not (errors.is(result) and result.code == "when_applied") then error(result, 0) end
  ctx:check_later(what)
end

--- The value at a path of a decoded answer: "data.getBills.1.id". JSON null counts as absent.
---@param value any
---@param path string
---@return any
function M.pick(value, path)
  for part in path:gmatch("[^.]+") do
    if type(value) ~= "table" then return nil end
    value = value[math.tointeger(part) or part]
  end
  if type(value) == "userdata" then return nil end
  return value
end

--- Raises the failure that an answer reports.
---@param request o2x.service.request
---@param response table
---@param op string
function M.fail(request, response, op)
  http.raise_mood("service", response, {
    to = request.to,
    module = "service",
    op = op,
    method = request.method,
    reads = request.reads,
  })
  local answered = response.json and (M.pick(response.json, "errors.1.message") or M.pick(response.json, "message"))
  errors.raise {
    kind = response.status == 401 and "unauthorised" or "failed",
    module = "service",
    op = op,
    code = response.status,
    message = ("%s answered %d%s"):format(request.to, response.status, answered and ": " .. tostring(answered) or ""),
  }
end

return M
