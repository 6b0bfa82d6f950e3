local daemon = require "lab.daemon"
local errors = require "o2x.base.error"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local pg = require "o2x.client.pg"
local pool = require "o2x.client.pg.pool"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"
local task = require "o2x.base.task"
local tls = require "tests.support.tls"

describe("PostgreSQL", function()
  local server
  setup(function() server = servers.start "postgres" end)
  teardown(function() server.stop() end)

  -- Runs sql as the superuser while fn runs, until it gives something.
  local function meanwhile(fn, sql)
    local result
    task.parallel {
      fn = function() result = fn() end,
      sql = function()
        while server.sql("postgres", sql) == "" do
          task.sleep(0.02)
        end
      end,
    }
    return result
  end

  describe("values", function()
    it("come as Lua's own types; NULL is absent", function()
      local db <close> = server.connect()
      local row = db:one [[
        SELECT 1::int2 AS i2, 9007199254740993 AS i8, 2.5::float8 AS f, 12.340::numeric AS amount,
          true AS t, false AS n, NULL::text AS nothing, date '2026-02-10' AS day,
          'x'::varchar AS text, 'c0ffee00-0000-4000-8000-000000000000'::uuid AS id,
          '{"a": [1, null]}'::jsonb AS doc, '\xdead00'::bytea AS bytes]]
      assert.same({ 1, 9007199254740993, 2.5, true, false }, { row.i2, row.i8, row.f, row.t, row.n })
      assert.equal("integer", math.type(row.i8))
      assert.is_nil(row.nothing)
      assert.equal("12.340", row.amount)
      assert.equal("2026-02-10", row.day)
      assert.equal('{"a":[1,null]}', json.encode(row.doc))
      assert.equal("\xde\xad\0", row.bytes)
      assert.equal("c0ffee00-0000-4000-8000-000000000000", row.id)
    end)

    it("arrays come as lists", function()
      local db <close> = server.connect()
      local row =
        db:one [[SELECT ARRAY['a', 'b c', NULL, 'q"\', ''] AS t, '{}'::int[] AS e, '{{1,2},{3,4}}'::int[] AS m,
        '[0:1]={1,2}'::int[] AS own_bounds]]
      assert.equal('["a","b c",null,"q\\"\\\\",""]', json.encode(row.t))
      assert.equal("[]", json.encode(row.e))
      assert.same({ { 1, 2 }, { 3, 4 } }, row.m)
      assert.equal("[0:1]={1,2}", row.own_bounds)
    end)

    it("parameters go out as what they are", function()
      local db <close> = server.connect()
      local row = db:one(
        [[
        SELECT $1::text AS a, $2::int AS b, $3::float8 AS c, $4::bool AS d, $5::jsonb AS e,
          $6::text IS NULL AS f, $7::text AS g]],
        "x'; --",
        -7,
        0.1,
        false,
        { a = { 1 } },
        json.null,
        nil
      )
      assert.same({ "x'; --", -7, 0.1, false, { a = { 1 } }, true }, { row.a, row.b, row.c, row.d, row.e, row.f })
      assert.is_nil(row.g)
      assert.same({ "a", 'b"\\,', "" }, db:one("SELECT $1::text[] AS list", pg.array { "a", 'b"\\,', "" }).list)
    end)

    it("a secret goes out, and an error that quotes it does not show it", function()
      local db <close> = server.connect()
      local key = secret.new("sk_live_0123456789", "key")
      assert.equal(18, db:one("SELECT length($1) AS n", key).n)
      local problem = raised(db.rows, db, "SELECT $1::int", key)
      assert.equal("22P02", problem.code)
      assert.falsy(tostring(problem):find("sk_live_0123456789", 1, true))
    end)

    it("a NUL is refused before anything is sent", function()
      local db <close> = server.connect()
      assert.falsy(pcall(db.query, db, "SELECT $1", "a\0b"))
      assert.falsy(pcall(db.query, db, "SELECT 1\0; DROP TABLE x"))
      assert.equal(1, db:one("SELECT 1 AS n").n)
      assert.falsy(pcall(db.rows, db, "SELECT $1", "a\0b"))
      assert.is_false(db:idle())
    end)
  end)

  describe("reads", function()
    it("cannot write, and leave the connection usable", function()
      local db <close> = server.connect()
      for _, sql in ipairs {
        "CREATE TABLE t (a int)",
        "SELECT set_config('transaction_read_only', 'off', true); CREATE TABLE t (a int)",
        "SELECT 1/0",
        "selec",
        "COMMIT; DROP TABLE t",
      } do
        raised(db.rows, db, sql)
        assert.is_true(db:idle())
      end
      assert.equal("refused", raised(db.rows, db, "CREATE TABLE t (a int)").kind)
      db:rows "SELECT set_config('default_transaction_read_only', 'off', false)"
      assert.equal("refused", raised(db.rows, db, "CREATE TABLE t (a int)").kind)
      assert.equal("0", server.sql("postgres", "SELECT count(*) FROM pg_class WHERE relname = 't'"))
    end)

    it("run side by side", function()
      local seen = 0
      meanwhile(
        function()
          task.each({ 1, 2, 3, 4 }, function()
            local db <close> = server.connect("postgres", { application_name = "beside" })
            if raised(db.rows, db, "SELECT pg_sleep(60)").code == "57014" then seen = seen + 1 end
          end)
        end,
        [[WITH beside AS (SELECT pid FROM pg_stat_activity WHERE application_name = 'beside'
        AND state = 'active' AND query ~ 'pg_sleep')
        SELECT pg_cancel_backend(pid) FROM beside WHERE (SELECT count(*) FROM beside) = 4]]
      )
      assert.equal(4, seen)
    end)
  end)

  describe("transactions", function()
    before_each(function()
      server.sql("postgres", "CREATE TABLE public.t (a int PRIMARY KEY, b text)")
      server.sql("postgres", "GRANT ALL ON t TO admin")
    end)
    after_each(function() server.sql("postgres", "DROP TABLE public.t") end)

    it("commit what returns and roll back what raises", function()
      local db <close> = server.connect()
      assert.equal(
        "fine",
        db:transaction(function(tx)
          tx:exec { { "INSERT INTO t VALUES ($1, $2)", 1, "one" }, { "INSERT INTO t VALUES (2, $1)", nil, n = 2 } }
          return "fine"
        end)
      )
      local problem = raised(db.transaction, db, function(tx)
        tx:query "INSERT INTO t VALUES (3)"
        errors.raise { kind = "failed", message = "no" }
      end)
      assert.equal("no", problem.message)
      assert.is_true(db:idle())
      assert.equal("23505", raised(db.transaction, db, function(tx) tx:query "INSERT INTO t VALUES (1)" end).code)
      assert.equal("1|one\n2|", server.sql("postgres", "SELECT * FROM t ORDER BY a"))
    end)

    it("exec is all or none", function()
      local db <close> = server.connect()
      raised(
        db.exec,
        db,
        { { "INSERT INTO t VALUES (1)" }, { "INSERT INTO t VALUES (1)" }, { "INSERT INTO t VALUES (2)" } }
      )
      assert.equal("0", server.sql("postgres", "SELECT count(*) FROM t"))
      assert.equal(3, db:exec { { "INSERT INTO t VALUES (1), (2)" }, { "INSERT INTO t VALUES (3)" } })
    end)

    it("run again after a serialisation failure", function()
      server.sql("postgres", "INSERT INTO t VALUES (1, '0')")
      local tries = 0
      task.each({ 1, 2, 3, 4 }, function()
        local db <close> = server.connect()
        db:transaction(function(tx)
          local old = tx:one("SELECT b FROM t WHERE a = 1").b
          tries = tries + 1
          eventually("all have read", function() return tries >= 4 end)
          tx:query("UPDATE t SET b = $1 WHERE a = 1", tostring(tonumber(old) + 1))
        end, { isolation = "serializable", attempts = 20 })
      end)
      assert.equal("4", server.sql("postgres", "SELECT b FROM t"))
      assert.is_true(tries > 4)
    end)

    it("a cancelled one is rolled back", function()
      local problem = raised(task.timeout, 0.3, function()
        local db <close> = server.connect()
        db:transaction(function(tx)
          tx:query "INSERT INTO t VALUES (9)"
          tx:query "SELECT pg_sleep(30)"
        end)
      end)
      assert.equal("timeout", problem.kind)
      server.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'admin'")
      assert.equal("0", server.sql("postgres", "SELECT count(*) FROM t"))
    end)

    it("copy many rows in and out", function()
      local db <close> = server.connect()
      local n = 0
      local rows = db:copy_in("COPY t FROM STDIN", function()
        n = n + 1
        if n <= 20000 then return pg.copy_row(n, n % 2 == 0 and "tab\tline\n" .. n or json.null) end
      end)
      assert.equal(20000, rows)
      local seen = 0
      assert.equal(20000, db:copy_out("COPY t TO STDOUT", function() seen = seen + 1 end))
      assert.equal(20000, seen)
      assert.equal("tab\tline\n4", db:one("SELECT b FROM t WHERE a = 4").b)
      local line = "x\n"
      assert.equal(
        "22P02",
        raised(db.copy_in, db, "COPY t FROM STDIN", function()
          local l = line
          line = nil
          return l
        end).code
      )
      raised(db.copy_in, db, "COPY t FROM STDIN", function() errors.raise { kind = "failed", message = "no rows" } end)
      assert.equal("20000", server.sql("postgres", "SELECT count(*) FROM t"))
      assert.is_true(db:idle())
    end)
  end)

  describe("what goes wrong is one line that says what to do:", function()
    local function refused(more) return raised(pg.connect, server.options("postgres", more)) end

    it("the server is down", function()
      local problem = refused { port = 1 }
      assert.equal("PostgreSQL at 127.0.0.1:1 refuses connections", tostring(problem))
      assert.same({ "unreachable", 4 }, { problem.kind, errors.exit_code(problem) })
      assert.truthy(problem.hint:find "PGPORT")
    end)

    it("a wrong password", function()
      local problem = refused { password = "wrong" }
      assert.truthy(tostring(problem):find "rejected the password of role admin")
      assert.same({ "unauthorised", "28P01" }, { problem.kind, problem.code })
    end)

    it(
      "no password",
      function() assert.truthy(tostring(refused { password = "" }):find "requires a password for role admin") end
    )

    it("no such database", function()
      local problem = raised(server.connect, "coredb-none")
      assert.same({ "3D000", "failed" }, { problem.code, problem.kind })
      assert.truthy(tostring(problem):find "has no database coredb%-none")
    end)

    it("a database name that is more than a name", function()
      for _, name in ipairs { "host=evil user=x", "postgres://evil/x", "a\0b", "", ("x"):rep(64), 'a"b' } do
        assert.equal("input", raised(server.connect, name).kind)
      end
    end)

    it("TLS that the server does not speak", function()
      local problem = refused { sslmode = "verify-full", sslrootcert = "system-none.pem" }
      assert.equal("unreachable", problem.kind)
      assert.is_false(problem.retryable)
    end)

    it("too many connections", function()
      server.sql("postgres", "CREATE DATABASE narrow CONNECTION LIMIT 1 OWNER admin")
      local one <close> = server.connect "narrow"
      local problem = raised(server.connect, "narrow")
      assert.same({ "53300", true }, { problem.code, problem.retryable })
      one:close()
      server.sql("postgres", "DROP DATABASE narrow WITH (FORCE)")
    end)

    it("a server that hangs up: what was only read may be asked again, a write is of unknown outcome", function()
      local kill =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim' AND state = 'active'"
      local function victim(fn)
        local db <close> = server.connect("postgres", { application_name = "victim" })
        local problem = meanwhile(function() return raised(fn, db) end, kill)
        return problem.kind, problem.retryable
      end
      assert.same({ "unreachable", true }, { victim(function(db) db:rows "SELECT pg_sleep(60)" end) })
      assert.same({ "unknown" }, { victim(function(db) db:query "SELECT pg_sleep(60)" end) })
      assert.same(
        { "unreachable", true },
        { victim(function(db)
          db:transaction(function(tx) tx:query "SELECT pg_sleep(60)" end)
        end) }
      )
    end)

    it("a statement that takes too long", function()
      local db <close> = server.connect("postgres", { statement_timeout = 0.5 })
      local problem = raised(db.query, db, "SELECT pg_sleep(60)")
      assert.same({ "57014", "timeout" }, { problem.code, problem.kind })
      assert.equal(1, db:one("SELECT 1 AS n").n)
    end)
  end)

  describe("over TLS", function()
    local made, ca
    setup(function()
      made = tls.make()
      ca = os.tmpname()
      fs.write(ca, made.ca)
    end)
    teardown(function()
      fs.remove(ca)
      server.sql("postgres", "ALTER SYSTEM RESET ssl")
      server.sql("postgres", "SELECT pg_reload_conf()")
    end)

    -- The server shows another certificate from now on.
    local function show(certificate)
      local user = daemon.user { "postgres", "nobody" }
      local data = fs.join(daemon.path(server.lab, "postgres", user), "data")
      daemon.write(fs.join(data, "server.crt"), certificate.cert, user)
      daemon.write(fs.join(data, "server.key"), certificate.key, user)
      server.sql("postgres", "ALTER SYSTEM SET ssl = on")
      server.sql("postgres", "SELECT pg_reload_conf()")
    end

    local function secure(more)
      local options = { sslmode = "verify-full", sslrootcert = ca }
      for key, value in pairs(more or {}) do
        options[key] = value
      end
      return pg.connect(server.options("postgres", options))
    end

    it("talks to a server that proves who it is", function()
      show(made.good)
      local db <close> = eventually("a connection with TLS", function()
        local ok, connection = pcall(secure)
        return ok and connection
      end)
      assert.is_true(db:one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").ssl)
      local named <close> = secure { host = "localhost" }
      assert.is_true(named:one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").ssl)
    end)

    it("and to no other", function()
      for which, text in pairs { foreign = "not trusted", expired = "not trusted", other_host = "for another host" } do
        show(made[which])
        local problem = eventually(which, function()
          local ok, refusal = pcall(secure)
          return not ok and tostring(refusal):find(text, 1, true) and refusal
        end)
        assert.same({ "unreachable", false }, { problem.kind, problem.retryable })
      end
    end)
  end)

  describe("the pool", function()
    it("keeps connections, replaces dead ones, and connects to granted databases only", function()
      local options = server.options()
      options.dbname = nil
      local connections = pool.new(options, { "postgres" })
      local function pid()
        return connections:with("postgres", function(db) return db:one("SELECT pg_backend_pid() AS pid").pid end)
      end
      local first = pid()
      assert.equal(first, pid())
      server.sql("postgres", "SELECT pg_terminate_backend(" .. first .. ", 5000)")
      local second = pid()
      assert.are_not.equal(first, second)
      raised(connections.with, connections, "postgres", function(db)
        db:query "BEGIN"
        errors.raise { kind = "failed", message = "in the middle" }
      end)
      assert.are_not.equal(second, pid())
      assert.equal("refused", raised(connections.with, connections, "template1", function() end).kind)
      connections:close()
    end)

    it("lets tasks take turns", function()
      local options = server.options()
      options.dbname = nil
      local connections = pool.new(options, { "postgres" })
      local numbers = {}
      for i = 1, 20 do
        numbers[i] = i
      end
      local results = task.each(numbers, function(i)
        return connections:with("postgres", function(db) return db:one("SELECT $1::int AS n, pg_sleep(0.01)", i).n end)
      end)
      assert.same(numbers, results)
      connections:close()
    end)
  end)

  it("quotes only names", function()
    assert.equal('"core_config"."order"', pg.quote_table "core_config.order")
    for _, name in ipairs { 'a"b', "", "a b", "1a", "a.b.c", ("x"):rep(64), "a\0b", "a;b" } do
      assert.equal("input", raised(pg.quote_table, name).kind)
    end
  end)
end)
