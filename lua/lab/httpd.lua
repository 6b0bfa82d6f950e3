--- An HTTP server that handles each request in its own task.

local core = require "o2x.core.httpd"
local errors = require "o2x.base.error"
local sink = require "o2x.base.sink"
local task = require "o2x.base.task"

local M = {}

local MAX_BODY <const> = 64 * 1024 * 1024

---@class httpd.request
---@field method string
---@field target string path and query as received
---@field path string without the query, not decoded
---@field query table<string, string> decoded; the last of repeated ones
---@field headers table<string, string> lower-case names; repeated ones are joined by ", "
---@field body string
local Request = {}
Request.__index = Request

--- Decodes %XX. In forms and queries, "+" must be replaced by a space before.
---@param text string
---@return string
function M.decode(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- Encodes all bytes but letters, digits and "-._~" as %XX.
---@param text string
---@param safe string? another character to leave as it is, such as "/"
---@return string
function M.encode(text, safe)
  local pattern = "[^%w%-%._~" .. (safe and "%" .. safe or "") .. "]"
  return (text:gsub(pattern, function(c) return ("%%%02X"):format(c:byte()) end))
end

local function parse_query(text)
  local query = {}
  for pair in text:gmatch "[^&]+" do
    local name, value = pair:match "^([^=]*)=?(.*)$"
    query[M.decode((name:gsub("+", " ")))] = M.decode((value:gsub("+", " ")))
  end
  return query
end

local function collect_headers(list)
  local headers = {}
  for i = 1, #list, 2 do
    local name, value = list[i]:lower(), list[i + 1]
    headers[name] = headers[name] and headers[name] .. ", " .. value or value
  end
  return headers
end

-- The server sets these headers itself.
local FRAMING <const> = { ["content-length"] = true, ["transfer-encoding"] = true }

local function flatten_headers(headers)
  local list = {}
  for name, value in pairs(headers or {}) do
    if not FRAMING[name:lower()] then
      for _, each in ipairs(type(value) == "table" and value or { value }) do
        list[#list + 1] = name
        list[#list + 1] = tostring(each)
      end
    end
  end
  return list
end

local function new_request(handle)
  local method, target, headers, body = handle:info()
  local path, query = target:match "^([^?]*)%??(.*)$"
  return setmetatable({
    handle = handle,
    method = method,
    target = target,
    path = path,
    query = parse_query(query),
    headers = collect_headers(headers),
    body = body,
  }, Request)
end

--- Starts a streamed (chunked) response. The results of the handler are then ignored.
---@param status integer
---@param headers table<string, string|string[]>?
---@return userdata writer write(bytes) → false if the client is gone; close(); closed(); notify(event)
function Request:stream(status, headers)
  self.taken = true
  return self.handle:stream(status, flatten_headers(headers))
end

--- Closes the connection without a response.
function Request:drop()
  self.taken = true
  self.handle:drop()
end

local function default_log(text) sink.lines("stderr", "o2x httpd: " .. text) end

local function answer(request, status, headers, body)
  if not request.taken then request.handle:answer(status or 200, flatten_headers(headers), body or "") end
end

local function report(state, request, problem)
  if problem == errors.cancelled then return end
  state.log(("%s %s: %s"):format(request.method, request.path, problem.traceback or tostring(problem)))
  if not request.taken then
    pcall(request.handle.answer, request.handle, 500, { "Content-Type", "text/plain" }, "internal error\n")
  end
end

local function handle(state, userdata)
  local connection <close> = userdata -- so that it is closed in any case
  local request = new_request(connection)
  local ok, problem = xpcall(function() answer(request, state.handler(request)) end, errors.handler)
  if not ok then report(state, request, problem) end
end

local function accept_loop(state)
  while true do
    local op <close> = state.core:accept()
    task.wait(op, math.huge)
    local request = op:result()
    if not request then return end
    local running = task.spawn(handle, state, request)
    state.running[running] = true
    running.on_end = function() state.running[running] = nil end
  end
end

local function listen(options, port)
  local tls, host = options.tls or {}, options.host or "127.0.0.1"
  return errors.check(
    { kind = "failed", module = "httpd", op = "listen", message = ("%s:%d"):format(host, port) },
    core.listen(host, port, options.max_body or MAX_BODY, tls.cert, tls.key)
  )
end

---@class httpd.server
---@field port integer
local Server = {}
Server.__index = Server

--- Stops listening, closes every connection and cancels running handlers. May be called twice.
function Server:stop()
  local state = self.state
  if state.stopped then return end
  state.stopped = true
  state.core:stop()
  for running in pairs(state.running) do
    running:cancel()
  end
end

--- Has a server listen again that does not for a while.
function Server:up()
  while self.state.down do
    self.state.down:set()
    task.sleep(0.001)
  end
end

--- Ends what is under way: running handlers are cancelled and their connections closed. The server goes on and listens.
function Server:cut()
  for running in pairs(self.state.running) do
    running:cancel()
  end
  self:up()
end

--- Stops listening, closes every connection and cancels running handlers; then listens again on the same port.
---@param seconds number for how long nothing listens
function Server:restart(seconds)
  local state = self.state
  state.core:stop()
  self:cut()
  if seconds > 0 then
    local down <close> = task.event()
    state.down = down
    task.wait(down, seconds)
    state.down = nil
  end
  if state.stopped then return end
  state.core = listen(state.options, self.port)
  task.spawn(accept_loop, state)
end

Server.__close = Server.stop

--- Starts a server.
---@param options table handler, host ("127.0.0.1"), port (0), tls {cert=, key=} as PEM text, max_body, log(text)
---@return httpd.server
function M.serve(options)
  local listener = listen(options, options.port or 0)
  local state = {
    core = listener,
    handler = options.handler,
    log = options.log or default_log,
    running = {},
    options = options,
  }
  task.spawn(accept_loop, state)
  return setmetatable({ port = listener:port(), state = state }, Server)
end

return M
