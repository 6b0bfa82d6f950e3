--- The lab's Redis: the real server in its own folder, on loopback, with a password.

local commands = require "lab.asked.commands"
local daemon = require "lab.daemon"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local moment = require "lab.moment.redis"
local proc = require "o2x.base.proc"
local redis = require "o2x.client.redis"
local task = require "o2x.base.task"

local M = { name = "redis" }

local USERS = { "redis", "nobody" }
local START_TIMEOUT = 30 -- seconds
local STOP_TIMEOUT = 10 -- seconds

local function place(lab)
  local user = daemon.user(USERS)
  local path = daemon.path(lab, "redis", user)
  return {
    user = user,
    path = path,
    config = fs.join(path, "redis.conf"),
    log = fs.join(path, "redis.log"),
    pid_file = fs.join(path, "redis.pid"),
  }
end

local function config_text(at, port, password, memory)
  return table.concat({
    "bind 127.0.0.1",
    "protected-mode yes",
    "port " .. port,
    "requirepass " .. password,
    "daemonize yes",
    ('dir "%s"'):format(at.path),
    ('pidfile "%s"'):format(at.pid_file),
    ('logfile "%s"'):format(at.log),
    "appendonly " .. (memory and "no" or "yes"),
    "appendfsync no",
    'save ""',
    "databases 16",
    memory and commands.SETTINGS or "",
    "",
  }, "\n")
end

-- The server's pid, or nil. A pid file that a crash left behind does not count. Redis changes its arguments to
-- "PATH ADDRESS:PORT".
local function running_pid(lab, at)
  local pid = (fs.read_if(at.pid_file) or ""):match "%d+"
  local port = lab.state("redis").port
  if not pid or not port then return nil end
  return daemon.is_running(pid, ("%s 127.0.0.1:%d"):format(proc.find "redis-server", port)) and pid or nil
end

local function url_of(state) return ("redis://default:%s@127.0.0.1:%d/0"):format(state.password, state.port) end

--- A connection as the lab's own client.
---@param lab table
---@return table of o2x.client.redis
function M.client(lab)
  local url = url_of(lab.state "redis")
  local connection = redis.connect { url = url, timeout = 5, connect_timeout = 5 }
  pcall(connection.command, connection, "CLIENT", "SETNAME", commands.OWN) -- a server that starts has no names yet
  return connection
end

-- What was asked since the server was put back.
local function log_of(lab)
  local connection <close> = M.client(lab)
  return commands.read(connection)
end

local function last_error(at, problem)
  local text = fs.read_if(at.log) or ""
  return text:match "# ([^\n]+)%s*$" or tostring(problem)
end

local function wait_until_ready(lab, at)
  local deadline = task.now() + START_TIMEOUT
  while true do
    local connection <close> = M.client(lab)
    local ok, problem = pcall(connection.ping, connection)
    if ok then return end
    if not (errors.is(problem) and problem.retryable) or task.now() > deadline then
      errors.raise {
        kind = "failed",
        module = "lab",
        message = "Redis did not start: " .. last_error(at, problem),
        where = at.log,
      }
    end
    task.sleep(0.02)
  end
end

local function launch(lab, at, port)
  local state = lab.state "redis"
  state.port = port
  lab.flush()
  daemon.folder(lab, "redis", at.user)
  daemon.write(at.config, config_text(at, port, state.password, lab.memory), at.user)
  local argv = { proc.find "redis-server", at.config }
  daemon.launch(at.user, { argv = argv, log = fs.join(lab.dir, "redis.start") }, "redis-server")
  wait_until_ready(lab, at)
end

--- Starts the server unless it is running.
---@param lab table
---@return {port: integer, env: table<string, string>, stop: function}
function M.start(lab)
  local at, state = place(lab), lab.state "redis"
  state.password = state.password or daemon.password()
  if running_pid(lab, at) then
    wait_until_ready(lab, at)
  else
    lab.on_port("redis", function(port) launch(lab, at, port) end)
  end
  return {
    port = state.port,
    env = { REDIS_URL = ("redis://127.0.0.1:%d/0"):format(state.port), REDISCLI_AUTH = state.password },
    stop = function() M.sweep(lab) end,
    log = lab.memory and function() return log_of(lab) end or nil,
    keep = function()
      return moment.keep(function() return M.client(lab) end)
    end,
  }
end

--- Stops the server, also one that a killed lab left running. The data stay.
---@param lab table
function M.sweep(lab)
  local at = place(lab)
  local pid = running_pid(lab, at)
  if not pid then return end
  local connection <close> = M.client(lab)
  -- There is no response. NOSAVE: the append-only file has everything.
  pcall(connection.command, connection, "SHUTDOWN", "NOSAVE")
  local deadline = task.now() + STOP_TIMEOUT
  while running_pid(lab, at) do
    if task.now() > deadline then
      errors.raise {
        kind = "failed",
        module = "lab",
        message = "Redis does not stop (process " .. pid .. ")",
        where = at.log,
      }
    end
    task.sleep(0.02)
  end
end

--- Whether the server is running.
---@param lab table
---@return boolean
function M.status(lab) return running_pid(lab, place(lab)) ~= nil end

--- Removes the server's data. The lab must be down.
---@param lab table
function M.forget(lab)
  M.sweep(lab)
  daemon.remove(lab, "redis", place(lab).user)
end

return M
