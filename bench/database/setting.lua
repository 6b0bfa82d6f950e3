-- What bench/database.lua needs: a server, the same server 20 ms away, a project with the database part of onboarding,
-- and its statements for those who have no o2x.

local database_part = require "tests.support.database_part"
local folder_of = require "o2x.client.flyway.folder"
local fs = require "o2x.base.fs"
local migrate = require "o2x.client.flyway.migrate"
local proc = require "o2x.base.proc"
local servers = require "tests.support.servers"
local sql = require "o2x.client.flyway.sql"

local M = {}

local MIGRATIONS <const> = "examples/platform/engine/db/migration"
local TENANT <const> = "coredb-newclient"
local SCHEMAS <const> = { "public", "core_config" }

local CREATE <const> = [[
CREATE DATABASE "coredb-newclient" TEMPLATE template0 OWNER admin ENCODING 'UTF8' LC_COLLATE '%s' LC_CTYPE '%s'
  CONNECTION LIMIT 100;
GRANT ALL PRIVILEGES ON DATABASE "coredb-newclient" TO admin;
GRANT CONNECT ON DATABASE "coredb-newclient" TO appuser;
]]

local IDS <const> = "SELECT id FROM core_config.tenant ORDER BY id DESC LIMIT 1"

local REMOVE <const> = [[
DELETE FROM core_config.tenant_profile WHERE tenantid IN (SELECT id FROM core_config.tenant WHERE name = 'newclient');
DELETE FROM core_config.tenant WHERE name = 'newclient';
DO $$ BEGIN -- an id that was given once is noted, and not given again
  IF to_regclass('o2x.effect') IS NOT NULL THEN DELETE FROM o2x.effect WHERE key LIKE 'id of %'; END IF;
END $$]]

-- The rows of newclient as pg_dump writes them.
local function rows_of(state, database, ...)
  local argv = { "pg_dump", "-d", database, "--data-only", "--column-inserts", "--no-owner" }
  for _, name in ipairs { ... } do
    argv[#argv + 1] = "--table=core_config." .. name
  end
  local lines, inside = {}, false
  for line in (state.server.client(table.unpack(argv)) .. "\n"):gmatch "(.-)\n" do
    inside = inside or line:find "^INSERT INTO" ~= nil
    if inside then lines[#lines + 1] = line end
    if line:find "%);$" then inside = false end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- A file of statements, each with a NUL at its end: libpq's floor reads it.
local function write_statements(path, ...)
  local parts = {}
  for _, text in ipairs { ... } do
    for _, statement in ipairs(assert(sql.statements(text))) do
      parts[#parts + 1] = statement.text .. "\0"
    end
  end
  fs.write(path, table.concat(parts))
end

--- The environment for a server at a port.
function M.environment(state, port)
  local env = { PATH = os.getenv "PATH", HOME = state.folder, PGSSLMODE = "disable" }
  for name, value in pairs(state.server.env) do
    env[name] = value
  end
  env.PGPORT, env.PGSSLMODE = tostring(port), "disable"
  env.O2X_PLATFORM, env.O2X_STATE = fs.join(fs.cwd(), "examples/platform"), fs.join(state.folder, "runs")
  env.O2X_PG_LOCALE = state.server.state.locale
  return env
end

--- The server without the tenant.
function M.reset(state)
  state.server.sql("postgres", ('DROP DATABASE IF EXISTS "%s" WITH (FORCE)'):format(TENANT))
  state.server.sql("enginedevdb", REMOVE)
  if fs.exists(fs.join(state.folder, "runs")) then fs.remove_tree(fs.join(state.folder, "runs")) end
end

--- Was everything made?
function M.check(state)
  local tables = "SELECT (SELECT count(*) FROM core_config.tenant_merchants), "
    .. "(SELECT count(*) FROM core_config.tenant_property_defaults), (SELECT count(*) FROM core_config.tenant_profile)"
  assert(state.server.sql(TENANT, tables) == "3|3|1")
  local registered = "SELECT count(*) FROM core_config.tenant_profile WHERE tenantid = 'TIDLT-100008'"
  assert(state.server.sql("enginedevdb", registered) == "1")
end

local function make_control(state)
  local files = {}
  for _, name in ipairs(fs.list(MIGRATIONS)) do
    files[name] = fs.read(fs.join(MIGRATIONS, name))
  end
  state.server.sql("postgres", "CREATE DATABASE enginedevdb OWNER admin")
  local function connect() return state.server.connect "enginedevdb" end
  local resolved = folder_of.resolve(files)
  migrate.migrate(connect, resolved, { schemas = SCHEMAS })
  state.server.sql(
    "enginedevdb",
    [[INSERT INTO core_config.tenant (id, name, vaulturi, vaultpath, status)
    VALUES ('TIDLT-100007', 'coopegenergy', 'u', 'p', 'ACTIVE')]]
  )
  return resolved
end

local function make_project(state)
  local project = fs.join(state.folder, "project")
  fs.write(fs.join(project, "runbooks/base.lua"), database_part, { parents = true })
  fs.copy_tree(fs.join(fs.cwd(), "stdlib"), fs.join(project, "stdlib"))
  state.runbook = fs.join(project, "runbooks/base.lua")
end

-- Onboards once by o2x; what is there then is what all others are to make.
local function make_statements(state, resolved)
  local files = fs.join(state.folder, "files")
  fs.mkdir(fs.join(files, "migrations"))
  local argv = { "build/o2x", "run", state.runbook, "newclient" }
  local result = proc.run { argv = argv, env = M.environment(state, state.server.port), timeout = 300 }
  assert(result.code == 0, result.stderr)
  local control =
    rows_of(state, "enginedevdb", "tenant", "tenant_profile"):gsub("INSERT[^\n]*TIDLT%-100007[^\n]*\n", "")
  local rows = rows_of(
    state,
    TENANT,
    "tenant",
    "tenant_profile",
    "tenant_merchants",
    "oauth2_attributes",
    "*_gateway_attributes",
    "feature_flags",
    "tenant_property_defaults",
    "invoice_template",
    "selfcare_config"
  )
  local create = CREATE:format(state.server.state.locale, state.server.state.locale)
  fs.write(fs.join(files, "control.sql"), control)
  fs.write(fs.join(files, "create.sql"), create)
  fs.write(fs.join(files, "rows.sql"), rows)
  local ddl = { "CREATE SCHEMA core_config", "BEGIN" }
  for i, migration in ipairs(resolved.migrations) do
    fs.write(fs.join(files, ("migrations/%02d.sql"):format(i)), migration.text)
    ddl[#ddl + 1] = migration.text
  end
  ddl[#ddl + 1] = "COMMIT"
  write_statements(fs.join(files, "ids"), IDS)
  write_statements(fs.join(files, "control"), "BEGIN", control, "COMMIT")
  write_statements(fs.join(files, "create"), create)
  write_statements(fs.join(files, "ddl"), table.unpack(ddl, 2))
  write_statements(fs.join(files, "rows"), "BEGIN", rows, "COMMIT")
  state.files = files
end

-- The same server, 20 ms away.
local function start_relay(state)
  state.relay = proc.start {
    argv = { "build/o2x-dev", "bench/tool/relay.lua", tostring(state.server.port), "20", state.folder .. "/port" },
    timeout = 3600,
  }
  local eventually = require "tests.support.eventually"
  state.far = eventually("the relay", function() return tonumber(fs.read_if(state.folder .. "/port") or "") end)
end

--- Starts all.
function M.start(folder)
  local state = { folder = folder, server = servers.start "postgres" }
  local resolved = make_control(state)
  make_project(state)
  make_statements(state, resolved)
  start_relay(state)
  return state
end

--- Stops all.
function M.stop(state)
  proc.stop(state.relay)
  state.server.stop()
end

return M
