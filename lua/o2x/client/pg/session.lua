--- The lower half of a PostgreSQL connection: connecting, and the loop over the native steps. Only pg/init.lua uses it.

local core = require "o2x.core.pg"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local limits = require "o2x.base.limits"
local net = require "o2x.base.net"
local pg_error = require "o2x.client.pg.error"
local pg_sql = require "o2x.client.pg.sql"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"

local M = {}

local GRACE = 10 -- seconds beyond the server's own statement_timeout before its silence counts as a lost connection

--- The keywords of libpq that a connection may have.
M.KEYWORDS = {
  host = true,
  port = true,
  user = true,
  password = true,
  dbname = true,
  sslmode = true,
  sslrootcert = true,
  sslcert = true,
  sslkey = true,
  passfile = true,
  application_name = true,
  hostaddr = true,
  sslcrl = true,
  sslcrldir = true,
  sslsni = true,
  ssl_min_protocol_version = true,
  ssl_max_protocol_version = true,
  channel_binding = true,
  require_auth = true,
  requirepeer = true,
  gssencmode = true,
  krbsrvname = true,
  target_session_attrs = true,
}

local TIMEOUTS = { connect_timeout = 10, statement_timeout = 60, lock_timeout = 10, idle_timeout = 60 }

-- ---- connecting ----

-- The deadline of one statement; a connection without statement_timeout waits without a limit.
local function patience(o) return o.statement_timeout > 0 and o.statement_timeout + GRACE or math.huge end

local function settings(options)
  local text = "-c statement_timeout=%d -c lock_timeout=%d -c idle_in_transaction_session_timeout=%d -c DateStyle=ISO"
    .. " -c IntervalStyle=postgres -c bytea_output=hex -c extra_float_digits=1" -- what host/pg_value.c reads
    .. " -c standard_conforming_strings=on" -- or the database's own setting would change what a backslash means
  return text:format(options.statement_timeout * 1000, options.lock_timeout * 1000, options.idle_timeout * 1000)
end

local function check_options(given)
  local options = {}
  for name, default in pairs(TIMEOUTS) do
    options[name] = default
  end
  for name, value in pairs(given) do
    if not M.KEYWORDS[name] and not TIMEOUTS[name] then
      errors.raise { kind = "bug", module = "pg", message = "pg.connect: unknown option " .. tostring(name) }
    end
    options[name] = value
  end
  pg_sql.check_name(options.dbname, "database name")
  return options
end

-- Resolves the host name, because libpq would block all tasks meanwhile; it still verifies certificates against the
-- name.
local function add_addresses(words, options)
  local host = words.host
  if words.hostaddr or not host or host:find("^/") or host:find("[,:]") or host:find("^[%d.]+$") then return end
  local ok, addresses = pcall(net.addresses, host, options.connect_timeout)
  if not ok then
    if not errors.is(addresses) or addresses.kind ~= "unreachable" then error(addresses, 0) end
    error(pg_error.connecting(options, "could not translate host name"), 0)
  end
  words.hostaddr = table.concat(addresses, ",")
  words.host = (host .. ","):rep(#addresses):sub(1, -2)
end

local function keywords(options)
  local words = {
    options = settings(options),
    client_encoding = "UTF8",
    fallback_application_name = "o2x",
    keepalives_idle = "30",
    keepalives_interval = "10",
    keepalives_count = "3",
    tcp_user_timeout = "60000",
    passfile = "/dev/null/none", -- no password but the configuration's: its file is read only when it says so
  }
  for name in pairs(M.KEYWORDS) do
    local value = options[name]
    if value ~= nil and value ~= "" then words[name] = secret.is(value) and value or tostring(value) end
  end
  add_addresses(words, options)
  return words
end

--- Connects.
---@param options table host, port, user, password (may be a secret), dbname, sslmode, sslrootcert, application_name …
---  and seconds: connect_timeout 10, statement_timeout 60 (0: none), lock_timeout 10, idle_timeout 60 (inside one)
---@param class table metatable of the connection, with close()
---@return o2x.pg.Connection
function M.connect(options, class)
  options = check_options(options)
  local self = setmetatable({ options = options, dbname = options.dbname, depth = 0 }, class)
  local native, message = core.start(keywords(options))
  if not native then error(pg_error.connecting(options, message), 0) end
  self.core = native
  local deadline = task.now() + options.connect_timeout
  local step = "w"
  local _close <close> = defer(function()
    if step ~= "ok" then self:close() end
  end)
  while step ~= "ok" do
    local ready
    ready, message = task.wait_fd(native:fd(), step, math.max(0, deadline - task.now()))
    if ready then
      step, message = native:poll()
    end
    if not ready or not step then error(pg_error.connecting(options, message), 0) end
  end
  return self
end

-- ---- the loop over the native steps ----

--- Closes a session in an unknown state. The error says whether the last statement may have taken effect.
---@param message string?
function M.give_up(self, message)
  local uncertain = self.uncertain
  self:close()
  error(pg_error.broken(self.options, message, uncertain), 0)
end

--- Returns the result of a native step, or gives up.
---@param value any nil: the step failed
---@param message string?
---@return any value
function M.check(self, value, message)
  if value == nil then M.give_up(self, message) end
  return value
end

--- Waits for the descriptor; gives up when the statement's deadline passes.
---@param events string "r", "w" or "rw"
---@return string ready "r", "w" or "rw"
function M.wait(self, events)
  local fd = M.check(self, self.core:fd())
  local ok, ready = pcall(task.wait_fd, fd, events, patience(self.options))
  if ok and ready then return ready end
  if ok then M.give_up(self, "no answer in time") end
  self:close()
  error(ready, 0) -- cancelled
end

--- Sends everything queued and reads meanwhile, because a server that blocks on its own output would not read ours.
function M.flush(self)
  while not M.check(self, self.core:flush()) do
    if M.wait(self, "rw"):find("r", 1, true) then M.check(self, self.core:consume()) end
  end
end

-- What libpq keeps of an answer is outside of the heap of Lua, whose size is limited, so it is counted as it comes.
local function check_size(self, before)
  local now = before and self.core:received()
  if not now or now - before <= limits.bytes "answer" then return end
  local text = ("the answer of database %s has more than %%s MiB"):format(self.dbname)
  if self.uncertain then M.give_up(self, text:format(limits.get "answer")) end
  self:close()
  limits.reached("answer", text)
end

--- The next native result, or nil when the statement has no more.
function M.next_result(self)
  local before = self.core:received()
  while self.core:busy() do
    M.wait(self, "r")
    M.check(self, self.core:consume())
    check_size(self, before)
  end
  return self.core:result()
end

--- The error object of a native result.
---@param result userdata
---@return table error
function M.failure(self, result) return pg_error.statement(self.options, result:error(), self.uncertain) end

local COPY_REFUSED = { code = "0A000", message = "COPY from or to the client needs copy_in or copy_out" }

--- Reads the results of one statement (or script) to the end.
---@return userdata|nil result the last
---@return table|nil error the first
function M.drain(self)
  local last, failed
  while true do
    local result = M.next_result(self)
    if not result then return last, failed end
    local status = result:status()
    if status == "error" then
      failed = failed or M.failure(self, result)
    elseif status == "copy_in" or status == "copy_out" then
      self:close() -- there is no reader or writer for the COPY stream
      return nil, pg_error.statement(self.options, COPY_REFUSED)
    end
    last = result
  end
end

--- Raises the error of drain, or returns its result.
---@param result userdata?
---@param failed table? error of drain
---@return userdata? result
function M.finish(self, result, failed)
  self.uncertain = nil
  if failed then
    if not self.core:alive() then self:close() end
    error(failed, 0)
  end
  return result
end

return M
