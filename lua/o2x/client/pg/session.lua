--- The lower half of a PostgreSQL connection: connecting, and the loop over the native steps. Only pg/init.lua uses it.

local core = require "o2x.core.pg"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local limits = require "o2x.base.limits"
local net = require "o2x.base.net"
local pg_error = require "o2x.client.pg.error"
local pg_sql = require "o2x.client.pg.sql"
local pooler = require "o2x.client.pg.pooler"
local secret = require "o2x.base.secret"
local points = require "o2x.base.points"
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

local LONGEST <const> = 12 * 3600 -- seconds for a statement that has no limit of its own
local TIMEOUTS = { connect_timeout = 10, statement_timeout = 60, lock_timeout = 10, idle_timeout = 60 }

-- ---- what a connection needs ----

--- The deadline of one statement. Without statement_timeout it is a long one: a server that is silent for good is given
--- up all the same.
---@param o table statement_timeout
---@return number seconds
function M.patience(o) return (o.statement_timeout > 0 and o.statement_timeout or LONGEST) + GRACE end

-- The settings of a session: name, value. A time is in milliseconds.
local function settings(options)
  local function milliseconds(seconds) return ("%d"):format(seconds * 1000) end
  return {
    { "statement_timeout", milliseconds(options.statement_timeout) },
    { "lock_timeout", milliseconds(options.lock_timeout) },
    { "idle_in_transaction_session_timeout", milliseconds(options.idle_timeout) },
    { "DateStyle", "ISO" }, -- this and the next three: what host/pg_value.c reads
    { "IntervalStyle", "postgres" },
    { "bytea_output", "hex" },
    { "extra_float_digits", "1" },
    { "standard_conforming_strings", "on" }, -- or the database's own setting changes what a backslash means
  }
end

local function join(list, form, separator)
  local parts = {}
  for i, item in ipairs(list) do
    parts[i] = form:format(item[1], item[2])
  end
  return table.concat(parts, separator)
end

local function check_options(given)
  local options = {}
  for name, default in pairs(TIMEOUTS) do
    options[name] = default
  end
  for name, value in pairs(given) do
    if not M.KEYWORDS[name] and not TIMEOUTS[name] and name ~= "direct" then
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

-- with_settings: as a startup parameter, which poolers refuse
local function keywords(options, with_settings)
  local words = {
    options = with_settings and join(settings(options), "-c %s=%s", " ") or nil,
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

local READS <const> = { SELECT = true, SHOW = true, BEGIN = true, DISCARD = true, SET = true, ROLLBACK = true }

--- What a point of a round trip is called, and whether it may change something.
---@param first table? the first statement: { sql, … }
---@param all table[][]? groups of statements
---@return string name
---@return boolean changes
function M.point(first, all)
  if not points.watched() then return "", false end
  local changes, name = false, first and first[1] or "?"
  for _, group in ipairs(all or { { first } }) do
    for i, one in ipairs(group) do
      local word = one[1]:match("^%s*(%a+)")
      local closes = word == "COMMIT" and i == 1 and all and all[1][1][1] == "BEGIN READ ONLY"
      if not READS[(word or ""):upper()] and not closes then
        changes, name = true, name:find("^BEGIN") and one[1] or name
      elseif name:find("^BEGIN") and word == "SELECT" then
        name = one[1]
      end
    end
  end
  return name:gsub("%s+", " "):sub(1, 80), changes
end

--- Waits for the descriptor; gives up when the statement's deadline passes.
---@param events string "r", "w" or "rw"
---@return string ready "r", "w" or "rw"
function M.wait(self, events)
  local fd = M.check(self, self.core:fd())
  local ok, ready = pcall(task.wait_fd, fd, events, self.patience or M.patience(self.options))
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
  local before
  while self.core:busy() do
    before = before or self.core:received()
    M.wait(self, "r")
    M.check(self, self.core:consume())
    check_size(self, before)
  end
  return self.core:result()
end

--- The error object of a native result.
---@param result userdata
---@return table error
function M.failure(self, result)
  return pg_error.statement(self.options, result:error(), self.uncertain and not self.certain)
end

local COPY_REFUSED = { code = "0A000", message = "COPY from or to the client needs copy_in or copy_out" }

--- Prefers what the server said before the session broke to the news that it broke.
---@param problem any
---@param failed table? an error of the server
---@return any problem
function M.first_cause(problem, failed)
  return failed and errors.is(problem) and problem.kind ~= "cancelled" and failed or problem
end

--- Reads the results of one statement (or script) to the end.
---@return userdata|nil result the last
---@return table|nil error the first
function M.drain(self)
  local last, failed
  while true do
    local ok, result = pcall(M.next_result, self)
    if not ok then error(M.first_cause(result, failed), 0) end
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

-- ---- a new session ----

local function open(options, class, with_settings)
  local self = setmetatable({ options = options, dbname = options.dbname, depth = 0 }, class)
  local native, message = core.start(keywords(options, with_settings))
  if not native then return nil, message end
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
    if not ready or not step then return nil, message end
  end
  return self
end

-- The first row of a statement of our own.
local function ask(self, sql)
  points.before("pg", sql, false)
  M.check(self, self.core:send(sql))
  M.flush(self)
  return M.finish(self, M.drain(self)):rows()[1]
end

--- The statement that sets what a session needs, where a pooler did not take it along.
---@param options table of the connection
---@return string sql
function M.settings_statement(options)
  return "SELECT " .. join(settings(options), "set_config('%s', '%s', false)", ", ")
end

--- Sets what a session needs, where a pooler did not take it along.
function M.set_up(self)
  if self.pooled then ask(self, M.settings_statement(self.options)) end
end

local function connect_again(options, class, with_settings)
  local self, message = open(options, class, with_settings)
  if not self then error(pg_error.connecting(options, message), 0) end
  return self
end

-- Where a pooler in transaction mode is: the server behind it.
local function go_direct(self, class)
  self:close()
  local options = self.options
  if not options.direct then error(pooler.refusal(options), 0) end
  local copy = {}
  for name, value in pairs(options) do
    copy[name] = value
  end
  copy.direct, copy.hostaddr = nil, nil
  copy.host, copy.port = pooler.address(options.direct)
  return M.connect(copy, class)
end

local modes = {} -- of the poolers that were met: address, role and database → "session" or "transaction"
local servers = {} -- addresses → does a server itself answer there? It need not be asked again

local function pool_of(options)
  return table.concat({ pg_error.where(options), tostring(options.user), options.dbname }, " ")
end

local function mode_of(self, class)
  local address = pg_error.where(self.options)
  if servers[address] then return nil end
  servers[address] = not pooler.is_there(self, ask(self, pooler.PID))
  if servers[address] then return nil end
  local other <close> = connect_again(self.options, class, false)
  other.patience = GRACE
  return pooler.is_transactional(ask, self, other) and "transaction" or "session"
end

-- Finds out whether a new connection goes through a pooler, and makes it a session in any case.
local function introduce(self, class)
  local pool = pool_of(self.options)
  local ok, problem = pcall(function()
    modes[pool] = modes[pool] or mode_of(self, class)
    self.pooled = modes[pool] ~= nil
    if modes[pool] == "session" then M.set_up(self) end
  end)
  if ok then return modes[pool] == "transaction" and go_direct(self, class) or self end
  self:close()
  error(problem, 0)
end

--- Connects.
---@param options table host, port, user, password (may be a secret), dbname, sslmode, sslrootcert, application_name …;
---  direct: "HOST:PORT" of the server behind a pooler; and seconds: connect_timeout 10, statement_timeout 60 (0: none),
---  lock_timeout 10, idle_timeout 60 (inside one)
---@param class table metatable of the connection, with close()
---@return o2x.pg.Connection
function M.connect(options, class)
  options = check_options(options)
  local self, message = open(options, class, modes[pool_of(options)] == nil)
  local refused = not self and pooler.refuses_settings(tostring(message))
  if refused then self = connect_again(options, class, false) end
  if not self then error(pg_error.connecting(options, message), 0) end
  self.stranger = not refused and modes[pool_of(options)] == nil and servers[pg_error.where(options)] == nil
  return self.stranger and self or introduce(self, class)
end

local function become(self, other)
  self.core, self.options, self.pooled = other.core, other.options, other.pooled
end

--- Finds out whether a pooler is there, if nobody knows. That comes before all but a read.
function M.introduce(self)
  if not self.stranger then return end
  self.stranger = nil
  local known = introduce(self, getmetatable(self))
  if known ~= self then become(self, known) end
end

--- Takes the answer to pooler.PID, which was asked along with a read. If a pooler is there, nothing that was read
--- counts: the session may have been without its settings. It is replaced by one that is known.
---@param row table
---@return boolean ok false: the read is to be repeated
function M.recognise(self, row)
  self.stranger = nil
  local address = pg_error.where(self.options)
  servers[address] = not pooler.is_there(self, row)
  if servers[address] then return true end
  self.core:close()
  become(self, M.connect(self.options, getmetatable(self)))
  return false
end

return M
