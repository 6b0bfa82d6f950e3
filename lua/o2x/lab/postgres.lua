--- The lab's PostgreSQL: the real server in a folder of its own, on loopback, with the roles of the platform: admin,
--- who makes databases, and appuser, whom the services log in as.

local daemon = require "o2x.lab.daemon"
local errors = require "o2x.error"
local fs = require "o2x.fs"
local pg = require "o2x.pg"
local proc = require "o2x.proc"
local task = require "o2x.task"

local M = { name = "postgres" }

local USERS = { "postgres", "nobody" }
local READY_SECONDS = 60

-- It holds nothing that is worth a wait for the disk; but what is committed survives a killed process.
local SETTINGS = {
  listen_addresses = "127.0.0.1", unix_socket_directories = "", fsync = "off", full_page_writes = "off",
  max_connections = "200", shared_buffers = "32MB", autovacuum_naptime = "1h", log_min_messages = "warning",
}

-- ---- programs ----

-- Debian keeps each version's programs in a folder of its own, outside PATH.
local function program(name)
  local base, newest = "/usr/lib/postgresql", nil
  for _, version in ipairs(fs.is_folder(base) and fs.list(base) or {}) do
    local path = ("%s/%s/bin/%s"):format(base, version, name)
    if tonumber(version) and fs.exists(path) and (not newest or tonumber(version) > newest.version) then
      newest = { version = tonumber(version), path = path }
    end
  end
  return newest and newest.path or proc.find(name)
end

local function has_locale(name)
  for line in proc.run({ argv = { "locale", "-a" } }).stdout:lower():gmatch("[^\n]+") do
    if line:gsub("%-", "") == name then return true end
  end
  return false
end

local function locale()
  return has_locale("en_us.utf8") and "en_US.UTF-8" or has_locale("c.utf8") and "C.UTF-8" or "C"
end

-- ---- data ----

local function place(lab)
  local user = daemon.user(USERS)
  local path = daemon.path(lab, "postgres", user)
  return { user = user, path = path, data = fs.join(path, "data"), log = fs.join(path, "log") }
end

-- As on RDS, where the distribution has it: what diagnose asks for slow statements.
local function preloaded()
  local library = program("postgres"):gsub("/bin/postgres$", "/lib/pg_stat_statements.so")
  return fs.exists(library) and { "shared_preload_libraries = 'pg_stat_statements'" } or {}
end

local function settings_text()
  local lines = preloaded()
  for name, value in pairs(SETTINGS) do lines[#lines + 1] = ("%s = '%s'"):format(name, value) end
  table.sort(lines)
  return table.concat(lines, "\n") .. "\n"
end

-- Made aside and renamed, so that a half-made one is never taken for whole.
local function initialise(lab, at, state)
  local path = daemon.folder(lab, "postgres", at.user)
  local aside, password_file = fs.join(path, "data.new"), fs.join(path, "password")
  if fs.exists(aside) then fs.remove_tree(aside) end
  for _, role in ipairs { "superuser", "admin", "appuser" } do state[role .. "_password"] = daemon.password() end
  state.locale, state.roles = locale(), nil
  lab.flush()
  daemon.write(password_file, state.superuser_password .. "\n", at.user)
  daemon.must(at.user, {
    argv = { program("initdb"), "-D", aside, "-U", "postgres", "--no-sync", "--auth=scram-sha-256",
      "--pwfile=" .. password_file, "--encoding=UTF8", "--locale=" .. state.locale },
    env = { LC_ALL = "C" },
  }, "initdb")
  fs.append(fs.join(aside, "postgresql.conf"), settings_text())
  fs.rename(aside, at.data)
end

-- ---- the process ----

local function pg_ctl(at, ...)
  local argv = { program("pg_ctl"), "-D", at.data, "-s", ... }
  return daemon.run(at.user, { argv = argv, timeout = 60, env = { LC_ALL = "C" } })
end

local function pid_file(at)
  local text, lines = fs.read_if(fs.join(at.data, "postmaster.pid")) or "", {}
  for line in text:gmatch("([^\n]*)\n") do lines[#lines + 1] = line end
  return { pid = lines[1], port = math.tointeger(tonumber(lines[4])) }
end

-- A postmaster.pid that a crash left is not a server: the number may be a zombie's or somebody else's by now.
local function is_running(at)
  local pid = pid_file(at).pid
  return pid ~= nil and daemon.is_running(pid, at.data)
end

local function last_words(at)
  local text = fs.read_if(at.log) or ""
  return text:match("FATAL:%s*([^\n]+)") or text:match("([^\n]+)%s*$") or "it left no word"
end

local function launch(at, port)
  fs.remove(at.log)
  fs.remove(fs.join(at.data, "postmaster.pid")) -- is_running has found it stale; PostgreSQL would believe in a zombie
  local option = ("-c port=%d"):format(port)
  local result = pg_ctl(at, "start", "-w", "-t", tostring(READY_SECONDS), "-l", at.log, "-o", option)
  if result.code == 0 then return end
  errors.raise {
    kind = "failed", module = "lab", message = "PostgreSQL did not start: " .. last_words(at), where = at.log,
  }
end

local function connect(port, user, password)
  local deadline = task.now() + READY_SECONDS
  while true do
    local ok, db = pcall(pg.connect, { host = "127.0.0.1", port = port, user = user, password = password,
      dbname = "postgres", application_name = "o2x lab", sslmode = "disable" })
    if ok then return db end
    if not errors.is(db) or not db.retryable or task.now() > deadline then error(db, 0) end
    task.sleep(0.05)
  end
end

local function make_roles(lab, port, state)
  local db <close> = connect(port, "postgres", state.superuser_password)
  if state.roles then return end
  for role, rights in pairs { admin = "CREATEDB CREATEROLE", appuser = "" } do
    local there = db:one("SELECT 1 AS found FROM pg_roles WHERE rolname = $1", role)
    db:query(("%s ROLE %s LOGIN %s PASSWORD %s"):format(there and "ALTER" or "CREATE", role, rights,
      db:verifier(role, state[role .. "_password"])))
  end
  db:query("GRANT pg_signal_backend, pg_read_all_stats TO admin") -- as the master user of RDS has it
  state.roles = true
  lab.save("postgres")
end

--- Starts the server, or finds it running; makes its data and roles the first time.
---@param lab table
---@return {port: integer, env: table<string, string>, stop: function}
function M.start(lab)
  local at, state = place(lab), lab.state("postgres")
  if not fs.exists(at.data) or not state.superuser_password then
    M.forget(lab)
    initialise(lab, at, state)
  end
  local port
  if is_running(at) then
    port = pid_file(at).port
  else
    port = lab.port("postgres")
    launch(at, port)
  end
  make_roles(lab, port, state)
  local env = { PGHOST = "127.0.0.1", PGPORT = tostring(port), PGUSER = "admin", PGPASSWORD = state.admin_password }
  if state.locale ~= "en_US.UTF-8" then env.O2X_PG_LOCALE = state.locale end
  return { port = port, env = env, stop = function() M.sweep(lab) end }
end

--- Ends the server of a lab, whoever started it. Its data stays.
---@param lab table
function M.sweep(lab)
  local at = place(lab)
  if not is_running(at) then return end
  local result = pg_ctl(at, "stop", "-m", "fast", "-w", "-t", "10")
  if result.code ~= 0 then result = pg_ctl(at, "stop", "-m", "immediate", "-w", "-t", "10") end
  if result.code ~= 0 then
    errors.raise {
      kind = "failed", module = "lab", where = at.data,
      message = "PostgreSQL does not stop: " .. result.stderr:gsub("%s+$", ""),
    }
  end
end

--- Does the lab's server run?
---@param lab table
---@return boolean
function M.status(lab)
  return is_running(place(lab))
end

--- Removes the server's data; the lab is down.
---@param lab table
function M.forget(lab)
  M.sweep(lab)
  daemon.remove(lab, "postgres", place(lab).user)
end

return M
