-- What goes along in one round trip, and what a connection of the pool is afterwards.

local pools = require "o2x.client.pg.pool"
local pipeline = require "o2x.client.pg.pipeline"
local relay = require "tests.support.relay"
local servers = require "tests.support.servers"

describe("a pipeline", function()
  local server
  setup(function()
    server = servers.start "postgres"
    server.sql(
      "postgres",
      [[CREATE TABLE t (n int PRIMARY KEY); GRANT ALL ON t TO admin;
      CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_lock(42); PERFORM set_config('bytea_output', 'escape', false); RETURN NEW; END $$;
      CREATE TRIGGER keep BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION keep();
      CREATE VIEW v AS SELECT set_config('bytea_output', 'escape', false) AS a, pg_advisory_lock(43) IS NULL AS b;
      GRANT SELECT ON v TO admin]]
    )
  end)
  teardown(function() server.stop() end)

  local function pool_at(port)
    return pools.new(server.options(nil, { port = port, sslmode = "disable" }), { "postgres" })
  end

  local COSTS <const> = {
    { "a read", 1, function(db) db:rows "SELECT n FROM t" end },
    { "a statement", 1, function(db) db:query "SELECT 1" end },
    { "statements", 1, function(db) db:exec { { "SELECT 1" }, { "SELECT 2" } } end },
    {
      "a transaction of one statement",
      2,
      function(db)
        db:transaction(function(tx) tx:query "SELECT 1" end)
      end,
    },
    { "a read that fails", 1, function(db) pcall(db.rows, db, "SELECT nosuch") end },
  }
  it("takes the reset of the pool's connection along", function()
    local far <close> = relay.open { port = server.port }
    local pool = pool_at(far.port)
    pool:with("postgres", function(db) db:one "SELECT 1 AS warm" end)
    for _, case in ipairs(COSTS) do
      local before = far.turns
      pool:with("postgres", case[3])
      assert.equal(case[2], far.turns - before, case[1])
    end
    pool:close()
    print(("round trips: %d cases"):format(#COSTS))
  end)

  local function left() return server.sql("postgres", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") end

  local TRACES <const> = {
    function(db) db:query "INSERT INTO t VALUES (1)" end,
    function(db) db:exec { { "INSERT INTO t VALUES (2)" } } end,
    function(db)
      db:transaction(function(tx) tx:query "INSERT INTO t VALUES (3)" end)
    end,
    function(db) pcall(db.query, db, "INSERT INTO t VALUES (3)") end,
    function(db) db:rows "SELECT * FROM v" end,
  }
  it("leaves nothing of what triggers and views do to the session", function()
    local pool = pool_at(server.port)
    for i, trace in ipairs(TRACES) do
      local inside, outside
      pool:with("postgres", function(db)
        trace(db)
        inside = left()
      end)
      pool:with("postgres", function(db) outside = db:one("SELECT current_setting('bytea_output') AS value").value end)
      assert.same({ "0", "hex" }, { inside, outside }, tostring(i))
    end
    pool:close()
  end)

  it("keeps the session of a connection that is held, or is nobody else's", function()
    local pool = pool_at(server.port)
    pool:with("postgres", function(db)
      db:held(60, function()
        db:query "SELECT pg_advisory_lock(7)"
        db:query "SELECT 1"
        assert.equal("1", left())
      end)
      db:query "SELECT 1"
      assert.equal("0", left())
    end)
    local own <close> = pool:connect "postgres"
    own:query "SELECT pg_advisory_lock(7)"
    own:query "SELECT 1"
    assert.equal("1", left())
    assert.is_false(pipeline.is_reset(own))
    pool:close()
  end)

  it("of one task is reset while nobody waits, and is asked before the next one writes", function()
    local far <close> = relay.open { port = server.port, seconds = 0.05 }
    local pool = pool_at(far.port)
    local function hold(db)
      db:held(60, function() db:query "SELECT pg_advisory_lock(7)" end)
    end
    local NEXT <const> = {
      function(db) return db:one "SELECT current_setting('bytea_output') AS v" end,
      function(db) return db:query("SELECT current_setting('bytea_output') AS v")[1] end,
      function(db)
        return db:transaction(function(tx) return tx:one "SELECT current_setting('bytea_output') AS v" end)
      end,
    }
    for i, next_one in ipairs(NEXT) do
      pool:with("postgres", function(db)
        hold(db)
        db:held(60, function() db:query "SET bytea_output = 'escape'" end)
      end)
      pool:with("postgres", function(db) assert.equal("hex", next_one(db).v, tostring(i)) end)
      assert.equal("0", left())
    end
    assert.equal(1, far.connections)
    pool:close()
  end)

  it("that was ended while it was reset is not used", function()
    local far <close> = relay.open { port = server.port, seconds = 0.05 }
    local pool = pool_at(far.port)
    for i = 1, 3 do
      pool:with("postgres", function(db)
        db:held(60, function() db:query "SELECT pg_advisory_lock(7)" end)
      end)
      server.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'admin'")
      local ok, problem = pcall(pool.with, pool, "postgres", function(db) db:query "INSERT INTO t VALUES (90)" end)
      assert.is_true(ok or problem.kind == "unreachable" or problem.kind == "unknown", tostring(problem))
      assert.equal(ok and "1" or "0", server.sql("postgres", "SELECT count(*) FROM t WHERE n = 90"), tostring(i))
      server.sql("postgres", "DELETE FROM t WHERE n = 90")
    end
    pool:close()
  end)

  it("asks a server only once whether it is behind a pooler", function()
    local far <close> = relay.open { port = server.port }
    local pool = pool_at(far.port)
    do
      local first <close> = pool:connect "postgres"
      first:one "SELECT 1"
    end
    local before = far.turns
    local second <close> = pool:connect "postgres"
    second:one "SELECT 1"
    assert.equal(4, far.turns - before) -- three of the login, and the read
  end)
end)
