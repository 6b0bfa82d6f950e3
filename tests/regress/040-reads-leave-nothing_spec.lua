-- A script's read kept state on the connection, which the next one got: an advisory lock, settings, temporary tables.
-- It had effects, too: large objects, notifications, sequences, other sessions ended.

local gate = require "tests.support.gate"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"

describe("a read", function()
  it("changes nothing and holds nothing", function()
    local server = servers.start "postgres"
    server.sql("postgres", "create sequence s")
    local api, run = gate.run {
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
      scope = { pg = { tenant = "postgres", control = "postgres", admin = "postgres" }, files = { read = {} } },
    }
    for _, sql in ipairs {
      "select pg_advisory_lock(7)",
      "select (7::bigint).pg_advisory_lock",
      "SET statement_timeout = 0",
      "create temp table x (a int)",
      "select lo_from_bytea(0, 'x')",
      "NOTIFY x",
      "LOCK TABLE pg_class",
      "select nextval('s')",
      "select pg_terminate_backend(pid) from pg_stat_activity",
    } do
      assert.equal("refused", raised(api.tenant.rows, api.tenant, sql).kind)
    end
    assert.equal(
      "0|0|false|0",
      server
        .sql(
          "postgres",
          [[select (select count(*) from pg_locks where locktype = 'advisory'),
        (select count(*) from pg_largeobject_metadata), (select is_called from s),
        (select count(*) from pg_class where relpersistence = 't')]]
        )
        :gsub("|f|", "|false|")
    )
    run.close()
    server.stop()
  end)
end)
