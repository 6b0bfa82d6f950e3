--- The Redis client: one connection, opened on demand and reopened after a failure; pipelined commands; never a command
--- that blocks the server (KEYS, FLUSHDB, DEL of many keys).

local cleartext = require "o2x.client.cleartext"
local core = require "o2x.core.redis"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local net = require "o2x.base.net"
local retry_rules = require "o2x.base.retry_rules"
local scope = require "o2x.base.scope"
local sweep = require "o2x.client.redis.sweep"
local task = require "o2x.base.task"
require "o2x.base.secret" -- core.url makes one of the password

local M = {}

---@class o2x.redis.Client
local Client = {}
Client.__index = Client

--- A new client; it connects with its first command.
---@param options {url: string|userdata, password: string|userdata|nil, ca_file: string?, timeout: number?,
---  connect_timeout: number?, scope: nil|fun(): string[]}
---  url: redis://user:password@host:port/db or rediss://…, may be a secret; password: where the URL has none; timeout:
--- seconds for an answer, 10;
---  scope: the prefixes that may be counted and removed, all if absent
---@return o2x.redis.Client
function M.connect(options)
  local place, message, code = core.url(options.url)
  if not place then
    errors.raise {
      kind = "input",
      module = "redis",
      op = "connect",
      code = code,
      message = message,
      hint = "check REDIS_URL",
    }
  end
  place.port = place.port or 6379
  place.password = place.password or options.password
  return setmetatable({
    place = place,
    ca_file = options.ca_file,
    timeout = options.timeout or 10,
    connect_timeout = options.connect_timeout or 10,
    scope = options.scope,
  }, Client)
end

-- ---- errors ----

-- Errors after which another connection may lead to another server, or the server ends this one.
local DROPS = { NOAUTH = true, WRONGPASS = true, READONLY = true, MASTERDOWN = true, CLUSTERDOWN = true }

local function where(self) return ("Redis at %s:%d"):format(self.place.host, self.place.port) end

-- The error of a word of Redis. All commands that o2x sends may be sent twice, so none counts as a write.
local function new_error(self, op, code, text)
  local fields, means = retry_rules.judge("redis", { code = code, text = text }, true)
  fields = fields or { kind = "failed", retryable = false }
  fields.module, fields.op, fields.code = "redis", op, code
  fields.message = ("%s: %s"):format(where(self), means and ("%s: %s"):format(means, text) or text)
  return errors.new(fields)
end

local function refused(self, text)
  local word = text:match("^(%u+)")
  if text:find("^ERR invalid password") or text:find("^ERR .*without any password") then word = "WRONGPASS" end
  return new_error(self, "command", word, text), DROPS[word] or text:find("max number of clients", 1, true) ~= nil
end

local function broken(self, message)
  self:close()
  error(new_error(self, "session", "session", message), 0)
end

-- ---- the loop over the native steps ----

local function wait(self, events)
  local ready, message = task.wait_fd(self.connection:fd(), events, self.timeout)
  if not ready then broken(self, message == "timeout" and "no answer in time" or message) end
end

local function step(self, fn)
  while true do
    local done, what = fn(self.core)
    if done then return end
    if done == nil then broken(self, what) end
    wait(self, what)
  end
end

local function read_reply(self)
  while true do
    local state, value = self.core:reply()
    if not state then broken(self, value) end
    if state ~= "more" then return state, value end
    step(self, self.core.fill)
  end
end

-- Sends commands and reads all their replies. -> values, first error or nil
local function exchange(self, commands)
  for _, command in ipairs(commands) do
    self.core:append(table.unpack(command))
  end
  step(self, self.core.flush)
  local values, failed, drop = {}, nil, false
  for i = 1, #commands do
    local state, value = read_reply(self)
    if state == "error" then
      local err, gone = refused(self, value)
      failed, drop = failed or err, drop or gone
      value = err
    end
    values[i] = value
  end
  if drop then self:close() end
  return values, failed
end

local function login(self)
  local place, commands = self.place, {}
  if place.password then
    commands[1] = place.user and { "AUTH", place.user, place.password } or { "AUTH", place.password }
  end
  if (place.db or 0) > 0 then commands[#commands + 1] = { "SELECT", place.db } end
  if #commands == 0 then return end
  local _, failed = exchange(self, commands)
  if failed then
    self:close()
    error(failed, 0)
  end
end

local function open(self)
  if self.core then return end
  local place = self.place
  self.connection = net.connect {
    host = place.host,
    port = place.port,
    tls = place.tls,
    ca_file = self.ca_file,
    timeout = self.connect_timeout,
    what = "Redis",
  }
  self.core = core.new(self.connection)
  login(self)
end

-- One task at a time, because replies come in the order of the commands.
local function exclusive(self, fn)
  while self.busy do
    local turn <close> = task.event()
    self.queue = self.queue or {}
    table.insert(self.queue, turn)
    task.wait(turn)
  end
  self.busy = true
  local results = table.pack(pcall(fn))
  self.busy = false
  local queue = self.queue or {}
  self.queue = nil
  for _, turn in ipairs(queue) do
    turn:set()
  end
  if results[1] then return table.unpack(results, 2, results.n) end
  -- A cancelled task leaves unread replies behind.
  if not errors.is(results[2]) or results[2].module ~= "redis" then self:close() end
  error(results[2], 0)
end

-- ---- commands ----

--- Sends several commands in one round trip.
---@param commands table[] list of { command, argument … }; arguments are strings, numbers or secrets
---@return any[] values strings, integers, lists; NULL is json.null; raises the first error when all were answered
function Client:pipeline(commands)
  return exclusive(self, function()
    open(self)
    local values, failed = exchange(self, commands)
    if failed then error(failed, 0) end
    return values
  end)
end

--- Sends one command.
---@param ... string|number|userdata the command and its arguments
---@return any value nil for NULL
function Client:command(...)
  local value = self:pipeline({ { ... } })[1]
  if value == json.null then return nil end
  return value
end

--- Closes the connection; the next command opens a new one.
function Client:close()
  if self.core then self.core:close() end
  if self.connection then self.connection:close() end
  self.core, self.connection = nil, nil
end

Client.__close = Client.close

local function wrong_shape(self, op, command, answer)
  self:close() -- what else it answers cannot be told apart any more
  errors.raise {
    kind = "failed",
    module = "redis",
    op = op,
    code = "shape",
    message = ("%s: unexpected answer to %s: a %s"):format(where(self), command, type(answer)),
  }
end

--- Is the server up?
---@return boolean true, or raises
function Client:ping()
  local answer = self:command "PING"
  if answer == "PONG" then return true end
  wrong_shape(self, "ping", "PING", answer)
end

--- The server's INFO.
---@param section string? all that INFO gives if absent
---@return table<string, any> redis_version, used_memory … numbers as numbers; db0 = { keys =, expires = … }
function Client:info(section)
  local text = section and self:command("INFO", section) or self:command "INFO"
  if type(text) ~= "string" then wrong_shape(self, "info", "INFO", text) end
  local info = {}
  for name, value in text:gmatch "([%w_%-]+):([^\r\n]*)" do
    if value:find "^%w+=[^,]*," then
      local parts = {}
      for key, part in value:gmatch "([%w_]+)=([^,]*)" do
        parts[key] = tonumber(part) or part
      end
      info[name] = parts
    else
      info[name] = tonumber(value) or value
    end
  end
  return info
end

-- Accepts a granted prefix or what begins with one; never a part of one, which other tenants' keys may share.
local function check_granted(self, text, what)
  if not self.scope then return end
  for _, granted in ipairs(self.scope()) do
    if text == granted then return end
  end
  scope.key(self.scope(), text, what)
end

local function check_prefix(self, prefix)
  if type(prefix) ~= "string" or prefix == "" then
    errors.raise {
      kind = "refused",
      module = "redis",
      op = "scan",
      message = "an empty prefix would match the keys of all tenants",
    }
  end
  check_granted(self, prefix, "the Redis prefix")
end

--- Counts the keys with a prefix, without blocking the server. A key that Redis moves during the scan may count twice.
---@param prefix string exactly this: no pattern
---@param options { glob: string?, progress: nil|fun(text: string), seen: nil|fun(key: string) }? glob: what follows the
--- prefix, as Redis matches, "*" if absent
---@return integer
function Client:count(prefix, options)
  check_prefix(self, prefix)
  return sweep.count(self, prefix, options or {})
end

--- Removes the keys with a prefix by SCAN and UNLINK, without blocking the server.
---@param prefix string exactly this: no pattern
---@param options { glob: string?, progress: nil|fun(text: string) }?
---@return integer removed
function Client:unlink(prefix, options)
  check_prefix(self, prefix)
  return sweep.unlink(self, prefix, options or {})
end

--- Rejects a key outside the client's grants.
---@param key string
function Client:check_key(key) check_granted(self, key, "the Redis key") end

--- The Redis client of a run.
---@param config table
---@param grants table what the run may touch
---@return table client
function M.for_run(config, grants)
  local o = config.redis
  errors.need_setting(o.url, "Redis", "REDIS_URL")
  local function prefixes() return grants.redis or {} end
  local client = M.connect { url = o.url, password = o.password, ca_file = o.ca, scope = prefixes }
  local place = client.place
  if place.password and not place.tls then cleartext.check_host(config, place.host, "Redis", "rediss://") end
  return client
end

return M
