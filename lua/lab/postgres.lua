--- The lab's PostgreSQL: the real server in a folder of its own, on loopback, with the roles of the platform: admin,
--- who makes databases, and appuser, whom the services log in as.

local daemon = require "lab.daemon"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local server = require "lab.pg_server"

local M = { name = "postgres" }

-- It holds nothing that is worth a wait for the disk; but what is committed survives a killed process.
local SETTINGS = {
  listen_addresses = "127.0.0.1",
  unix_socket_directories = "",
  fsync = "off",
  full_page_writes = "off",
  max_connections = "200",
  shared_buffers = "32MB",
  autovacuum_naptime = "1h",
  log_min_messages = "warning",
}

local function has_locale(name)
  for line in proc.run({ argv = { "locale", "-a" } }).stdout:lower():gmatch("[^\n]+") do
    if line:gsub("%-", "") == name then return true end
  end
  return false
end

local function locale()
  if has_locale "en_us.utf8" then return "en_US.UTF-8" end
  return has_locale "c.utf8" and "C.UTF-8" or "C"
end

-- ---- data ----

local function place(lab)
  local user = daemon.user(server.USERS)
  local path = daemon.path(lab, "postgres", user)
  return { user = user, path = path, data = fs.join(path, "data"), log = fs.join(path, "log") }
end

-- As on RDS, where the distribution has it: what diagnose asks for slow statements.
local function preloaded()
  local library = server.program("postgres"):gsub("/bin/postgres$", "/lib/pg_stat_statements.so")
  return fs.exists(library) and { "shared_preload_libraries = 'pg_stat_statements'" } or {}
end

local function settings_text()
  local lines = preloaded()
  for name, value in pairs(SETTINGS) do
    lines[#lines + 1] = ("%s = '%s'"):format(name, value)
  end
  table.sort(lines)
  return table.concat(lines, "\n") .. "\n"
end

-- Made aside and renamed, so that a half-made one is never taken for whole.
local function initialise(lab, at, state)
  local path = daemon.folder(lab, "postgres", at.user)
  local aside, password_file = fs.join(path, "data.new"), fs.join(path, "password")
  if fs.exists(aside) then fs.remove_tree(aside) end
  for _, role in ipairs { "superuser", "admin", "appuser" } do
    state[role .. "_password"] = daemon.password()
  end
  state.locale, state.roles = locale(), nil
  lab.flush()
  daemon.write(password_file, state.superuser_password .. "\n", at.user)
  daemon.must(at.user, {
    argv = {
      server.program("initdb"),
      "-D",
      aside,
      "-U",
      "postgres",
      "--no-sync",
      "--auth=scram-sha-256",
      "--pwfile=" .. password_file,
      "--encoding=UTF8",
      "--locale=" .. state.locale,
    },
    env = { LC_ALL = "C" },
  }, "initdb")
  fs.append(fs.join(aside, "postgresql.conf"), settings_text())
  fs.rename(aside, at.data)
end

-- ---- its roles ----

local function make_roles(lab, port, state)
  local db <close> = server.connect(port, "postgres", state.superuser_password)
  if state.roles then return end
  for role, rights in pairs { admin = "CREATEDB CREATEROLE", appuser = "" } do
    local there = db:one("SELECT 1 AS found FROM pg_roles WHERE rolname = $1", role)
    db:query(
      ("%s ROLE %s LOGIN %s PASSWORD %s"):format(
        there and "ALTER" or "CREATE",
        role,
        rights,
        db:verifier(role, state[role .. "_password"])
      )
    )
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
    M.sweep(lab)
    daemon.clear(lab, "postgres", at.user)
    initialise(lab, at, state)
  end
  local _, port
  if server.is_running(at) then
    port = server.port(at)
  else
    _, port = lab.on_port("postgres", function(free) server.launch(at, free) end)
  end
  make_roles(lab, port, state)
  local env = { PGHOST = "127.0.0.1", PGPORT = tostring(port), PGUSER = "admin", PGPASSWORD = state.admin_password }
  if state.locale ~= "en_US.UTF-8" then env.O2X_PG_LOCALE = state.locale end
  return { port = port, env = env, stop = function() M.sweep(lab) end }
end

--- Ends the server of a lab, whoever started it. Its data stays.
---@param lab table
function M.sweep(lab) server.stop(place(lab)) end

--- Does the lab's server run?
---@param lab table
---@return boolean
function M.status(lab) return server.is_running(place(lab)) end

--- Removes the server's data; the lab is down.
---@param lab table
function M.forget(lab)
  M.sweep(lab)
  daemon.remove(lab, "postgres", place(lab).user)
end

return M
