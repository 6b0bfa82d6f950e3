--- A PostgreSQL server of the lab as a process. `at` is { user, data, log }: its user, data folder and log file. With
--- `memory` the server is a child of this process (`child`), started with `settings` ("name=value").

local daemon = require "lab.daemon"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local pg = require "o2x.client.pg"
local proc = require "o2x.base.proc"
local task = require "o2x.base.task"

local M = { USERS = { "postgres", "nobody" } }

local START_TIMEOUT <const> = 60 -- seconds
local STOP_TIMEOUT <const> = 10 -- seconds
local SIGINT <const>, SIGQUIT <const> = 2, 3

--- The folder of another PostgreSQL than the newest that is installed; for tests of other versions.
M.home = nil ---@type string?

--- The path of one of PostgreSQL's programs. Debian installs each version in its own folder, which is not on PATH.
---@param name string
---@return string
function M.program(name)
  if M.home then return fs.join(M.home, "bin", name) end
  local base, newest = "/usr/lib/postgresql", nil
  for _, version in ipairs(fs.is_folder(base) and fs.list(base) or {}) do
    local path = ("%s/%s/bin/%s"):format(base, version, name)
    if tonumber(version) and fs.exists(path) and (not newest or tonumber(version) > newest.version) then
      newest = { version = tonumber(version), path = path }
    end
  end
  return newest and newest.path or proc.find(name)
end

local function pg_ctl(at, ...)
  local argv = { M.program("pg_ctl"), "-D", at.data, "-s", ... }
  return daemon.run(at.user, { argv = argv, timeout = 60, env = { LC_ALL = "C" } })
end

local function pid_file(at)
  local text, lines = fs.read_if(fs.join(at.data, "postmaster.pid")) or "", {}
  for line in text:gmatch("([^\n]*)\n") do
    lines[#lines + 1] = line
  end
  return { pid = lines[1], port = math.tointeger(tonumber(lines[4])) }
end

--- Whether the server is running. A postmaster.pid that a crash left behind does not count: its pid may belong to a
--- zombie or to another process.
---@param at table
---@return boolean
function M.is_running(at)
  local pid = pid_file(at).pid
  return pid ~= nil and daemon.is_running(pid, at.data)
end

local function last_error(at)
  local text = fs.read_if(at.log) or ""
  return text:match("FATAL:%s*([^\n]+)") or text:match("([^\n]+)%s*$") or "no error was logged"
end

local function did_not_start(at)
  errors.raise {
    kind = "failed",
    module = "lab",
    message = "PostgreSQL did not start: " .. last_error(at),
    where = at.log,
  }
end

-- Starts the server as a child of this process and waits until it accepts connections: without pg_ctl, which looks
-- ten times a second. at.child is the server from then on.
local function launch_child(at, port)
  local argv = { M.program("postgres"), "-D", at.data, "-c", ("port=%d"):format(port) }
  for _, setting in ipairs(at.settings or {}) do
    argv[#argv + 1], argv[#argv + 2] = "-c", setting
  end
  at.child = daemon.start(at.user, { argv = argv, log = at.log, env = { LC_ALL = "C" } })
  local path, deadline = fs.join(at.data, "postmaster.pid"), task.now() + START_TIMEOUT
  while not (fs.read_if(path) or ""):find("\nready", 1, true) do
    if at.child:status() or task.now() > deadline then did_not_start(at) end
    task.sleep(0.002)
  end
end

--- Starts the server and waits until it accepts connections.
---@param at table
---@param port integer
function M.launch(at, port)
  fs.remove(at.log)
  fs.remove(fs.join(at.data, "postmaster.pid")) -- stale; PostgreSQL would take a zombie for a server
  if at.memory then return launch_child(at, port) end
  local option = ("-c port=%d"):format(port)
  local result = pg_ctl(at, "start", "-w", "-t", tostring(START_TIMEOUT), "-l", at.log, "-o", option)
  if result.code ~= 0 then did_not_start(at) end
end

-- The kept session goes with its server.
local function close_session(at)
  local db = at.session
  at.session = nil
  if db then db:close() end
end

--- Stops a server that is a child at once, as a crash would: what was not in its files is lost.
---@param at table
function M.crash(at)
  close_session(at)
  at.child:kill(SIGQUIT)
  proc.wait(at.child, STOP_TIMEOUT)
  at.child = nil
end

--- Connects to a server that may still be starting.
---@param port integer
---@param user string
---@param password string
---@param database string? postgres if absent
---@return o2x.pg.Connection
function M.connect(port, user, password, database)
  local deadline = task.now() + START_TIMEOUT
  while true do
    local ok, db = pcall(pg.connect, {
      host = "127.0.0.1",
      port = port,
      user = user,
      password = password,
      dbname = database or "postgres",
      application_name = "o2x lab",
      sslmode = "disable",
    })
    if ok then return db end
    if not errors.is(db) or not db.retryable or task.now() > deadline then error(db, 0) end
    task.sleep(0.05)
  end
end

--- Calls fn with a session of the superuser in the database postgres. It is kept: to log in costs more than most of
--- what is asked. One that broke is not used again.
---@param at table
---@param port integer
---@param password string
---@param fn fun(db: o2x.pg.Connection): any
---@return any what fn returns
function M.with_session(at, port, password, fn)
  local db = at.session
  at.session = nil -- nobody else uses it meanwhile
  if not (db and pcall(db.one, db, "select 1")) then db = M.connect(port, "postgres", password) end
  local result = fn(db)
  if at.session then
    db:close()
  else
    at.session = db
  end
  return result
end

--- The port of a running server.
---@param at table
---@return integer?
function M.port(at) return pid_file(at).port end

-- Ends the sessions and writes everything to the files.
local function stop_child(at)
  close_session(at)
  local child = at.child
  at.child = nil
  child:kill(SIGINT)
  local _, problem = proc.wait(child, STOP_TIMEOUT)
  if problem ~= "timeout" then return end
  child:kill(SIGQUIT)
  proc.wait(child, STOP_TIMEOUT)
end

--- Stops the server, whoever started it. The data stay.
---@param at table
function M.stop(at)
  if at.child then return stop_child(at) end
  close_session(at)
  if not M.is_running(at) then return end
  local result = pg_ctl(at, "stop", "-m", "fast", "-w", "-t", "10")
  if result.code ~= 0 then result = pg_ctl(at, "stop", "-m", "immediate", "-w", "-t", "10") end
  if result.code ~= 0 then
    errors.raise {
      kind = "failed",
      module = "lab",
      where = at.data,
      message = "PostgreSQL does not stop: " .. result.stderr:gsub("%s+$", ""),
    }
  end
end

return M
