-- The first read of a connection asks along whether a pooler is there. Where that was answered and the read was not,
-- the answer was looked at after the connection had been closed: a Lua error instead of the time limit.

local pools = require "o2x.client.pg.pool"
local raised = require "tests.support.raised"
local servers = require "tests.support.servers"

describe("the first read of a connection", function()
  local server
  setup(function() server = servers.start "postgres" end)
  teardown(function() server.stop() end)

  it("says that there was no answer in time", function()
    -- under a name that this process has not met: then it asks
    local pool = pools.new(server.options(nil, { host = "localhost", sslmode = "disable" }), { "postgres" })
    local err = raised(pool.with, pool, "postgres", function(db)
      assert.is_true(db.stranger)
      db.patience = 1
      db:rows "SELECT pg_sleep(60)"
    end)
    assert.matches("no answer in time", err.message)
    assert.equal("unreachable", err.kind)
    local row = pool:with("postgres", function(db) return db:one "SELECT 1 AS one" end)
    assert.equal("1", tostring(row.one))
    pool:close()
  end)
end)
