-- A row was written again by each run, or not at all, when the database gives a value back in another form than the
-- script wrote it: an interval, a list for an array, NaN, an address; 0.1 became 0.10000000000000001 in a numeric.

local gate = require "tests.support.gate"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"

describe("a row whose values PostgreSQL gives back in another form", function()
  it("is as the script wants it after the first run", function()
    local server = servers.start "postgres"
    finally(server.stop)
    server.sql("postgres", "CREATE DATABASE toy OWNER admin")
    server.sql(
      "toy",
      "SET ROLE admin; CREATE TABLE public.t (id int, n numeric, i interval, a int[], f float8, b bytea)"
    )
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
      scope = { pg = { tenant = "toy", admin = "postgres" } },
    }
    finally(function()
      run.close()
      server.stop()
    end)
    local values = { n = 0.1, i = "60 minutes", a = { 1, 2 }, f = 0 / 0, b = "\0\255" }
    assert.equal("created", (select(2, api.tenant:ensure_row("t", { id = 1 }, values))))
    assert.equal("unchanged", (select(2, api.tenant:ensure_row("t", { id = 1 }, values))))
    local found = server.client("psql", "-XAt", "-d", "toy", "-c", "SELECT n, i, a, f, b FROM t")
    assert.equal("0.1|01:00:00|{1,2}|NaN|\\x00ff", found)
  end)
end)
