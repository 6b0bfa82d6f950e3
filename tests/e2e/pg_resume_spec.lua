-- The database part of onboarding, killed at each arrow of each effect, and resumed: the same end, nothing done twice.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local servers = require "tests.support.servers"

local RUNBOOK = [[
local database = require "stdlib.database"
local registry = require "stdlib.registry"
return require "o2x.runbook" {
  name = "base", version = "1.0.0", api = 1, summary = "The database part of onboarding", effects = { "pg:write" },
  run = function(tenant)
    tenant.id = step("Allocate the tenant id", registry.allocate, tenant)
    step("Create the database", database.create, tenant)
    step("Migrate the database", database.migrate, tenant)
    step("Register the tenant", registry.register, tenant)
  end,
}
]]

local TENANT = "coredb-newclient"

describe("the database part of onboarding", function()
  local server, folder
  setup(function()
    server = servers.start "postgres"
    folder = os.tmpname()
    fs.remove(folder)
    fs.mkdir(fs.join(folder, "runbooks"))
    fs.copy_tree(fs.join(fs.cwd(), "stdlib"), fs.join(folder, "stdlib"))
    fs.write(fs.join(folder, "runbooks/base.lua"), RUNBOOK)
    server.sql("postgres", "CREATE DATABASE enginedevdb OWNER admin")
    local resolve, migrate = require("o2x.client.flyway.folder").resolve, require("o2x.client.flyway.migrate").migrate
    local files, migrations = {}, "examples/platform/engine/db/migration"
    for _, name in ipairs(fs.list(migrations)) do
      files[name] = fs.read(fs.join(migrations, name))
    end
    migrate(
      function() return server.connect "enginedevdb" end,
      resolve(files),
      { schemas = { "public", "core_config" } }
    )
    server.sql(
      "enginedevdb",
      [[
      INSERT INTO core_config.tenant (id, name, vaulturi, vaultpath, status)
      VALUES ('TIDLT-100007', 'coopegenergy', 'u', 'p', 'ACTIVE')]]
    )
  end)
  teardown(function()
    server.stop()
    fs.remove_tree(folder)
  end)

  local function o2x(kill_at, ...)
    local env = {
      O2X_PLATFORM = fs.join(fs.cwd(), "examples/platform"),
      O2X_STATE = fs.join(folder, "runs"),
      O2X_PG_LOCALE = server.state.locale,
    }
    for name, value in pairs(server.env) do
      env[name] = value
    end
    if kill_at then env.O2X_KILL_AT = tostring(kill_at) end
    return proc.run { argv = { build.o2x, ... }, cwd = folder, env = env, timeout = 300 }
  end

  local function reset()
    server.sql("postgres", ('DROP DATABASE IF EXISTS "%s" WITH (FORCE)'):format(TENANT))
    server.sql(
      "enginedevdb",
      [[
      DELETE FROM core_config.tenant_profile
      WHERE tenantid IN (SELECT id FROM core_config.tenant WHERE name = 'newclient');
      DELETE FROM core_config.tenant WHERE name = 'newclient';
      DROP SCHEMA IF EXISTS o2x CASCADE]]
    )
    if fs.exists(fs.join(folder, "runs")) then fs.remove_tree(fs.join(folder, "runs")) end
  end

  local TENANT_ROWS = [[
    SELECT t.id, t.name, t.vaulturi, t.vaultpath, t.licensekey, t.status, p.companyname,
      (SELECT count(*) FROM o2x.effect)
    FROM core_config.tenant t JOIN core_config.tenant_profile p ON p.tenantid = t.id
    WHERE t.name = 'newclient';]]

  local function holds()
    return server.sql("enginedevdb", TENANT_ROWS)
      .. "\n"
      .. server.sql(TENANT, TENANT_ROWS .. [[
      SELECT installed_rank, version, script, checksum, success FROM flyway_schema_history ORDER BY 1;
      SELECT datdba::regrole, datacl, datconnlimit FROM pg_database WHERE datname = current_database()]])
  end

  it("is killed at every arrow and resumed: the same end, nothing done twice", function()
    local whole = o2x(nil, "run", "runbooks/base.lua", "newclient")
    assert.equal(0, whole.code, whole.stderr)
    local wanted = holds()
    local at = 0
    while true do
      at = at + (build.sanitized and 4 or 1)
      reset()
      local run = o2x(at, "run", "runbooks/base.lua", "newclient")
      if run.code == 0 then break end
      assert.equal(9, run.signal, run.stderr)
      local resumed = o2x(nil, "resume")
      assert.equal(0, resumed.code, ("killed at %d: %s"):format(at, resumed.stderr))
      assert.equal(wanted, holds(), "killed at " .. at)
    end
    assert.is_true(at > 20, "only " .. at .. " arrows")
    assert.equal(0, o2x(nil, "plan", "runbooks/base.lua", "newclient", "--detailed-exitcode").code)
  end)
end)
