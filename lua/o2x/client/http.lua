--- The HTTP client: one request gives one answer or one error object. It neither retries nor follows redirects.

local core = require "o2x.core.http"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local program = require "o2x.core.program"
local proxies = require "o2x.client.proxy"
local retry_rules = require "o2x.base.retry_rules"
local scope = require "o2x.base.scope"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"

local M = {}

local TIMEOUT <const>, CONNECT_TIMEOUT <const> = 60, 10
local LONGEST_LINE <const>, LONGEST_REST <const> = 16 << 20, 32 << 20 -- bytes of a stream

-- Fields that go to libcurl unchanged.
local PASSED <const> = {
  "method",
  "url",
  "max_body",
  "stream",
  "ca",
  "ca_file",
  "cert",
  "key",
  "aws_sigv4",
  "access_key",
  "secret_key",
  "body_file",
}
local KNOWN <const> = {
  headers = true,
  body = true,
  json = true,
  timeout = true,
  connect_timeout = true,
  token = true,
  scope = true,
  secret_body = true,
  module = true,
  connect_to = true,
  proxy = true,
  tls_name = true,
  reads = true,
}
for _, name in ipairs(PASSED) do
  KNOWN[name] = true
end

-- Requests with these methods change nothing, so an unknown outcome does not matter.
local SAFE <const> = { GET = true, HEAD = true, LIST = true, OPTIONS = true }

-- Codes of the native client: the request was certainly not sent.
local NOT_SENT <const> = { dns = true, refused = true, connect_timeout = true, tls = true, url = true }

local function kind_of(code, is_read)
  if code == "url" then return "input" end
  if NOT_SENT[code] then return "unreachable" end
  return is_read and "failed" or "unknown"
end

local HINTS <const> = {
  tls = "check the certificate authority and the host name; the server must speak TLS 1.2 or newer",
  unknown = "the request may have been carried out: check before sending it again",
}

-- Where a request went through a proxy, its failure may be the proxy's.
local function by_proxy(request)
  if not request.via then return "" end
  local host = request.via:gsub("^%a[%w+.-]*://", ""):gsub("^.*@", "")
  return (" (by the proxy %s%s)"):format(host, request.proxy_from and ", " .. request.proxy_from or "")
end

--- Does the request only read? By its method, or because the sender says so: a query that is sent as POST.
---@param request { method: string?, reads: boolean? }
---@return boolean
function M.is_read(request) return request.reads or SAFE[request.method or "GET"] or false end

local function fail(request, message, code)
  local is_read = M.is_read(request)
  local judged = retry_rules.judge("network", { code = code }, is_read) or {}
  local kind = judged.kind or kind_of(code, is_read)
  local retryable = judged.retryable
  if not judged.kind then retryable = false end
  errors.raise {
    kind = kind,
    module = request.module or "http",
    op = request.method,
    code = code,
    message = ("%s %s: %s%s"):format(request.method, request.url:gsub("%?.*", ""), message, by_proxy(request)),
    retryable = retryable,
    answered = judged.answered,
    sent = not NOT_SENT[code],
    hint = HINTS[code] or HINTS[kind] or judged.hint,
  }
end

--- Sends a request that only reads. While its answer is a state that passes by the rules, it is asked again; the last
--- answer is given back, whatever it is.
---@param again fun(fn: function): any runs fn, and runs it again after an error that a rule allows
---@param system string of retry_rules
---@param request { method: string?, to: string }
---@param send fun(): http.response
---@return http.response
function M.read(again, system, request, send)
  local last
  local ok, result = pcall(again, function()
    last = send()
    M.raise_mood(system, last, { method = request.method, to = request.to, reads = true })
    return last
  end)
  if ok then return result end
  if last and errors.is(result) and result.code == last.status then return last end
  error(result, 0)
end

--- Raises what an answer that is no success means by the rules; returns where no rule speaks of it.
---@param system string of retry_rules
---@param response http.response
---@param request { method: string?, reads: boolean?, module: string?, op: string?, to: string } to: for people
function M.raise_mood(system, response, request)
  local fields, means =
    retry_rules.judge(system, { status = response.status, text = tostring(response.body) }, M.is_read(request))
  if not fields then return end
  fields.module, fields.op, fields.code = request.module, request.op or request.method, response.status
  fields.message = ("%s answered %d: %s"):format(request.to, response.status, means)
  fields.retry_after = retry_rules.retry_after(response.headers)
  errors.raise(fields)
end

---Splits a URL. Accepts only URLs that every parser reads the same way.
---@param url string
---@return string|nil scheme
---@return string host lower case
---@return integer|nil port
function M.split(url)
  local scheme, authority = url:match "^(https?)://([^/?#]+)[/?#]?"
  if not scheme then return nil, "", nil end
  local host, port = authority:match "^([%w%-%._]+):?(%d*)$"
  if not host then
    host, port = authority:match "^(%[[%x:%.]+%]):?(%d*)$"
  end
  if not host or (port == "" and authority:find ":$") then return nil, "", nil end
  return scheme, host:lower(), math.tointeger(tonumber(port))
end

-- Headers that follow from the URL and the body. Setting one differently would reach another host or smuggle a second
-- request.
local DERIVED <const> = { host = true, ["content-length"] = true, ["transfer-encoding"] = true, connection = true }

local function check_headers(headers)
  for name, text in pairs(headers or {}) do
    name = tostring(name)
    local kind = type(text)
    if kind ~= "string" and kind ~= "number" and kind ~= "table" and not secret.is(text) then
      errors.input(("http request: the header %s must be a text, got a %s"):format(name, type(text)))
    end
    if DERIVED[name:lower()] then errors.input(("http request: the header %s cannot be set"):format(name)) end
  end
end

local function check(request)
  for name in pairs(request) do
    if not KNOWN[name] then errors.input(("http request: unknown field '%s'"):format(tostring(name))) end
  end
  local scheme, host = M.split(tostring(request.url))
  if not scheme then errors.input(("'%s' is not an http or https URL"):format(tostring(request.url))) end
  if request.scope then scope.name(request.scope, host, "http host") end
  check_headers(request.headers)
end

local function holds_secret(value)
  if type(value) ~= "table" then return secret.is(value) end
  for _, each in pairs(value) do
    if holds_secret(each) then return true end
  end
  return false
end

local function flatten(headers)
  local list = {}
  for name, values in pairs(headers or {}) do
    for _, value in ipairs(type(values) == "table" and values or { values }) do
      list[#list + 1], list[#list + 2] = name, secret.is(value) and value or tostring(value)
    end
  end
  return list
end

local DEFAULT_PORT <const> = { http = 80, https = 443 }

-- A server that shows the certificate of another name is asked by that name, at its own address: libcurl sends the name
-- of the URL in the handshake and verifies it.
local function name_server(request, fields, add)
  if not request.tls_name then return end
  local scheme, host, port = M.split(request.url)
  local authority = request.url:match "^%a+://([^/?#]+)"
  fields.url = ("%s://%s:%d%s"):format(
    scheme,
    request.tls_name,
    port or DEFAULT_PORT[scheme],
    request.url:match "^%a+://[^/?#]+(.*)$"
  )
  fields.connect_to = fields.connect_to or ("%s:%d"):format(host, port or DEFAULT_PORT[scheme])
  add("Host", authority)
end

-- The proxy of the request: the one that it names ("" for none), else the environment's for the address that is
-- connected to.
local function choose_proxy(request)
  local scheme, host, port = M.split(request.url)
  port = port or DEFAULT_PORT[scheme]
  if request.proxy then return request.proxy ~= "" and request.proxy or nil end
  if request.connect_to then
    local to, at = request.connect_to:match "^(.*):(%d+)$"
    host, port = to or request.connect_to, tonumber(at) or port
  end
  local url, variable = proxies.of(scheme, host, port, program.environment())
  request.proxy_from = variable
  return url
end

-- The default authorities, where the request names none.
local function trust(request, fields)
  if request.ca or request.ca_file or request.url:find "^http:" and not request.via then return end
  fields.ca_file, fields.ca_folder = proxies.authorities(program.environment())
  fields.more_authorities = true
end

local function native(request)
  local fields = {}
  for _, name in ipairs(PASSED) do
    fields[name] = request[name]
  end
  local headers, given = flatten(request.headers), {}
  for i = 1, #headers, 2 do
    given[headers[i]:lower()] = true
  end
  local function add(name, value)
    if not given[name:lower()] then
      headers[#headers + 1], headers[#headers + 2] = name, value
    end
  end
  fields.body = request.body
  if request.json ~= nil then
    fields.body = holds_secret(request.json) and json.encode_secret(request.json) or json.encode(request.json)
    add("Content-Type", "application/json")
  end
  if request.token then add("Authorization", "Bearer " .. request.token) end
  fields.connect_to = request.connect_to
  name_server(request, fields, add)
  request.via = choose_proxy(request)
  fields.proxy = request.via
  trust(request, fields)
  fields.headers = headers
  fields.connect_timeout = request.connect_timeout or CONNECT_TIMEOUT
  return fields
end

local function collect(list)
  local headers = {}
  for i = 1, #list, 2 do
    local name = list[i]:lower()
    headers[name] = headers[name] and headers[name] .. ", " .. list[i + 1] or list[i + 1]
  end
  return headers
end

local function prepare(request)
  local copy = {}
  for name, value in pairs(request) do
    copy[name] = value
  end
  copy.method = copy.method or "GET"
  check(copy)
  return copy
end

---@class http.response
---@field status integer
---@field headers table<string, string> lower-case names
---@field body string|userdata a secret if it was asked for

---Sends a request and waits for the complete answer, whatever its status.
---@param request table method ("GET"), url, headers, body or json (either may hold secrets), body_file, token, timeout
---  (60), connect_timeout (10), max_body (32 MiB), ca, ca_file, cert, key, tls_name (of the server's certificate, if
---  not the URL's host), connect_to ("host:port"), proxy (a URL as proxy.parse gives it, "" for none; by default what
---  the environment says), scope (granted hosts), secret_body (a label), aws_sigv4, access_key, secret_key, module
---  (named in errors), reads (whether a POST only reads). A header's value may be a list of values.
---@return http.response
function M.request(request)
  request = prepare(request)
  local op <close> = core.start(native(request))
  task.wait(op, request.timeout or TIMEOUT) -- after a timeout, the result says whether anything was sent
  local label = request.secret_body and (request.secret_body == true and "http body" or request.secret_body) or nil
  local status, headers, body = op:result(label)
  if not status then fail(request, headers, body) end
  return { status = status, headers = collect(headers), body = body }
end

-- The last bytes of a stream: no more than that is held, however much comes.
local function last_of(stream, most)
  local parts, first, last, size = {}, 1, 0, 0
  for bytes in function() return stream:read() end do
    last, size = last + 1, size + #bytes
    parts[last] = bytes
    while size - #parts[first] >= most do
      size, parts[first], first = size - #parts[first], nil, first + 1
    end
  end
  return table.concat(parts, "", first, last):sub(-most)
end

---Sends a request and waits for the complete answer, of whose body only the end is kept: the last lines of a log.
---@param request table see request
---@param most integer bytes
---@return http.response
function M.request_last(request, most)
  local stream <close> = M.stream(request)
  return { status = stream.status, headers = stream.headers, body = last_of(stream, most) }
end

---Percent-encodes a text for a URL: "a%20b".
---@param text string
---@param kept string? characters, as in a Lua pattern's set, that stay beside letters, digits and -._~
---@return string
function M.percent_encode(text, kept)
  return (text:gsub("[^%w%-%._~" .. (kept or "") .. "]", function(c) return ("%%%02X"):format(c:byte()) end))
end

---@class http.stream
---@field status integer
---@field headers table<string, string>
local Stream = {}
Stream.__index = Stream

---The next bytes as they arrive; nil at the end.
---@param seconds number? how long to wait for them (300)
---@return string|nil
function Stream:read(seconds)
  while true do
    local bytes, message, code = self.op:chunk()
    if message then fail(self.request, message, code) end
    if bytes ~= "" then return bytes end
    task.wait(self.op, seconds)
  end
end

-- What a stream holds in memory is bounded, however much the server sends.
local function too_long(self, what, most)
  fail(self.request, ("%s of the answer has more than %d MiB"):format(what, most >> 20), "too_large")
end

---Reads the rest of the body, at most 32 MiB.
---@return string
function Stream:rest()
  local parts, size = {}, 0
  for bytes in function() return self:read() end do
    size = size + #bytes
    if size > LONGEST_REST then too_long(self, "the body", LONGEST_REST) end
    parts[#parts + 1] = bytes
  end
  return table.concat(parts)
end

---Iterates over the lines, without their line ends. A line has at most 16 MiB.
---@param seconds number? how long to wait for more
---@return fun(): string|nil
function Stream:lines(seconds)
  local held, from = "", 1
  return function()
    while true do
      local at = held:find("\n", from, true)
      if at then
        local line = held:sub(from, at - 1)
        from = at + 1
        return line
      end
      local bytes = self:read(seconds)
      held, from = held:sub(from), 1
      if #held > LONGEST_LINE then too_long(self, "a line", LONGEST_LINE) end
      if not bytes then
        local last = held
        held = ""
        return last ~= "" and last or nil
      end
      held = held .. bytes
    end
  end
end

---Ends the stream.
function Stream:close() self.op:close() end

Stream.__close = Stream.close

---Sends a request and waits for the head of the answer; the body is read as it arrives.
---@param request table see request; timeout (60) is for the head
---@return http.stream to be held in a <close> variable
function M.stream(request)
  request = prepare(request)
  request.stream = true
  local op = core.start(native(request))
  task.wait(op, request.timeout or TIMEOUT)
  local status, headers, code = op:head()
  if not status then fail(request, headers, code) end
  return setmetatable({ op = op, request = request, status = status, headers = collect(headers) }, Stream)
end

return M
