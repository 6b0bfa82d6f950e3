--- A PostgreSQL server of the lab as a process. `at` is { user, data, log }: its user, data folder and log file.

local daemon = require "lab.daemon"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local pg = require "o2x.client.pg"
local proc = require "o2x.base.proc"
local task = require "o2x.base.task"

local M = { USERS = { "postgres", "nobody" } }

local START_TIMEOUT <const> = 60 -- seconds

--- The path of one of PostgreSQL's programs. Debian installs each version in its own folder, which is not on PATH.
---@param name string
---@return string
function M.program(name)
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

--- Starts the server and waits until it accepts connections.
---@param at table
---@param port integer
function M.launch(at, port)
  fs.remove(at.log)
  fs.remove(fs.join(at.data, "postmaster.pid")) -- stale; PostgreSQL would take a zombie for a server
  local option = ("-c port=%d"):format(port)
  local result = pg_ctl(at, "start", "-w", "-t", tostring(START_TIMEOUT), "-l", at.log, "-o", option)
  if result.code == 0 then return end
  errors.raise {
    kind = "failed",
    module = "lab",
    message = "PostgreSQL did not start: " .. last_error(at),
    where = at.log,
  }
end

--- Connects to a server that may still be starting.
---@param port integer
---@param user string
---@param password string
---@return o2x.pg.Connection to the database postgres
function M.connect(port, user, password)
  local deadline = task.now() + START_TIMEOUT
  while true do
    local ok, db = pcall(pg.connect, {
      host = "127.0.0.1",
      port = port,
      user = user,
      password = password,
      dbname = "postgres",
      application_name = "o2x lab",
      sslmode = "disable",
    })
    if ok then return db end
    if not errors.is(db) or not db.retryable or task.now() > deadline then error(db, 0) end
    task.sleep(0.05)
  end
end

--- The port of a running server.
---@param at table
---@return integer?
function M.port(at) return pid_file(at).port end

--- Stops the server, whoever started it. The data stay.
---@param at table
function M.stop(at)
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
