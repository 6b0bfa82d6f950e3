-- The database part of an onboarding was 354 round trips over six connections: over a distance, twice as slow as psql.

local build = require "tests.support.build"
local database_part = require "tests.support.database_part"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local relay = require "tests.support.relay"
local servers = require "tests.support.servers"

describe("the database part of onboarding", function()
  local server, folder, env
  setup(function()
    server = servers.start "postgres"
    folder = fs.temp_folder "/tmp/o2x-test-"
    fs.write(fs.join(folder, "runbooks/base.lua"), database_part, { parents = true })
    fs.copy_tree(fs.join(fs.cwd(), "stdlib"), fs.join(folder, "stdlib"))
    server.sql("postgres", "CREATE DATABASE enginedevdb OWNER admin")
    local resolve, migrate = require("o2x.client.flyway.folder").resolve, require("o2x.client.flyway.migrate").migrate
    local files, migrations = {}, "examples/platform/engine/db/migration"
    for _, name in ipairs(fs.list(migrations)) do
      files[name] = fs.read(fs.join(migrations, name))
    end
    local schemas = { "public", "core_config" }
    migrate(function() return server.connect "enginedevdb" end, resolve(files), { schemas = schemas })
    server.sql(
      "enginedevdb",
      [[INSERT INTO core_config.tenant (id, name, vaulturi, vaultpath, status)
      VALUES ('TIDLT-100007', 'coopegenergy', 'u', 'p', 'ACTIVE')]]
    )
    env = {
      O2X_PLATFORM = fs.join(fs.cwd(), "examples/platform"),
      O2X_STATE = fs.join(folder, "runs"),
      O2X_PG_LOCALE = server.state.locale,
      PGSSLMODE = "disable",
    }
    for name, value in pairs(server.env) do
      env[name] = env[name] or value
    end
  end)
  teardown(function()
    server.stop()
    fs.remove_tree(folder)
  end)

  -- What a command costs: connections and round trips.
  local function cost(...)
    local far <close> = relay.open { port = server.port, seconds = 0.05 }
    env.PGPORT = tostring(far.port)
    local result = proc.run { argv = { build.o2x, ... }, cwd = folder, env = env, timeout = 300 }
    assert.equal(0, result.code, result.stderr)
    return far.connections, far.turns
  end

  it("is 30 round trips over two connections", function()
    local connections, turns = cost("run", "base", "newclient")
    assert.is_true(connections <= 2 and turns <= 30, ("%d connections, %d round trips"):format(connections, turns))
    local rows = "SELECT (SELECT count(*) FROM core_config.tenant_merchants), (SELECT count(*) FROM o2x.effect)"
    assert.equal("3|16", server.sql("coredb-newclient", rows))
  end)

  -- A run takes the tenant's lock, which is one more.
  it("is 20 round trips where nothing is to be changed, in a plan, and 21 in a run", function()
    local connections, turns = cost("run", "base", "newclient")
    assert.is_true(connections <= 2 and turns <= 21, ("%d connections, %d round trips"):format(connections, turns))
    connections, turns = cost("plan", "base", "newclient", "--detailed-exitcode")
    assert.is_true(connections <= 2 and turns <= 20, ("%d connections, %d round trips"):format(connections, turns))
  end)
end)
