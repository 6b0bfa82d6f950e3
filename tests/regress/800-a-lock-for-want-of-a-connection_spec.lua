-- The control database had no free connection for the lock of a run. Only the way without the lock was said, not how
-- the connections come back.

local lock_words = require "o2x.engine.lock_words"
local pg_error = require "o2x.client.pg.error"

it("a lock that finds no free connection says how these come back, and how to go on without", function()
  local options = { host = "h", port = 5432, user = "u", dbname = "enginedevdb" }
  local err = pg_error.statement(options, { code = "53300", message = "too many connections" })
  local run = { tenant_name = "alpha", config = { pg = { user = "u" } } }
  local untaken = lock_words.untaken(run, "enginedevdb", err)
  assert.matches("pg_stat_activity", untaken.details[1])
  assert.equal("--local-lock", untaken.lacks)
  assert.matches("no free connections", untaken.message)
end)
