--- The lab's PostgreSQL: the real server in its own folder, on loopback, with the platform's roles: admin creates
--- databases, appuser is the services' login.

local daemon = require "lab.daemon"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local reader = require "o2x.client.pg.reader"
local moment = require "lab.moment.postgres"
local scram = require "lab.scram"
local semaphore = require "o2x.base.semaphore"
local server = require "lab.pg_server"
local statements = require "lab.asked.statements"

local M = { name = "postgres" }

-- No waiting for the disk: the data need not survive a crash of the machine, only one of the process.
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

-- In memory besides: nothing is written to files that need not be, so that little is to be put back. Statements that
-- write are logged before they are carried out, all others after.
local MEMORY_SETTINGS <const> = {
  "autovacuum=off",
  "bgwriter_lru_maxpages=0",
  "checkpoint_timeout=1d",
  "jit=off",
  "log_line_prefix=" .. statements.PREFIX,
  "log_min_duration_statement=0",
  "log_statement=mod",
  "max_logical_replication_workers=0",
  "max_wal_senders=10",
  "max_wal_size=4GB",
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

local function new_place(lab)
  local user = daemon.user(server.USERS)
  local path = daemon.path(lab, "postgres", user)
  return {
    user = user,
    path = path,
    data = fs.join(path, "data"),
    log = fs.join(path, "log"),
    memory = lab.memory,
    settings = lab.memory and MEMORY_SETTINGS,
    turn = semaphore.new(1), -- who starts or stops it: a fault's restart may go on when something else is asked
  }
end

-- One table a lab: it has the child that a lab in memory started.
local function place(lab)
  lab.postgres = lab.postgres or new_place(lab)
  return lab.postgres
end

-- pg_stat_statements as on RDS, if it is installed: diagnose reads slow statements from it.
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

-- The data folder is completed under a temporary name and renamed, so that an incomplete one is never used.
local function initialise(lab, at, state)
  local path = daemon.folder(lab, "postgres", at.user)
  local temporary, password_file = fs.join(path, "data.new"), fs.join(path, "password")
  if fs.exists(temporary) then fs.remove_tree(temporary) end
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
      temporary,
      "-U",
      "postgres",
      "--no-sync",
      "--auth=scram-sha-256",
      "--pwfile=" .. password_file,
      "--encoding=UTF8",
      "--wal-segsize=" .. (lab.memory and "1" or "16"), -- MB; little to put back
      "--locale=" .. state.locale,
    },
    env = { LC_ALL = "C" },
  }, "initdb")
  fs.append(fs.join(temporary, "postgresql.conf"), settings_text())
  fs.rename(temporary, at.data)
end

-- ---- roles ----

local ROLES <const> = 2 -- counts the changes here: the roles of an older lab are completed

local function has_role(db, name) return db:one("SELECT 1 AS found FROM pg_roles WHERE rolname = $1", name) ~= nil end

-- The role that scripts' reads run as. Before version 14 it may read nothing by itself.
local function make_reader(db)
  if has_role(db, "o2x_reader") then return end
  local reads_all = has_role(db, "pg_read_all_data")
  for _, statement in ipairs(reader.statements("o2x_reader", "admin")) do
    db:query(reads_all and statement or (statement:gsub("pg_read_all_data, ", "")))
  end
end

local function make_roles(lab, port, state)
  local db <close> = server.connect(port, "postgres", state.superuser_password)
  if state.roles == ROLES then return end
  -- A lab in memory is put back thousands of times. Any other keeps passwords as a real server does.
  local function verifier(role, password)
    if lab.memory then return scram.verifier(password) end
    return db:verifier(role, password)
  end
  for role, rights in pairs { admin = "CREATEDB CREATEROLE", appuser = "" } do
    local existing = db:one("SELECT 1 AS found FROM pg_roles WHERE rolname = $1", role)
    db:query(
      ("%s ROLE %s LOGIN %s PASSWORD %s"):format(
        existing and "ALTER" or "CREATE",
        role,
        rights,
        verifier(role, state[role .. "_password"])
      )
    )
  end
  if lab.memory then db:query("ALTER ROLE postgres PASSWORD " .. scram.verifier(state.superuser_password)) end
  db:query("GRANT pg_signal_backend, pg_read_all_stats TO admin") -- like the master user of RDS
  make_reader(db)
  state.roles = ROLES
  lab.save("postgres")
end

-- What was asked since the log was emptied. A restart begins a new file.
local function log_of(at)
  local list = table.move(at.earlier or {}, 1, #(at.earlier or {}), 1, {})
  local now = statements.read(at, at.log_from)
  return table.move(now, 1, #now, #list + 1, list)
end

-- The server crashes and comes back.
local function restart(at, port)
  at.earlier, at.log_from = log_of(at), 0
  if at.child then
    server.crash(at)
  else
    server.stop(at)
  end
  server.launch(at, port)
end

--- Starts the server unless it is running. The first start creates the data folder and the roles.
---@param lab table
---@return {port: integer, env: table<string, string>, stop: function}
function M.start(lab)
  local at, state = place(lab), lab.state("postgres")
  if not fs.exists(at.data) or not state.superuser_password then
    M.sweep(lab)
    daemon.clear(lab, "postgres", at.user)
    initialise(lab, at, state)
  end
  local port = at.turn:run(function()
    if server.is_running(at) then return server.port(at) end
    local _, free_port = lab.on_port("postgres", function(free) server.launch(at, free) end)
    return free_port
  end)
  make_roles(lab, port, state)
  local env = {
    PGHOST = "127.0.0.1",
    PGPORT = tostring(port),
    PGUSER = "admin",
    PGPASSWORD = state.admin_password,
    PGSSLMODE = "disable",
  }
  if state.locale ~= "en_US.UTF-8" then env.O2X_PG_LOCALE = state.locale end
  return {
    port = port,
    env = env,
    stop = function() M.sweep(lab) end,
    keep = function(kept) return moment.keep(lab, at, port, fs.join(at.path, "kept-" .. kept)) end,
    log = function() return log_of(at) end,
    restart = function() at.turn:run(restart, at, port) end,
  }
end

--- Stops the server, also one that a killed lab left running. The data stay.
---@param lab table
function M.sweep(lab) server.stop(place(lab)) end

--- Whether the server is running.
---@param lab table
---@return boolean
function M.status(lab) return server.is_running(place(lab)) end

--- Removes the server's data. The lab must be down.
---@param lab table
function M.forget(lab)
  M.sweep(lab)
  daemon.remove(lab, "postgres", place(lab).user)
end

return M
