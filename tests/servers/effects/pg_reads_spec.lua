-- Reads that would change, hold or wait for something. Each is refused, and afterwards the server is looked at as a
-- superuser. The walls behind the check of the text are tried without it.

local gate = require "tests.support.gate"
local pool = require "o2x.client.pg.pool"
local raised = require "tests.support.raised"
local reader = require "o2x.client.pg.reader"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"

local NAME = "coredb-newclient"

-- What must be the same afterwards.
local STATE = [[select row(
  (select count(*) from pg_locks where locktype = 'advisory'),
  (select count(*) from pg_class where relpersistence = 't'),
  (select count(*) from pg_largeobject_metadata),
  (select last_value || '/' || is_called from public.counter),
  (select count(*) || '/' || max(v) from public.t),
  (select count(*) from pg_stat_activity where application_name = 'victim'),
  (select count(*) from pg_prepared_xacts),
  (select string_agg(rolname, ',' order by rolname) from pg_roles),
  (select string_agg(relname, ',' order by 1) from pg_class where relnamespace = 'public'::regnamespace),
  (select count(*) from pg_locks where mode in ('AccessExclusiveLock', 'RowShareLock') and pid <> pg_backend_pid()),
  (select count(*) from pg_replication_slots), pg_notification_queue_usage())::text as state]]

-- What a read would do: the expected words, then statements.
local ATTEMPTS = {
  { "pg_advisory_lock", "select pg_advisory_lock(7)" },
  { "pg_try_advisory_lock", "select pg_try_advisory_lock(7)" },
  { "pg_advisory_xact_lock_shared", "select pg_advisory_xact_lock_shared(7)" },
  { "pg_advisory_lock", [[select "pg_advisory_lock"(7)]] },
  { "pg_catalog.pg_advisory_lock", "select pg_catalog.pg_advisory_lock(7)" },
  { "after a value", "select (7::bigint).pg_advisory_lock" },
  { "after a value", "select (row(7::bigint)).f1.pg_advisory_lock" },
  { "after a value", "select (array[7::bigint])[1].pg_advisory_lock" },
  { "after a value", "select $1.pg_advisory_lock", 7 },
  { "unexpected U&", [[select U&"pg\005fadvisory_lock"(7)]] },
  { "pg_advisory_lock", "select 1 -- x\r, pg_advisory_lock(7)" },
  { "pg_advisory_lock", "select case when pg_advisory_lock(7) is null then 1 end" },
  { "pg_advisory_lock", "with a as materialized (select pg_advisory_lock(7)) select * from a" },
  { "pg_advisory_lock", "select 1 from t where pg_advisory_lock(v) is not null" },
  { "pg_advisory_lock", "explain analyze select pg_advisory_lock(7)" },
  { "pg_advisory_unlock_all", "select pg_advisory_unlock_all()" },
  { "set_config", "select set_config('statement_timeout', '0', false)" },
  { "set_config", "select set_config('role', 'none', true)" },
  { "begin with SET", "set statement_timeout = 0" },
  { "begin with SET", "set session authorization postgres" },
  { "begin with RESET", "reset role" },
  { "begin with RESET", "reset all" },
  { "begin with DISCARD", "discard all" },
  { "begin with CREATE", "create temp table x (a int)" },
  { "INTO", "select 1 into temp x" },
  { "begin with PREPARE", "prepare p as select 1" },
  { "begin with DECLARE", "declare c cursor with hold for select 1" },
  { "lo_from_bytea", "select lo_from_bytea(0, 'x')" },
  { "lo_creat", "select lo_creat(-1)" },
  { "lo_import", "select lo_import('/etc/passwd')" },
  { "lo_export", "select lo_export(1, '/tmp/x')" },
  { "lo_unlink", "select lo_unlink(1)" },
  { "pg_notify", "select pg_notify('tenants', 'x')" },
  { "begin with NOTIFY", "notify tenants, 'x'" },
  { "begin with LISTEN", "listen tenants" },
  { "begin with LOCK", "lock table t in access exclusive mode" },
  { "lock rows", "select * from t for update" },
  { "lock rows", "select * from t for no key update nowait" },
  { "lock rows", "select * from (select * from t for key share) s" },
  { "nextval", "select nextval('counter')" },
  { "setval", "select setval('counter', 99)" },
  { "currval", "select currval('counter')" },
  { "setseed", "select setseed(0.5)" },
  {
    "pg_terminate_backend",
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'",
  },
  { "pg_cancel_backend", "select pg_cancel_backend(pid) from pg_stat_activity" },
  { "pg_reload_conf", "select pg_reload_conf()" },
  { "pg_rotate_logfile", "select pg_rotate_logfile()" },
  { "pg_switch_wal", "select pg_switch_wal()" },
  { "pg_create_restore_point", "select pg_create_restore_point('x')" },
  { "pg_export_snapshot", "select pg_export_snapshot()" },
  { "pg_logical_emit_message", "select pg_logical_emit_message(false, 'x', 'y')" },
  { "pg_create_physical_replication_slot", "select pg_create_physical_replication_slot('x')" },
  { "pg_stat_reset", "select pg_stat_reset()" },
  { "pg_read_file", "select pg_read_file('/etc/passwd')" },
  { "pg_ls_dir", "select pg_ls_dir('.')" },
  { "pg_stat_file", "select pg_stat_file('/etc/passwd')" },
  { "pg_sleep", "select pg_sleep(100)" },
  { "pg_sleep_for", "select pg_sleep_for('1 hour')" },
  { "query_to_xml", "select query_to_xml('select pg_advisory_lock(7)', true, true, '')" },
  { "query_to_xml_and_xmlschema", "select query_to_xml_and_xmlschema('select nextval(''counter'')', true, true, '')" },
  { "cursor_to_xml", "select cursor_to_xml('c', 1, true, true, '')" },
  { "ts_stat", "select ts_stat('select pg_advisory_lock(7)')" },
  { "ts_rewrite", "select ts_rewrite('a', 'select pg_advisory_lock(7)')" },
  { "database_to_xml", "select database_to_xml(true, true, '')" },
  { "dblink", "select * from dblink('dbname=enginedevdb', 'select 1') as x (a int)" },
  { "dblink_exec", "select dblink_exec('dbname=enginedevdb', 'delete from t')" },
  { "txid_current", "select txid_current()" },
  { "pg_current_xact_id", "select pg_current_xact_id()" },
  { "public.holds", "select public.holds()" },
  { "call holds", "select holds()" },
  { "begin with DO", "do $$ begin perform pg_advisory_lock(7); end $$" },
  { "begin with CALL", "call p()" },
  { "begin with COPY", "copy t to program 'touch /tmp/x'" },
  { "begin with EXECUTE", "execute p" },
  { "more than one statement", "select 1; select pg_advisory_lock(7)" },
  { "more than one statement", "select 1; commit; delete from t" },
  { "INSERT", "with a as (insert into t values (9) returning v) select * from a" },
  { "UPDATE", "with a as (update t set v = 9 returning v) select * from a" },
  { "DELETE", "with a as (delete from t returning v) select * from a" },
  { "begin with DELETE", "explain analyze delete from t" },
  { "begin with INSERT", "insert into t values (1)" },
  { "begin with COMMIT", "commit" },
  { "begin with END", "end" },
  { "begin with ROLLBACK", "rollback" },
  { "begin with VACUUM", "vacuum" },
  { "begin with GRANT", "grant all on t to public" },
  { "begin with ALTER", "alter system set fsync = off" },
}

-- Without the check of the text: what the transaction, the role and the reset leave of it. `nil`: it may work, but
-- nothing of it stays.
local BEHIND = {
  { "select pg_advisory_lock(7)" },
  { "select pg_advisory_lock(7) from generate_series(1, 5)" },
  { "select pg_notify('tenants', 'x')" },
  { "select set_config('statement_timeout', '0', false), set_config('search_path', 'x', false)" },
  { "create temp table x as select 1" },
  { "declare c cursor with hold for select 1" },
  { "prepare p as select 1" },
  { "listen tenants" },
  { "select public.holds()" },
  { "select * from public.view_that_holds" },
  { "select lo_from_bytea(0, 'x')" },
  { "select lo_creat(-1)" },
  { "lock table t in access exclusive mode", "read%-only\0permission denied" },
  { "select nextval('counter')", "read%-only\0permission denied" },
  { "select setval('counter', 99)", "read%-only\0permission denied" },
  { "insert into t values (1)", "read%-only" },
  { "select * from t for update", "read%-only" },
  { "set transaction read write", "read%-write" },
  { "commit" }, -- commits nothing; what follows is reset
  {
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'",
    "permission denied\0must be a member",
  },
  { "select pg_read_file('/etc/passwd')", "permission denied" },
  { "select pg_reload_conf()", "permission denied" },
  { "create role x", "read%-only\0permission" },
  { "set role postgres", "permission denied" },
  { "set session authorization postgres", "permission denied" },
}

describe("a script's read", function()
  local server, victim, superuser, run, pg
  setup(function()
    server = servers.start "postgres"
    server.sql("postgres", ('create database "%s" owner admin'):format(NAME))
    server.sql(
      NAME,
      [[create table t as select 1 as v; create sequence counter; alter table t owner to admin;
      create function holds() returns int language plpgsql as $$ begin
        perform pg_advisory_lock(8); perform set_config('lock_timeout', '1h', false); return 1; end $$;
      create view view_that_holds as select holds() as v;
      grant select on all tables in schema public to admin]]
    )
    victim = server.connect(NAME, { application_name = "victim" })
    superuser = server.connect(NAME, { user = "postgres", password = server.state.superuser_password })
    local api
    api, run = gate.run {
      mode = "apply",
      module = "pg",
      config = {
        pg = {
          host = "127.0.0.1",
          sslmode = "disable",
          port = server.port,
          user = "admin",
          reader = "o2x_reader",
          password = secret.new(server.state.admin_password, "pg.password"),
        },
      },
      scope = { pg = { tenant = NAME, control = "enginedevdb", admin = "postgres" }, files = { read = {} } },
    }
    pg = api.tenant
  end)
  teardown(function()
    run.close()
    victim:close()
    superuser:close()
    server.stop()
  end)

  -- The one connection of the pool, in the state in which the next script finds it.
  local function session()
    return run.ctx:client("pg"):with(
      NAME,
      function(db)
        return db:query [[select current_setting('statement_timeout') as statement,
          current_setting('lock_timeout') as lock,
          current_setting('search_path') as path, current_user as role, pg_backend_pid() as pid,
          (select count(*) from pg_prepared_statements) as prepared, (select count(*) from pg_cursors) as cursors,
          (select count(*) from pg_listening_channels()) as channels]]
      end
    )[1]
  end

  local before, clean
  before_each(function()
    before, clean = superuser:one(STATE).state, session()
    clean.pid = nil
  end)

  local function unchanged()
    local now = session()
    now.pid = nil
    assert.same(clean, now)
    assert.equal(before, superuser:one(STATE).state)
  end

  for _, attempt in ipairs(ATTEMPTS) do
    it("is refused: " .. attempt[2], function()
      local problem = raised(pg.rows, pg, table.unpack(attempt, 2))
      assert.equal("refused", problem.kind)
      assert.truthy(problem.message:find(attempt[1], 1, true), problem.message)
      assert.falsy(problem.message:find "\n")
      unchanged()
    end)
  end

  for _, attempt in ipairs(BEHIND) do
    it("leaves nothing, were it not refused: " .. attempt[1], function()
      local ok, problem = pcall(
        run.ctx.client(run.ctx, "pg").with,
        run.ctx:client "pg",
        NAME,
        function(db) return reader.rows(db, attempt[1], { n = 0 }, "o2x_reader") end
      )
      if attempt[2] then
        assert.is_false(ok)
        local found = false
        for words in attempt[2]:gmatch "[^\0]+" do
          found = found or tostring(problem):find(words) ~= nil
        end
        assert.is_true(found, tostring(problem))
      end
      unchanged()
    end)
  end

  it("runs as the role that may only read, on one connection that is reset each time", function()
    local row =
      pg:one "select current_user as role, session_user as login, current_setting('transaction_read_only') as ro"
    assert.same({ role = "o2x_reader", login = "admin", ro = "on" }, row)
    assert.equal("60s", pg:one("select current_setting('statement_timeout') as t").t:gsub("1min", "60s"))
    assert.matches("^pg_catalog, .*, pg_temp$", pg:one("select current_setting('search_path') as p").p)
    local pid = session().pid
    pg:rows "select 1"
    assert.equal(pid, session().pid)
  end)

  it("takes no secret as a parameter, which it would show", function()
    local problem = raised(pg.rows, pg, "select $1::text as x", secret.new("hunter2-hunter2", "x"))
    assert.equal("refused", problem.kind)
    assert.matches("a secret", problem.message)
    assert.equal("input", raised(pg.rows, pg, nil).kind)
    assert.equal("input", raised(pg.rows, pg, { "select 1" }).kind)
  end)

  it("is cut off by the server, whatever the statement's session had set", function()
    local db <close> = server.connect(NAME)
    local problem = raised(reader.rows, db, "select pg_sleep(60)", { n = 0 }, "o2x_reader", 1)
    assert.equal("timeout", problem.kind)
  end)

  -- Reads as a role, without pg.reader. -> who it was, and what was said
  local function read_as(user)
    local said = {}
    local api, other = gate.run {
      mode = "apply",
      module = "pg",
      config = {
        pg = {
          host = "127.0.0.1",
          port = server.port,
          user = user,
          sslmode = "disable",
          password = secret.new(server.state[user .. "_password"], "pg.password"),
        },
      },
      scope = { pg = { tenant = NAME, control = "enginedevdb", admin = "postgres" }, files = { read = {} } },
    }
    other.report = setmetatable({
      message = function(_, _, level, message) said[#said + 1] = level .. " " .. message end,
    }, { __index = other.report })
    local role = api.tenant:one("select current_user as role").role
    assert.equal(role, api.tenant:one("select current_user as role").role)
    assert.equal("refused", raised(api.tenant.rows, api.tenant, "select pg_sleep(1)").kind)
    other.close()
    return role, said
  end

  it("runs as itself where it may not take the role", function()
    local role, said = read_as "appuser"
    assert.same({ "appuser", {} }, { role, said })
    unchanged()
  end)

  it("runs as itself where the server has no such role, and says once how to make it", function()
    superuser:query "alter role o2x_reader rename to somebody_else"
    local role, said = read_as "admin"
    superuser:query "alter role somebody_else rename to o2x_reader"
    assert.equal("admin", role)
    assert.equal(1, #said)
    assert.matches('^warn the server has no role o2x_reader, so reads run as admin.*CREATE ROLE "o2x_reader"', said[1])
    unchanged()
  end)

  it("needs the role that the configuration names, and says how to make it", function()
    run.ctx.config.pg.reader = "no_such_role"
    local problem = raised(pg.rows, pg, "select 1")
    run.ctx.config.pg.reader = "o2x_reader"
    assert.equal("unauthorised", problem.kind)
    assert.matches('CREATE ROLE "no_such_role" NOLOGIN; GRANT pg_read_all_data', problem.hint)
    unchanged()
  end)
end)

describe("a connection of the pool", function()
  it("is reset after each use, also a write's", function()
    local server = servers.start "postgres"
    local one = pool.new(server.options(nil), { "postgres" })
    one:with("postgres", function(db) db:query "select pg_advisory_lock(3), set_config('lock_timeout', '0', false)" end)
    one:with("postgres", function(db)
      assert.equal(0, db:one("select count(*) as n from pg_locks where locktype = 'advisory'").n)
      assert.equal("10s", db:one("select current_setting('lock_timeout') as t").t)
      db:query "create temporary table x (a int)"
    end)
    one:with("postgres", function(db) assert.is_nil(db:one("select to_regclass('x')::text as t").t) end)
    one:close()
    server.stop()
  end)
end)
