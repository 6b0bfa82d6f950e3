--- Outgoing TCP connections: resolves names without blocking, tries every address, always verifies TLS.

local core = require "o2x.core.net"
local errors = require "o2x.base.error"
local retry_rules = require "o2x.base.retry_rules"
local resolve = require "o2x.core.resolve"
local task = require "o2x.base.task"

local M = {}

local REASONS = {
  ECONNREFUSED = "refuses connections",
  ETIMEDOUT = "does not answer",
  timeout = "does not answer",
  EHOSTUNREACH = "is unreachable over the network",
  ECONNRESET = "closed the connection",
}

-- The codes of the system in the words of the rules. Nothing was sent yet.
local CODES = {
  ECONNREFUSED = "refused",
  ECONNRESET = "refused",
  ETIMEDOUT = "connect_timeout",
  timeout = "connect_timeout",
  EHOSTUNREACH = "connect_timeout",
  ENETUNREACH = "connect_timeout",
}

-- An error with what the rules say of it.
local function fail(code, fields)
  local judged = retry_rules.judge("network", { code = code }, true) or { kind = "unreachable", retryable = false }
  fields.kind, fields.retryable, fields.answered, fields.hint =
    judged.kind, judged.retryable, judged.answered, judged.hint
  errors.raise(fields)
end

--- Addresses of a host name, best first.
---@param name string
---@param seconds number?
---@return string[]
function M.addresses(name, seconds)
  local list
  local lookup, message, code = resolve.start(name)
  if lookup then
    list, message, code = task.result(lookup, seconds or 10)
  end
  if list then return list end
  fail("dns", {
    module = "net",
    op = "resolve",
    code = code,
    message = ("cannot resolve host name %s: %s"):format(name, message),
  })
end

local function remaining(deadline) return math.max(0, deadline - task.now()) end

-- Repeats a step until it returns true; it returns false and what to wait for, or nil and an error.
local function finish(connection, step, deadline)
  while true do
    local done, what, code = step(connection)
    if done then return done end
    if done == nil then return nil, what, code end
    local ready
    ready, what, code = task.wait_fd(connection:fd(), what, remaining(deadline))
    if not ready then return nil, what, code end
  end
end

local function try(address, port, deadline)
  local connection, message, code = core.connect(address, port)
  if not connection then return nil, message, code end
  local ready
  ready, message, code = task.wait_fd(connection:fd(), "w", remaining(deadline))
  if ready then
    ready, message, code = connection:connected()
    if ready then return connection end
  end
  connection:close()
  return nil, message, code
end

local function handshake(connection, o, deadline)
  local ok, message, code = connection:tls(o.host, o.ca_file)
  if ok then
    ok, message, code = finish(connection, connection.handshake, deadline)
  end
  if ok then return end
  connection:close()
  errors.raise {
    kind = "unreachable",
    module = "net",
    op = "tls",
    code = code,
    retryable = false,
    message = ("%s at %s:%d: %s"):format(o.what or "the server", o.host, o.port, message),
  }
end

--- Connects.
---@param o {host: string, port: integer, tls: boolean?, ca_file: string?, timeout: number?, what: string?}
---  what: the server's name in messages
---@return userdata connection of o2x.core.net: fd, read, write, close
function M.connect(o)
  local deadline = task.now() + (o.timeout or 10)
  local connection, message, code
  for _, address in ipairs(M.addresses(o.host, o.timeout)) do
    connection, message, code = try(address, o.port, deadline)
    if connection then break end
  end
  if not connection then
    local why = REASONS[code] or "cannot be reached: " .. tostring(message)
    fail(CODES[code], {
      module = "net",
      op = "connect",
      code = code,
      message = ("%s at %s:%d %s"):format(o.what or "the server", o.host, o.port, why),
    })
  end
  if o.tls then handshake(connection, o, deadline) end
  return connection
end

return M
