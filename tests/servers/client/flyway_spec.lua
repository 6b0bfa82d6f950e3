local flyway = require "o2x.client.flyway"
local history = require "o2x.client.flyway.history"
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
    local db <close> = server.connect("tried", options)
    local names = {}
    for i, migration in ipairs(history.migrate(db, flyway.resolve(files), { schemas = SCHEMAS })) do
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

  it("leave what Flyway leaves", function()
    assert.same({ "V1__first.sql", "R__views.sql" }, migrate(FIRST))
    assert.same({}, migrate(FIRST))
    assert.equal(
      table.concat({
        '0||<< Flyway Schema Creation >>|SCHEMA|"core_config"||admin|t',
        "1|1|first|SQL|V1__first.sql|" .. flyway.checksum(FIRST["V1__first.sql"]) .. "|admin|t",
        "2||views|SQL|R__views.sql|" .. flyway.checksum(FIRST["R__views.sql"]) .. "|admin|t",
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

  it("build an index concurrently, and build it anew when that was interrupted", function()
    migrate(FIRST)
    sql "INSERT INTO account VALUES (1, 'a'), (2, 'a')"
    local files = with { ["V2__index.sql"] = "CREATE UNIQUE INDEX CONCURRENTLY account_email ON account (email);" }
    local problem = raised(migrate, files)
    assert.equal("23505", problem.code)
    assert.equal("f", sql "SELECT indisvalid FROM pg_index WHERE indexrelid = 'account_email'::regclass")
    assert.equal("f", sql "SELECT success FROM flyway_schema_history WHERE version = '2'")
    sql "DELETE FROM account WHERE id = 2"
    assert.same({ "V2__index.sql" }, migrate(files))
    assert.equal("t", sql "SELECT indisvalid FROM pg_index WHERE indexrelid = 'account_email'::regclass")
    assert.equal("t|3", sql "SELECT success, installed_rank FROM flyway_schema_history WHERE version = '2'")
    assert.same({}, migrate(files))
  end)

  it("an index that was built, but not noted, is not built twice", function()
    migrate(FIRST)
    local files = with { ["V2__index.sql"] = "CREATE INDEX CONCURRENTLY account_email ON account (email);" }
    migrate(files)
    sql "UPDATE flyway_schema_history SET success = false WHERE version = '2'" -- as a crash between the two leaves it
    assert.same({ "V2__index.sql" }, migrate(files))
    assert.equal("t", sql "SELECT success FROM flyway_schema_history WHERE version = '2'")
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
    assert.truthy(tostring(raised(migrate, FIRST)):find "failed earlier")
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
