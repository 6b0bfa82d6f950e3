-- A column of type character(n) has blanks behind an id: none of the ids that were there was seen, and the first one
-- was given again.

local gate = require "tests.support.gate"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"

describe("ids in a column with blanks behind them", function()
  local server
  setup(function() server = servers.start "postgres" end)
  teardown(function() server.stop() end)

  for _, kind in ipairs { "char(5)", "char(8)", "varchar(8)", "text" } do
    it(("are seen, of type %s"):format(kind), function()
      server.sql("postgres", "DROP DATABASE IF EXISTS d WITH (FORCE)")
      server.sql("postgres", "CREATE DATABASE d OWNER admin")
      local rows = "INSERT INTO t VALUES ('A0007', 'o'), ('A0050', 'p')"
      server.sql("d", ("SET ROLE admin; CREATE TABLE t (id %s, name text); %s"):format(kind, rows))
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
        scope = { pg = { tenant = "d", control = "none", admin = "postgres" } },
      }
      for i, name in ipairs { "n", "m" } do
        local o = { table = "public.t", column = "id", prefix = "A", digits = 4, first = 7, key = { name = name } }
        api.tenant:ensure_allocated(o)
        local id = server.sql("d", ("SELECT trim(id) FROM t WHERE name = '%s'"):format(name))
        assert.equal(("A%04d"):format(50 + i), id)
      end
      run.close()
    end)
  end
end)
