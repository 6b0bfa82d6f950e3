-- What is no conflict for a write that was cut short (`interim`) was taken for the result of one that went through: a
-- server that ignored the write, with a warning or without, was believed. PostgreSQL ignores a GRANT of a role that may
-- not grant, and a VACUUM of a role that does not own the table.

local gate = require "tests.support.gate"
local gates = require "tests.support.memory_gate"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"

local NAME <const> = "coredb-newclient"

describe("a write that the server ignores", function()
  it("is no result, even if a cut short one could leave the same", function()
    local g = gates.new { system = { x = "half" } }
    g.gate:type_of("halves").write = function() end
    local ok, err = pcall(g.effect, g, "halves", "x", "whole")
    assert.is_false(ok)
    assert.equal("conflict", err.kind)
    assert.matches("read%-back mismatch", err.message)
    assert.same({ "x: half → whole failed" }, g:effects())
  end)

  describe("in PostgreSQL", function()
    local server, api, run
    setup(function()
      server = servers.start "postgres"
      server.sql("postgres", ('CREATE DATABASE "%s" OWNER admin'):format(NAME))
      server.sql("postgres", ('REVOKE ALL ON DATABASE "%s" FROM PUBLIC'):format(NAME))
      server.sql("postgres", ('GRANT CONNECT ON DATABASE "%s" TO appuser'):format(NAME))
      server.sql(NAME, "CREATE TABLE public.notes (text text); GRANT USAGE ON SCHEMA public TO appuser")
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
            user = "appuser",
            password = secret.new(server.state.appuser_password, "pg.password"),
          },
        },
        scope = { pg = { tenant = NAME, control = "postgres", admin = "postgres" } },
      }
    end)
    after_each(function() run.close() end)

    it("is no grant", function()
      local ok, err = pcall(api.admin.ensure_grant, api.admin, NAME, { temporary = { "appuser" } })
      assert.is_false(ok)
      assert.matches("read%-back mismatch", err.message)
      assert.matches("TEMPORARY to appuser", err.message)
      local may = server.sql("postgres", ("SELECT has_database_privilege('appuser', '%s', 'TEMPORARY')"):format(NAME))
      assert.equal("f", may)
    end)

    it("is no vacuum", function()
      local ok, err = pcall(api.tenant.ensure_vacuumed, api.tenant, "public.notes", os.time() - 60)
      assert.is_false(ok)
      assert.equal(("PostgreSQL did not vacuum public.notes of %s"):format(NAME), err.message)
      assert.equal("t", server.sql(NAME, "SELECT last_vacuum IS NULL FROM pg_stat_user_tables WHERE relname = 'notes'"))
    end)
  end)
end)
