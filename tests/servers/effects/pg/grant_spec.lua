-- Privileges on a database.

local gate = require "tests.support.gate"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"

local NAME <const> = "coredb-newclient"

describe("privileges on a database", function()
  local server, run, api
  setup(function()
    server = servers.start "postgres"
    server.sql("postgres", ('CREATE DATABASE "%s" OWNER admin'):format(NAME))
    server.sql("postgres", ('REVOKE ALL ON DATABASE "%s" FROM PUBLIC'):format(NAME))
  end)
  teardown(function() server.stop() end)

  before_each(function()
    api, run = gate.run {
      mode = "apply",
      module = "pg",
      config = {
        pg = {
          host = "127.0.0.1",
          sslmode = "disable",
          port = server.port,
          user = "admin",
          password = secret.new(server.state.admin_password, "pg.password"),
        },
      },
      scope = { pg = { tenant = NAME, control = "postgres", admin = "postgres" } },
    }
  end)
  after_each(function() run.close() end)

  local function may(privilege)
    local sql = ("SELECT has_database_privilege('appuser', '%s', '%s')"):format(NAME, privilege)
    return server.sql("postgres", sql) == "t"
  end

  it("are granted once, and others stay", function()
    server.sql("postgres", ('GRANT CREATE ON DATABASE "%s" TO appuser'):format(NAME))
    assert.is_false(may "CONNECT")
    assert.equal("changed", api.admin:ensure_grant(NAME, { connect = "appuser", temporary = { "appuser" } }))
    assert.same({ true, true, true }, { may "CONNECT", may "TEMPORARY", may "CREATE" })
    assert.equal("unchanged", api.admin:ensure_grant(NAME, { connect = "appuser", temporary = { "appuser" } }))
  end)

  it("are no words that PostgreSQL does not have", function()
    local ok, err = pcall(api.admin.ensure_grant, api.admin, NAME, { drop = "appuser" })
    assert.is_false(ok)
    assert.matches("unknown privilege 'drop'", tostring(err))
  end)
end)
