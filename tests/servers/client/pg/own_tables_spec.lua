local own_tables = require "o2x.client.pg.own_tables"
local pg = require "o2x.client.pg"
local servers = require "tests.support.servers"

describe("the tables of o2x", function()
  local server
  setup(function() server = servers.start "postgres" end)
  teardown(function() server.stop() end)

  it("are made once, and what an administrator grants is enough to use them", function()
    server.sql("postgres", "CREATE ROLE zoe LOGIN PASSWORD 'x'; ALTER DATABASE postgres OWNER TO admin")
    local admin <close> = pg.connect(server.options "postgres")
    local function there(db) return db:one(("SELECT %s AS there"):format(own_tables.THERE)).there end
    assert.is_false(there(admin))
    for _ = 1, 2 do
      admin:pipeline(own_tables.make_all())
    end
    assert.is_true(there(admin))
    for statement in own_tables.grant("zoe", true, "postgres"):gmatch "[^;]+" do
      admin:query(statement)
    end
    local zoe <close> = pg.connect(server.options("postgres", { user = "zoe", password = "x" }))
    zoe:query "INSERT INTO o2x.fence VALUES ('acme', 1)"
    zoe:query "UPDATE o2x.lock SET run = NULL"
    assert.equal('GRANT CREATE ON DATABASE "a" TO "zoe"', own_tables.grant("zoe", false, "a"))
  end)
end)
