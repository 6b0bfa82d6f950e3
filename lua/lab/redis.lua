--- The lab's Redis: the real server in a folder of its own, on loopback, with a password.

local daemon = require "lab.daemon"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local redis = require "o2x.client.redis"
local task = require "o2x.base.task"

local M = { name = "redis" }

local USERS = { "redis", "nobody" }
local READY_SECONDS = 30
local STOP_SECONDS = 10

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

local function config_text(at, port, password)
  return table.concat({
    "bind 127.0.0.1",
    "protected-mode yes",
    "port " .. port,
    "requirepass " .. password,
    "daemonize yes",
    ('dir "%s"'):format(at.path),
    ('pidfile "%s"'):format(at.pid_file),
    ('logfile "%s"'):format(at.log),
    "appendonly yes",
    "appendfsync no",
    'save ""',
    "databases 16",
    "",
  }, "\n")
end

-- A file of the process' number that a crash left is not a server. Redis changes its arguments to "PATH ADDRESS:PORT".
local function running(lab, at)
  local pid = (fs.read_if(at.pid_file) or ""):match "%d+"
  local port = lab.state("redis").port
  if not pid or not port then return nil end
  return daemon.is_running(pid, ("%s 127.0.0.1:%d"):format(proc.find "redis-server", port)) and pid or nil
end

local function url_of(state) return ("redis://default:%s@127.0.0.1:%d/0"):format(state.password, state.port) end

local function client(lab)
  local url = url_of(lab.state "redis")
  return redis.connect { url = url, timeout = 5, connect_timeout = 5 }
end

local function last_words(at, problem)
  local text = fs.read_if(at.log) or ""
  return text:match "# ([^\n]+)%s*$" or tostring(problem)
end

local function until_ready(lab, at)
  local deadline = task.now() + READY_SECONDS
  while true do
    local one <close> = client(lab)
    local ok, problem = pcall(one.ping, one)
    if ok then return end
    if not (errors.is(problem) and problem.retryable) or task.now() > deadline then
      errors.raise {
        kind = "failed",
        module = "lab",
        message = "Redis did not start: " .. last_words(at, problem),
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
  daemon.write(at.config, config_text(at, port, state.password), at.user)
  local argv = { proc.find "redis-server", at.config }
  daemon.launch(at.user, { argv = argv, log = fs.join(lab.dir, "redis.start") }, "redis-server")
  until_ready(lab, at)
end

--- Starts the server, or finds it running.
---@param lab table
---@return {port: integer, env: table<string, string>, stop: function}
function M.start(lab)
  local at, state = place(lab), lab.state "redis"
  state.password = state.password or daemon.password()
  if running(lab, at) then
    until_ready(lab, at)
  else
    lab.on_port("redis", function(port) launch(lab, at, port) end)
  end
  return {
    port = state.port,
    env = { REDIS_URL = ("redis://127.0.0.1:%d/0"):format(state.port), REDISCLI_AUTH = state.password },
    stop = function() M.sweep(lab) end,
  }
end

--- Ends the server of a lab, whoever started it. Its data stays.
---@param lab table
function M.sweep(lab)
  local at = place(lab)
  local pid = running(lab, at)
  if not pid then return end
  local one <close> = client(lab)
  pcall(one.command, one, "SHUTDOWN", "NOSAVE") -- the append-only file has everything; there is no answer
  local deadline = task.now() + STOP_SECONDS
  while running(lab, at) do
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

--- Does the lab's server run?
---@param lab table
---@return boolean
function M.status(lab) return running(lab, place(lab)) ~= nil end

--- Removes the server's data; the lab is down.
---@param lab table
function M.forget(lab)
  M.sweep(lab)
  daemon.remove(lab, "redis", place(lab).user)
end

return M
