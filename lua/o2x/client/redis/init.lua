--- The Redis client: one connection, opened on demand and reopened after a failure; pipelined commands; never a command
--- that blocks the server (KEYS, FLUSHDB, DEL of many keys).

local cleartext = require "o2x.client.cleartext"
local core = require "o2x.core.redis"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local scope = require "o2x.base.scope"
local session = require "o2x.client.redis.session"
local sweep = require "o2x.client.redis.sweep"
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

-- ---- commands ----

--- Sends several commands in one round trip.
---@param commands table[] list of { command, argument … }; arguments are strings, numbers or secrets
---@return any[] values strings, integers, lists; NULL is json.null; raises the first error when all were answered
function Client:pipeline(commands)
  return session.use(self, function() return session.exchange(self, commands) end)
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
function Client:close() session.close(self) end

Client.__close = Client.close

local function wrong_shape(self, op, command, answer)
  self:close() -- what else it answers cannot be told apart any more
  errors.raise {
    kind = "failed",
    module = "redis",
    op = op,
    code = "shape",
    message = ("%s: unexpected answer to %s: a %s"):format(session.where(self), command, type(answer)),
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

--- A walk over the keys with a prefix, without blocking the server.
---@param prefix string exactly this: no pattern
---@param options o2x.redis.WalkOptions?
---@return o2x.redis.Walk
function Client:walk(prefix, options)
  check_prefix(self, prefix)
  return sweep.new(self, prefix, options or {})
end

--- Counts the keys with a prefix. A key that Redis moves during the walk may count twice.
---@param prefix string exactly this: no pattern
---@return integer
function Client:count(prefix)
  local walk = self:walk(prefix)
  walk:finish()
  return walk.keys
end

--- Removes the keys with a prefix.
---@param prefix string exactly this: no pattern
---@return integer removed
function Client:unlink(prefix)
  local walk = self:walk(prefix, { remove = true })
  walk:finish()
  return walk.removed
end

--- One page of a walk.
---@param ask table as for session.page
---@return o2x.redis.Page
function Client:page(ask) return session.page(self, ask) end

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
