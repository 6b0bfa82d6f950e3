local checksum = require "o2x.client.flyway.checksum"
local flyway_migrate = require "o2x.client.flyway.migrate"
local resolve = require("o2x.client.flyway.folder").resolve
local history = require "o2x.client.flyway.history"
local eventually = require "tests.support.eventually"
local raised = require "tests.support.raised"
local servers = require "tests.support.servers"
local task = require "o2x.base.task"

local SCHEMAS = { "public", "core_config" }

describe("migrations", function()
  local server
  setup(function() server = servers.start "postgres" end)
  teardown(function() server.stop() end)
  before_each(function() server.sql("postgres", "CREATE DATABASE tried OWNER admin") end)
  after_each(function() server.sql("postgres", "DROP DATABASE tried WITH (FORCE)") end)

  local function sql(text) return server.sql("tried", text) end

  local function migrate(files, options)
    local function connect() return server.connect("tried", options) end
    local names = {}
    for i, migration in ipairs(flyway_migrate.migrate(connect, resolve(files), { schemas = SCHEMAS })) do
      names[i] = migration.script
    end
    return names
  end

  local FIRST = {
    ["V1__first.sql"] = "CREATE TABLE core_config.tenant (id text);\nCREATE TABLE account (id int, email text);",
    ["R__views.sql"] = "CREATE OR REPLACE VIEW core_config.v AS SELECT id FROM core_config.tenant",
  }

  local function with(more)
    local files = {}
    for name, text in pairs(FIRST) do
      files[name] = text
    end
    for name, text in pairs(more) do
      files[name] = text
    end
    return files
  end

  -- What others do between the look without the lock and the lock; what is run then, or what is said.
  local MEANWHILE <const> = {
    { "", "V1__first.sql R__views.sql" },
    { "CREATE SCHEMA core_config AUTHORIZATION admin", "V1__first.sql R__views.sql" },
    { "CREATE SCHEMA other AUTHORIZATION admin", "V1__first.sql R__views.sql" },
    { "ALTER DATABASE tried SET search_path = core_config", "V1__first.sql R__views.sql" },
    { "CREATE TABLE public.stray (n int)", "schema public is not empty" },
    { "first", "R__views.sql" },
    { "all", "" },
    { "changed", "V1__first.sql" },
  }
  local OTHERS <const> = {
    first = { ["V1__first.sql"] = FIRST["V1__first.sql"] },
    all = FIRST,
    changed = { ["V1__first.sql"] = FIRST["V1__first.sql"] .. "\n-- another" },
  }

  local function migrate_as_seen(main, seen)
    local names = {}
    local function connect() return server.connect "tried" end
    local options = { schemas = SCHEMAS, main = main, seconds = 60, seen = seen, also = { { "SELECT 42 AS n" } } }
    local applied, answers = flyway_migrate.migrate(connect, resolve(FIRST), options)
    for i, migration in ipairs(applied) do
      names[i] = migration.script
    end
    return table.concat(names, " "), answers
  end

  it("are looked at again under the lock", function()
    for i, case in ipairs(MEANWHILE) do
      server.sql("postgres", "DROP DATABASE tried WITH (FORCE)")
      server.sql("postgres", "CREATE DATABASE tried OWNER admin")
      local before <close> = server.connect "tried"
      local _, seen = history.read(before, SCHEMAS)
      if OTHERS[case[1]] then
        migrate(OTHERS[case[1]])
      elseif case[1] ~= "" then
        sql(case[1])
      end
      local main <close> = server.connect "tried"
      local ok, applied, answers = pcall(migrate_as_seen, main, seen)
      local where = ("case %d: %s"):format(i, case[1])
      if ok then
        assert.equal(case[2], applied, where)
        assert.equal("2", sql "SELECT count(*) FROM public.flyway_schema_history WHERE type = 'SQL'", where)
        if answers then assert.same({ { n = 42 } }, main.to_rows(answers[2])) end
        assert.equal("1", sql "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", where)
      else
        assert.matches(case[2], tostring(applied), 1, true, where)
      end
    end
    print(("between the look and the lock: %d cases"):format(#MEANWHILE))
  end)

  it("wait for the lock that another one has, and do not begin", function()
    local before <close> = server.connect "tried"
    local _, seen = history.read(before, SCHEMAS)
    before:query("SELECT pg_advisory_lock($1)", history.lock_number '"public"."flyway_schema_history"')
    local main <close> = server.connect "tried"
    local waiting = task.spawn(migrate_as_seen, main, seen)
    eventually(
      "an attempt",
      function() return sql "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_try%'" ~= "0" end
    )
    assert.equal("f", sql "SELECT to_regclass('flyway_schema_history') IS NOT NULL")
    before:close()
    assert.equal("V1__first.sql R__views.sql", (waiting:join()))
  end)

  it("leave what Flyway leaves", function()
    assert.same({ "V1__first.sql", "R__views.sql" }, migrate(FIRST))
    assert.same({}, migrate(FIRST))
    assert.equal(
      table.concat({
        '0||<< Flyway Schema Creation >>|SCHEMA|"core_config"||admin|t',
        "1|1|first|SQL|V1__first.sql|" .. checksum.of(FIRST["V1__first.sql"]) .. "|admin|t",
        "2||views|SQL|R__views.sql|" .. checksum.of(FIRST["R__views.sql"]) .. "|admin|t",
      }, "\n"),
      sql [[
        SELECT installed_rank, version, description, type, script, checksum, installed_by, success
        FROM flyway_schema_history ORDER BY 1]]
    )
    assert.equal(
      table.concat({
        "installed_rank|integer|NO|",
        "version|character varying|YES|50",
        "description|character varying|NO|200",
        "type|character varying|NO|20",
        "script|character varying|NO|1000",
        "checksum|integer|YES|",
        "installed_by|character varying|NO|100",
        "installed_on|timestamp without time zone|NO|",
        "execution_time|integer|NO|",
        "success|boolean|NO|",
      }, "\n"),
      sql [[SELECT column_name, data_type, is_nullable, character_maximum_length FROM information_schema.columns
      WHERE table_name = 'flyway_schema_history' ORDER BY ordinal_position]]
    )
    assert.equal(
      "flyway_schema_history_pk\nflyway_schema_history_s_idx",
      sql "SELECT indexname FROM pg_indexes WHERE tablename = 'flyway_schema_history' ORDER BY 1"
    )
    assert.equal("public", sql "SELECT schemaname FROM pg_tables WHERE tablename = 'account'")
  end)

  it("go on where they were: new versions, changed repeatables", function()
    migrate(FIRST)
    local files = with {
      ["R__views.sql"] = FIRST["R__views.sql"] .. " -- again",
      ["V1_1__more.sql"] = "CREATE TABLE more (id int)",
    }
    assert.same({ "V1_1__more.sql", "R__views.sql" }, migrate(files))
    assert.equal("4", sql "SELECT max(installed_rank) FROM flyway_schema_history")
  end)

  it("a failed one is rolled back whole and leaves no row", function()
    migrate(FIRST)
    local problem =
      raised(migrate, with { ["V2__bad.sql"] = "CREATE TABLE half (id int);\n\nSELECT 1;\nSELECT nosuch FROM half;\n" })
    assert.equal('V2__bad.sql:4: tried: column "nosuch" does not exist', tostring(problem))
    assert.equal("2|f", sql "SELECT max(installed_rank), to_regclass('half') IS NOT NULL FROM flyway_schema_history")
    assert.same({ "V2__good.sql" }, migrate(with { ["V2__good.sql"] = "CREATE TABLE whole (id int)" }))
  end)

  it("two at once: one works, the other waits and finds it done", function()
    local applied = task.each(
      { 1, 2, 3 },
      function() return #migrate(with { ["V3__slow.sql"] = "SELECT pg_sleep(0.3); CREATE TABLE slow (id int)" }) end
    )
    table.sort(applied)
    assert.same({ 0, 0, 3 }, applied)
    assert.equal("1", sql "SELECT count(*) FROM flyway_schema_history WHERE version = '3'")
  end)

  local OUTSIDE <const> = "executeInTransaction=false"

  it("what failed outside a transaction is refused until its row is gone, and says what was done", function()
    migrate(FIRST)
    sql "INSERT INTO account VALUES (1, 'a'), (2, 'a')"
    local files = with {
      ["V2__index.sql"] = "INSERT INTO account VALUES (3);\nCREATE UNIQUE INDEX CONCURRENTLY i ON account (email);",
      ["V2__index.sql.conf"] = OUTSIDE,
    }
    local problem = raised(migrate, files)
    assert.same({ "23505", "V2__index.sql:2" }, { problem.code, problem.where })
    assert.matches("1 of 2 statements were executed", problem.message)
    assert.equal("f|3", sql "SELECT success, installed_rank FROM flyway_schema_history WHERE version = '2'")
    for _ = 1, 2 do
      assert.matches("failed migration to version 2", raised(migrate, files).message)
    end
    assert.equal("1", sql "SELECT count(*) FROM account WHERE id = 3")
    sql "DELETE FROM account WHERE id > 1; DROP INDEX i; DELETE FROM flyway_schema_history WHERE version = '2'"
    assert.same({ "V2__index.sql" }, migrate(files))
    assert.equal("t", sql "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass")
  end)

  it("what was killed outside a transaction is refused, too", function()
    migrate(FIRST)
    local files = with {
      ["V2__slow.sql"] = "INSERT INTO account VALUES (1); SELECT pg_sleep(60); INSERT INTO account VALUES (2)",
      ["V2__slow.sql.conf"] = OUTSIDE,
    }
    task.parallel {
      migrate = function() raised(migrate, files, { application_name = "victim" }) end,
      kill = function()
        eventually("the script's second statement", function()
          local found = "application_name = 'victim' AND query ~ '^SELECT pg_sleep'"
          return sql("SELECT count(*) FROM pg_stat_activity WHERE " .. found) == "1"
        end)
        sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'"
      end,
    }
    assert.matches("failed migration to version 2", raised(migrate, files).message)
    assert.equal("1", sql "SELECT string_agg(id::text, ',') FROM account")
  end)

  it("a script that commits by itself is noted as failed only when it has", function()
    migrate(FIRST)
    local function failing(text)
      raised(migrate, with { ["V2__own.sql"] = text })
      return sql "SELECT count(*) FROM flyway_schema_history WHERE NOT success" .. sql "SELECT count(*) FROM account"
    end
    assert.equal("00", failing "INSERT INTO account VALUES (1); SELECT 1/0; COMMIT;")
    assert.equal("11", failing "INSERT INTO account VALUES (1); COMMIT; INSERT INTO account VALUES (2); SELECT 1/0;")
    assert.matches("failed migration to version 2", raised(migrate, with { ["V2__own.sql"] = "SELECT 1" }).message)
  end)

  it("a script that takes another role has its row, and the next one its own role again", function()
    server.sql("postgres", "CREATE ROLE passing; GRANT passing TO admin")
    local files = {
      ["V1__a.sql"] = "SET ROLE passing; SET search_path = pg_catalog; SELECT 1",
      ["V2__b.sql"] = "CREATE TABLE who AS SELECT current_user::text AS u",
    }
    assert.same({ "V1__a.sql", "V2__b.sql" }, migrate(files))
    assert.equal("admin", sql "SELECT u FROM public.who")
    server.sql("postgres", "DROP ROLE passing")
  end)

  it("nothing runs when one of the pending scripts cannot", function()
    local problem = raised(migrate, with { ["V2__x.sql"] = "SELECT 1;\nSELECT '${nosuch}'" })
    assert.same({ "V2__x.sql:2", "input" }, { problem.where, problem.kind })
    assert.equal("f", sql "SELECT to_regclass('account') IS NOT NULL")
  end)

  it("a killed connection leaves nothing half done", function()
    migrate(FIRST)
    local files = with { ["V2__slow.sql"] = "CREATE TABLE slow (id int); SELECT pg_sleep(20)" }
    local problem
    task.parallel {
      migrate = function() problem = raised(migrate, files, { application_name = "victim" }) end,
      kill = function()
        repeat
          task.sleep(0.05)
          local killed = sql [[
              SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
              WHERE application_name = 'victim' AND query ~ 'pg_sleep']]
        until killed == "1"
      end,
    }
    assert.same({ "unreachable", true }, { problem.kind, problem.retryable })
    assert.same({ "V2__slow.sql" }, migrate(with { ["V2__slow.sql"] = "CREATE TABLE slow (id int)" }))
  end)

  it("a database that was filled by hand is left alone", function()
    sql "CREATE TABLE by_hand (id int)"
    local problem = raised(migrate, FIRST)
    assert.equal("conflict", problem.kind)
    assert.truthy(tostring(problem):find "schema public is not empty")
  end)

  it("a failure that Flyway left is not passed over", function()
    migrate(FIRST)
    sql "UPDATE flyway_schema_history SET success = false WHERE version = '1'"
    assert.truthy(tostring(raised(migrate, FIRST)):find "failed migration to version 1")
  end)

  it("see the first schema of the list", function()
    migrate {
      ["V1__a.sql"] = "CREATE TABLE here (id int); SET search_path = core_config; CREATE TABLE there (id int)",
      ["V2__b.sql"] = "CREATE TABLE also_here (id int)",
    }
    assert.equal(
      "also_here|public\nhere|public\nthere|core_config",
      sql "SELECT tablename, schemaname FROM pg_tables WHERE tablename ~ 'here' ORDER BY 1"
    )
  end)
end)
