-- Through the real pgbouncer: in session mode all goes as without it, in transaction mode nothing is sent to it.

local fs = require "o2x.base.fs"
local gate = require "tests.support.gate"
local pg = require "o2x.client.pg"
local pgbouncer = require "tests.support.pgbouncer"
local pool = require "o2x.client.pg.pool"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"

local SETTINGS <const> =
  [[SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
  current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('bytea_output') AS bytea]]
local NAME <const> = "coredb-newclient"

-- mode of pgbouncer, further lines of its configuration
local SESSIONS <const> = {
  { "session", nil },
  { "session", "ignore_startup_parameters = options" },
  { "session", "server_reset_query =" },
}
local TRANSACTIONS <const> = {
  { "transaction", nil },
  { "transaction", "ignore_startup_parameters = options" },
  { "transaction", "server_round_robin = 1\nmin_pool_size = 4" },
  { "transaction", "default_pool_size = 1" },
  { "statement", nil },
}

describe("a pooler", function()
  if not pgbouncer.is_installed() then
    pending "pgbouncer is not installed: run vendor/bootstrap"
    return
  end
  local server, tree
  setup(function()
    server = servers.start "postgres"
    tree = fs.temp_folder "/tmp/o2x-test-"
    fs.write(
      fs.join(tree, "engine/db/migration/V1__a.sql"),
      "CREATE TABLE tenant (id text PRIMARY KEY, doc jsonb); CREATE TABLE ledger (n int);",
      { parents = true }
    )
    fs.write(fs.join(tree, "engine/db/migration/V2__b.sql"), "INSERT INTO ledger VALUES (1);")
    fs.write(fs.join(tree, "engine/db/migration/V3__c.sql"), "CREATE INDEX CONCURRENTLY ledger_n ON ledger (n);")
    fs.write(fs.join(tree, "engine/db/migration/V3__c.sql.conf"), "executeInTransaction=false\n")
  end)
  teardown(function()
    server.stop()
    fs.remove_tree(tree)
  end)

  local function options(port) return server.options("postgres", { port = port }) end

  -- What a session must keep: its settings, its process, its locks, its temporary tables; also after a reset.
  local function check_session(db)
    for _ = 1, 2 do
      assert.same({ statement = "1min", lock = "10s", idle = "1min", bytea = "hex" }, db:one(SETTINGS))
      local own = db:one("SELECT pg_backend_pid() AS pid").pid
      db:query "SELECT pg_advisory_lock(42)"
      db:query "CREATE TEMP TABLE mine (n int)"
      assert.equal(own, db:one("SELECT pg_backend_pid() AS pid").pid)
      assert.equal(0, db:one("SELECT count(*) AS n FROM mine").n)
      assert.is_true(db:reset())
      assert.is_nil(db:one("SELECT to_regclass('mine') AS name").name)
    end
  end

  for _, case in ipairs(SESSIONS) do
    it(("keeps a session: %s %s"):format(case[1], case[2] or ""), function()
      local pooler <close> = pgbouncer.start(server, case[1], case[2])
      for _ = 1, 2 do -- the second connection knows the pooler
        local db <close> = pg.connect(options(pooler.port))
        check_session(db)
      end
      assert.equal("0", server.sql("postgres", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
    end)
  end

  local FIRST <const> = {
    function(db) return db:one "SELECT 1 AS n" end,
    function(db) return db:query "CREATE TABLE never (n int)" end,
    function(db) return db:script "CREATE TABLE never (n int)" end,
    function(db) return db:exec { { "CREATE TABLE never (n int)" } } end,
    function(db)
      return db:transaction(function(tx) tx:query "CREATE TABLE never (n int)" end)
    end,
    function(db)
      return db:copy_in("COPY pg_class FROM STDIN", function() end)
    end,
    function(db)
      return db:copy_out("COPY (SELECT 1) TO STDOUT", function() end)
    end,
  }

  -- Whether a pooler is there is known before anything is done, or with the first read.
  local function use(port, first)
    local db <close> = pg.connect(options(port))
    first(db)
  end

  for _, case in ipairs(TRANSACTIONS) do
    it(("without sessions is refused: %s %s"):format(case[1], case[2] or ""), function()
      local pooler <close> = pgbouncer.start(server, case[1], case[2])
      for _, first in ipairs(FIRST) do
        local err = raised(use, pooler.port, first)
        assert.equal("input", err.kind)
        assert.matches(("127.0.0.1:%d: a pooler in transaction mode"):format(pooler.port), tostring(err), 1, true)
        assert.matches("set pg.direct", err.hint, 1, true)
      end
      assert.equal("", server.sql("postgres", "SELECT to_regclass('never')"))
      -- nothing of a session is left to other clients of the pooler
      local left = server.client(
        "psql",
        "-XAt",
        ("host=127.0.0.1 port=%d dbname=postgres"):format(pooler.port),
        "-c",
        "SELECT current_setting('statement_timeout') || current_setting('lock_timeout')"
      )
      assert.equal("00", left)
    end)

    it(("without sessions is passed by: %s %s"):format(case[1], case[2] or ""), function()
      local pooler <close> = pgbouncer.start(server, case[1], case[2])
      local o = options(pooler.port)
      o.direct = "127.0.0.1:" .. server.port
      for _ = 1, 2 do
        local db <close> = pg.connect(o)
        check_session(db)
        assert.equal(server.port, db:one("SELECT inet_server_port() AS port").port)
        assert.equal(db.core:backend_pid(), db:one("SELECT pg_backend_pid() AS pid").pid)
      end
    end)
  end

  it("that has one session only is refused", function()
    for _, more in ipairs { "default_pool_size = 1", "default_pool_size = 1\nquery_wait_timeout = 1" } do
      local pooler <close> = pgbouncer.start(server, "session", more)
      local err = raised(use, pooler.port, FIRST[1])
      assert.matches("the pooler gives no second session", tostring(err), 1, true)
      assert.matches("default_pool_size", err.hint, 1, true)
    end
  end)

  it("that takes no more clients is asked again", function()
    local pooler <close> = pgbouncer.start(server, "session", "max_client_conn = 1")
    local err = raised(pg.connect, options(pooler.port))
    assert.same({ "53300", true }, { err.code, err.retryable })
  end)

  it("does not get a password unencrypted on the way past it", function()
    local config = {
      pg = { host = "127.0.0.1", direct = "db.example.com:5432", sslmode = "disable" },
      cleartext = {},
    }
    assert.matches("db.example.com", tostring(raised(pool.options, config)), 1, true)
  end)

  -- The SQL of onboarding, by its own effects.
  local function onboard(port, direct)
    local api, run = gate.run {
      mode = "apply",
      module = "pg",
      config = {
        platform = tree,
        pg = {
          host = "127.0.0.1",
          port = port,
          direct = direct,
          sslmode = "disable",
          user = "admin",
          locale = server.state.locale,
          password = secret.new(server.state.admin_password, "pg.password"),
        },
      },
      scope = { pg = { tenant = NAME, control = "none", admin = "postgres" }, files = { read = { "engine/" } } },
    }
    local outcomes = {}
    local function note(...) table.insert(outcomes, (select(-1, ...))) end
    note(api.admin:ensure_database(NAME, { owner = "admin", encoding = "UTF8" }))
    note(api.admin:ensure_grant(NAME, { all = { "admin" }, connect = { "appuser" } }))
    note(api.tenant:ensure_migrated "engine/db/migration")
    note(api.tenant:ensure_row("tenant", { id = "a" }, { doc = { n = 1 } }))
    assert.equal(1, api.tenant:one("SELECT doc FROM tenant WHERE id = $1", "a").doc.n)
    run.close()
    return outcomes
  end

  local ONBOARDINGS <const> = {
    { "in session mode", "session", nil, false },
    { "in session mode that resets nothing", "session", "server_reset_query =", false },
    { "in transaction mode, past it", "transaction", nil, true },
  }
  for _, case in ipairs(ONBOARDINGS) do
    it(("does not change what onboarding does, %s"):format(case[1]), function()
      local pooler <close> = pgbouncer.start(server, case[2], case[3])
      local direct = case[4] and "127.0.0.1:" .. server.port or nil
      assert.same({ "created", "changed", "created", "created" }, onboard(pooler.port, direct))
      assert.same({ "unchanged", "unchanged", "unchanged", "unchanged" }, onboard(pooler.port, direct))
      assert.equal("1", server.sql(NAME, "SELECT count(*) FROM ledger"))
      assert.equal("0", server.sql(NAME, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
      server.sql("postgres", ('DROP DATABASE "%s" WITH (FORCE)'):format(NAME))
    end)
  end

  it("counts", function()
    local cases = #SESSIONS + 2 * #TRANSACTIONS + #ONBOARDINGS + 1
    print(("poolers: %d cases"):format(cases))
  end)
end)
