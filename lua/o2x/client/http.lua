--- The HTTP client: one request gives one answer or one error object. It neither retries nor follows redirects.

local breaker = require "o2x.base.breaker"
local core = require "o2x.core.http"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local lease = require "o2x.base.lease"
local points = require "o2x.base.points"
local program = require "o2x.core.program"
local proxies = require "o2x.client.proxy"
local retry_rules = require "o2x.base.retry_rules"
local scope = require "o2x.base.scope"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"

local M = {}

local TIMEOUT <const>, CONNECT_TIMEOUT <const> = 60, 10
local LONGEST_LINE <const>, LONGEST_REST <const> = 16 << 20, 32 << 20 -- bytes of a stream
local LONGEST_READ <const> = 256 << 20 -- bytes of a stream of which only the end is held

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
local function by_proxy(origin)
  if not origin.via then return "" end
  local host = origin.via:gsub("^%a[%w+.-]*://", ""):gsub("^.*@", "")
  return (" (by the proxy %s%s)"):format(host, origin.via_from and ", " .. origin.via_from or "")
end

--- Does the request only read? By its method, or because the sender says so: a query that is sent as POST.
---@param request { method: string?, reads: boolean? }
---@return boolean
function M.is_read(request) return request.reads or SAFE[request.method or "GET"] or false end

local function fail(request, origin, message, code)
  local is_read, method = M.is_read(request), request.method or "GET"
  local judged = retry_rules.judge("network", { code = code }, is_read) or {}
  local kind = judged.kind or kind_of(code, is_read)
  local retryable = judged.retryable
  if not judged.kind then retryable = false end
  errors.raise {
    kind = kind,
    module = request.module or "http",
    op = method,
    code = code,
    message = ("%s %s: %s%s"):format(method, request.url:gsub("%?.*", ""), message, by_proxy(origin)),
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

-- ---- servers ----

local DEFAULT_PORT <const> = { http = 80, https = 443 }

-- The proxy of requests to a server: the one that they name ("" for none), else the environment's for the address that
-- is connected to.
local function choose_proxy(request, place)
  if request.proxy then return request.proxy ~= "" and request.proxy or nil end
  local host, port = place.host, place.port
  if request.connect_to then
    local to, at = request.connect_to:match "^(.*):(%d+)$"
    host, port = to or request.connect_to, tonumber(at) or port
  end
  return proxies.of(place.scheme, host, port, program.environment())
end

local function new_origin(request, place)
  local origin = {
    ca = request.ca,
    ca_file = request.ca_file,
    cert = request.cert,
    key = request.key,
    connect_to = request.connect_to,
    proxy = request.proxy,
    connect_timeout = request.connect_timeout,
  }
  local via, via_from = choose_proxy(request, place)
  local options = {
    ca = request.ca,
    ca_file = request.ca_file,
    cert = request.cert,
    key = request.key,
    connect_to = request.connect_to,
    connect_timeout = request.connect_timeout or CONNECT_TIMEOUT,
    proxy = via,
  }
  -- The default authorities, where the request names none.
  if not request.ca and not request.ca_file and (place.scheme == "https" or via) then
    options.ca_file, options.ca_folder = proxies.authorities(program.environment())
    options.more_authorities = true
  end
  origin.via, origin.via_from, origin.handle = via, via_from, core.origin(options)
  return origin
end

-- May the request be one of those to the origin? Its server is the same already.
local function fits(origin, request)
  return origin.ca == request.ca
    and origin.ca_file == request.ca_file
    and origin.cert == request.cert
    and origin.key == request.key
    and origin.connect_to == request.connect_to
    and origin.proxy == request.proxy
    and origin.connect_timeout == request.connect_timeout
end

-- "https://host:port" → { scheme, host, port, and a list of origins: ways to speak to it }. Kept for the whole program,
-- for so many servers and ways; then the oldest are forgotten.
local places, count = {}, 0
local PLACES <const>, WAYS <const> = 256, 16

local function new_place(request)
  local scheme, host, port = M.split(tostring(request.url))
  if not scheme then errors.input(("'%s' is not an http or https URL"):format(tostring(request.url))) end
  if count == PLACES then M.forget() end
  local place = { scheme = scheme, host = host, port = port or DEFAULT_PORT[scheme] }
  places[core.authority(request.url)] = place
  count = count + 1
  return place
end

--- Forgets how servers are spoken to, so that the environment is read again. For tests: it does not change by itself.
function M.forget()
  places, count = {}, 0
end

local function origin_of(request, place)
  for i = 1, #place do
    if fits(place[i], request) then return place[i] end
  end
  if #place == WAYS then table.remove(place, 1) end
  local origin = new_origin(request, place)
  place[#place + 1] = origin
  return origin
end

-- ---- requests ----

local function holds_secret(value)
  if type(value) ~= "table" then return secret.is(value) end
  for _, each in pairs(value) do
    if holds_secret(each) then return true end
  end
  return false
end

-- A server that shows the certificate of another name is asked by that name, at its own address: libcurl sends the name
-- of the URL in the handshake and verifies it.
local function by_name(request, place)
  local authority, rest = request.url:match "^%a+://([^/?#]+)(.*)$"
  local copy = {}
  for name, value in pairs(request) do
    copy[name] = value
  end
  copy.tls_name = nil
  copy.url = ("%s://%s:%d%s"):format(place.scheme, request.tls_name, place.port, rest)
  copy.connect_to = request.connect_to or ("%s:%d"):format(place.host, place.port)
  copy.authority = authority
  return copy, places[core.authority(copy.url)] or new_place(copy)
end

-- Starts a request, if the run's grants allow it. Returns its operation and its origin.
local function start(request, stream)
  local place, sent = places[core.authority(request.url)] or new_place(request), request
  if request.scope then scope.name(request.scope, place.host, "http host") end
  if request.tls_name then
    sent, place = by_name(request, place)
  end
  local origin = origin_of(sent, place)
  local body, is_json = request.body, request.json ~= nil
  if is_json then
    body = holds_secret(request.json) and json.encode_secret(request.json) or json.encode(request.json)
  end
  local op, message = core.start(origin.handle, sent, body, is_json, stream)
  if not op then errors.input("http request: " .. message) end
  return op, origin
end

-- What a point is called: the method and the place, without what differs from run to run; and may it change something?
local function point_of(request)
  if not points.watched() then return "", false end
  local place = tostring(request.url):gsub("[?#].*", "")
  return ("%s %s"):format(request.method or "GET", place), not M.is_read(request)
end

---@class http.response
---@field status integer
---@field headers table<string, string> lower-case names
---@field body string|userdata a secret if it was asked for
local Response = {}

-- Most answers' headers are never looked at: they are read from the head at the first look, and then the response is a
-- plain table.
function Response:__index(name)
  if name ~= "headers" then return nil end
  local head = self.head
  self.head = nil
  setmetatable(self, nil)
  self.headers = core.headers(head)
  return self.headers
end

--- The response as a plain table, for scripts.
---@param response http.response
---@return http.response
function M.plain(response)
  local _ = response.headers
  return response
end

local TITLES <const> = {
  k8s = "Kubernetes",
  vault = "Vault",
  broker = "the broker",
  rds = "AWS",
  route53 = "AWS",
  s3 = "AWS",
  sts = "AWS",
}

-- Asks a server by its breaker. Behind the proxy of Kubernetes each service is one of its own.
local function guarded(fn, request)
  local url = tostring(request.url)
  local address = url:match "^%a+://[^/?#]+" or url
  local service = url:match("^[^?#]*/services/([^/?#]+)/proxy", #address)
  local server = ("%s at %s"):format(TITLES[request.module] or "the server", address)
  if not service then return breaker.guard(server, fn, request) end
  return breaker.guard_behind(server, ("service %s behind %s"):format(service, server), fn, request)
end

-- What changes something is sent only as long as the run holds its tenant.
local function admit(request)
  if lease.current() and not M.is_read(request) then lease.check() end
end

local function send(request)
  admit(request)
  local name, changes = point_of(request)
  points.before("http", name, changes)
  local started, origin = start(request, false)
  local op <close> = started
  task.wait(op, request.timeout or TIMEOUT) -- after a timeout, the result says whether anything was sent
  points.after("http", name, changes)
  local label = request.secret_body and (request.secret_body == true and "http body" or request.secret_body) or nil
  local status, head, body = op:result(label)
  if not status then fail(request, origin, head, body) end
  return setmetatable({ status = status, head = head, body = body }, Response)
end

---Sends a request and waits for the complete answer, whatever its status.
---@param request table method ("GET"), url, headers, body or json (either may hold secrets), body_file, token, timeout
---  (60), connect_timeout (10), max_body (32 MiB), ca, ca_file, cert, key, tls_name (of the server's certificate, if
---  not the URL's host), connect_to ("host:port"), proxy (a URL as proxy.parse gives it, "" for none; by default what
---  the environment says), scope (granted hosts), secret_body (a label), aws_sigv4, access_key, secret_key, module
---  (named in errors), reads (whether a POST only reads). A header's value may be a list of values.
---@return http.response
function M.request(request)
  if breaker.active() then return guarded(send, request) end
  return send(request)
end

-- The last bytes of a stream: no more than that is held. What does not end is an error, as for any answer.
local function last_of(stream, most, seconds)
  local parts, first, last, size, total = {}, 1, 0, 0, 0
  local deadline = task.now() + seconds
  for bytes in function() return stream:read(math.max(deadline - task.now(), 0.001)) end do
    last, size, total = last + 1, size + #bytes, total + #bytes
    if total > LONGEST_READ then
      fail(stream.request, stream.origin, ("it is larger than %d bytes"):format(LONGEST_READ), "too_large")
    end
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
  return { status = stream.status, headers = stream.headers, body = last_of(stream, most, request.timeout or TIMEOUT) }
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
    if message then fail(self.request, self.origin, message, code) end
    if bytes ~= "" then return bytes end
    task.wait(self.op, seconds)
  end
end

-- What a stream holds in memory is bounded, however much the server sends.
local function too_long(self, what, most)
  fail(self.request, self.origin, ("%s of the answer has more than %d MiB"):format(what, most >> 20), "too_large")
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

local function open_stream(request)
  admit(request)
  local name, changes = point_of(request)
  points.before("http", name, changes)
  local op, origin = start(request, true)
  task.wait(op, request.timeout or TIMEOUT)
  points.after("http", name, changes)
  local status, headers, code = op:head()
  if not status then fail(request, origin, headers, code) end
  return setmetatable({ op = op, request = request, origin = origin, status = status, headers = headers }, Stream)
end

---Sends a request and waits for the head of the answer; the body is read as it arrives.
---@param request table see request; timeout (60) is for the head
---@return http.stream to be held in a <close> variable
function M.stream(request)
  if breaker.active() then return guarded(open_stream, request) end
  return open_stream(request)
end

return M
