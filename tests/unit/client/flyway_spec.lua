local flyway = require "o2x.client.flyway"
local history = require "o2x.client.flyway.history"
local raised = require "tests.support.raised"
local sql = require "o2x.client.flyway.sql"

-- The five files whose checksums Flyway 10.22 itself left in a database.
local FILES = {
  ["V1__core_config.sql"] = "CREATE SCHEMA IF NOT EXISTS core_config;\n"
    .. "CREATE TABLE core_config.tenant (id varchar(32) PRIMARY KEY, name text NOT NULL);\n",
  ["V1_1__business_tables.sql"] = "-- business tables\r\n"
    .. "CREATE TABLE account (id bigserial PRIMARY KEY, email text);\r\n\r\n"
    .. 'CREATE TABLE "order" (id bigserial PRIMARY KEY);\r\n',
  ["V1_5__late.sql"] = "SELECT 1;\n",
  ["V2.0.1__functions.sql"] = "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n"
    .. "  NEW.id := NEW.id; -- a ; in a body\n  RETURN NEW;\nEND\n$$;\n"
    .. "INSERT INTO core_config.tenant VALUES ($$TIDLT-000000$$, $$a;b$$);",
  ["R__views.sql"] = "\xEF\xBB\xBFCREATE OR REPLACE VIEW core_config.v "
    .. "AS SELECT id FROM core_config.tenant;\n\n-- again\n",
}

local CHECKSUMS = {
  ["V1__core_config.sql"] = 198587699,
  ["V1_1__business_tables.sql"] = -1113135562,
  ["V1_5__late.sql"] = 78787420,
  ["V2.0.1__functions.sql"] = -900998802,
  ["R__views.sql"] = -731835681,
}

describe("Flyway", function()
  it("checksums are those that Flyway itself wrote", function()
    for script, text in pairs(FILES) do
      assert.equal(CHECKSUMS[script], flyway.checksum(text), script)
    end
    for _, text in ipairs { "a\nb", "a\r\nb\r\n", "\xEF\xBB\xBFa\rb", "ab" } do
      assert.equal(flyway.checksum "a\nb\n", flyway.checksum(text))
    end
    assert.equal(0, flyway.checksum "")
  end)

  it("puts versions in their order, numbers by number, repeatables last", function()
    local files = {}
    for _, name in ipairs {
      "R__b.sql",
      "R__a.sql",
      "V10__x.sql",
      "V2__x.sql",
      "V1_1__x.sql",
      "V1.5__x.sql",
      "V1__x.sql",
      "V2_0_1__x.sql",
    } do
      files[name] = "SELECT 1"
    end
    files["README.md"], files["U1__undo.sql"], files["notes.sql"] = "", "", ""
    local order = {}
    for i, migration in ipairs(flyway.resolve(files)) do
      order[i] = migration.script
    end
    assert.same(
      { "V1__x.sql", "V1_1__x.sql", "V1.5__x.sql", "V2__x.sql", "V2_0_1__x.sql", "V10__x.sql", "R__a.sql", "R__b.sql" },
      order
    )
    assert.equal(0, flyway.compare("1", "1.0"))
    assert.is_true(flyway.compare("1.10", "1.9") > 0)
  end)

  it("takes names apart", function()
    assert.same(
      { script = "sub/V1_2__add_more_things.sql", version = "1.2", description = "add more things" },
      flyway.parse_name "sub/V1_2__add_more_things.sql"
    )
    assert.same({ script = "R__all_views.sql", description = "all views" }, flyway.parse_name "R__all_views.sql")
    for _, name in ipairs {
      "V1_x.sql",
      "V1a__x.sql",
      "V__x.sql",
      "V1..2__x.sql",
      "V1__.sql",
      "R__.sql",
      "B1__base.sql",
      "afterMigrate.sql",
    } do
      assert.equal("input", raised(flyway.parse_name, name).kind)
    end
    raised(flyway.resolve, { ["V1__a.sql"] = "", ["V1.0__b.sql"] = "" })
    raised(flyway.resolve, { ["V1__a.sql"] = "SELECT '${unknown}'" })
    local list = flyway.resolve(
      { ["V1__a.sql"] = "SELECT '${flyway:database} ${flyway:filename}'" },
      { ["flyway:database"] = "db" }
    )
    assert.equal("SELECT 'db V1__a.sql'", list[1].text)
    assert.equal(flyway.checksum "SELECT '${flyway:database} ${flyway:filename}'", list[1].checksum)
  end)

  local function row(script, more)
    local migration = flyway.resolve({ [script] = FILES[script] })[1]
    local r = {
      script = script,
      version = migration.version,
      description = migration.description,
      type = "SQL",
      checksum = migration.checksum,
      success = true,
    }
    for key, value in pairs(more or {}) do
      r[key] = value
    end
    return r
  end

  local function files(...)
    local map = {}
    for _, name in ipairs { ... } do
      map[name] = FILES[name]
    end
    return flyway.resolve(map)
  end

  local function names(pending)
    local list = {}
    for i, migration in ipairs(pending) do
      list[i] = migration.script
    end
    return list
  end

  it("knows what is still to be applied", function()
    local all = files("V1__core_config.sql", "V1_1__business_tables.sql", "V2.0.1__functions.sql", "R__views.sql")
    assert.equal(4, #flyway.pending(all, {}))
    local rows = {
      { type = "SCHEMA", script = '"core_config"', success = true, description = "<< Flyway Schema Creation >>" },
      row "V1__core_config.sql",
      row "V1_1__business_tables.sql",
    }
    assert.same({ "V2.0.1__functions.sql", "R__views.sql" }, names(flyway.pending(all, rows)))
    table.insert(rows, row "V2.0.1__functions.sql")
    table.insert(rows, row("R__views.sql", { checksum = 1 }))
    assert.same({ "R__views.sql" }, names(flyway.pending(all, rows)))
    table.insert(rows, row "R__views.sql")
    assert.same({}, flyway.pending(all, rows))
    -- a later version that this folder does not have yet is another branch's business
    assert.same(
      {},
      flyway.pending(files "V1__core_config.sql", { row "V1__core_config.sql", row "V2.0.1__functions.sql" })
    )
    assert.same(
      { "V2.0.1__functions.sql" },
      names(flyway.pending(files("V1__core_config.sql", "V1_1__business_tables.sql", "V2.0.1__functions.sql"), {
        {
          type = "BASELINE",
          version = "1.1",
          description = "<< Flyway Baseline >>",
          success = true,
          script = "<< Flyway Baseline >>",
        },
      }))
    )
  end)

  it("refuses what Flyway refuses, naming file and sums", function()
    local all = files("V1__core_config.sql", "V1_1__business_tables.sql", "V1_5__late.sql", "V2.0.1__functions.sql")
    local applied = { row "V1__core_config.sql", row "V1_1__business_tables.sql", row "V2.0.1__functions.sql" }
    assert.truthy(tostring(raised(flyway.pending, all, applied)):find "V1_5__late.sql: version 1.5 is out of order")
    local problem =
      raised(flyway.pending, files "V1__core_config.sql", { row("V1__core_config.sql", { checksum = 140340165 }) })
    assert.equal(
      "V1__core_config.sql: changed after it was applied: checksum mismatch for migration version 1: "
        .. "applied to database 140340165, resolved locally 198587699",
      tostring(problem)
    )
    problem = raised(flyway.pending, files("V1__core_config.sql", "V2.0.1__functions.sql"), applied)
    assert.matches("V1_1__business_tables.sql %(version 1.1%) is missing in the folder", tostring(problem))
    local function refused(expected, recorded)
      local err = raised(flyway.pending, files "V1__core_config.sql", { row("V1__core_config.sql", recorded) })
      assert.matches(expected, tostring(err))
    end
    refused("failed earlier", { success = false })
    refused("renamed", { description = "other" })
  end)

  it("has Flyway's own lock number", function()
    -- "Flyway" read as a number, plus Java's hashCode of the quoted name
    assert.equal(0x466C79776179 + 0, history.lock_number "")
    assert.equal(0x466C79776179 + 97, history.lock_number "a")
    assert.equal(0x466C79776179 + 96354, history.lock_number "abc")
    assert.equal(0x466C79776179 + 2125624436, history.lock_number '"public"."flyway_schema_history"')
  end)
end)

describe("SQL of migrations", function()
  local function codes(text)
    local list = {}
    for i, statement in ipairs(sql.statements(text)) do
      list[i] = statement.code
    end
    return list
  end

  it("is cut where statements end, and nowhere else", function()
    assert.same(
      { "SELECT ''", "SELECT E''", "SELECT ''", "SELECT 1" },
      codes(
        "select 'a;''b'; select E'x\\';y' -- a ; in a comment\n"
          .. "; select $q$ ; $$ ; $q$ /* ; /* ; */ ; */ ; ; select 1"
      )
    )
    assert.same({ "SELECT '' FROM T", "SELECT A - B / C" }, codes 'select "x;y" from t; select a - b / c')
    assert.same({}, codes " -- nothing\n ; /* here */ ")
    assert.same({ "SELECT $1", "SELECT A$B$C" }, codes "select $1; select a$b$c")
    assert.same(
      { 1, 3 },
      { sql.statements("select 1;\n\nselect 2")[1].line, sql.statements("select 1;\n\nselect 2")[2].line }
    )
    for _, open in ipairs { "select 'x", 'select "x', "select $$x", "/* x" } do
      codes(open)
    end
  end)

  it("knows what cannot run in a transaction", function()
    assert.is_true(sql.transactional("CREATE INDEX a ON b (c)", "x"))
    for _, text in ipairs {
      "create index concurrently a on b (c)",
      "CREATE UNIQUE\nINDEX CONCURRENTLY a ON b (c);",
      "/* x */ VACUUM b;",
      "DROP INDEX CONCURRENTLY a",
      "ALTER SYSTEM SET x = 1",
    } do
      assert.is_false(sql.transactional(text, "x"))
    end
    assert.is_false(sql.transactional("SELECT 1", "x", "executeInTransaction=false\n"))
    assert.equal(
      '"A b"',
      sql.concurrent_index(sql.statements 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "A b" ON t (a)'[1])
    )
    assert.equal("a", sql.concurrent_index(sql.statements "create unique index concurrently a on t (a)"[1]))
    assert.is_nil(sql.concurrent_index(sql.statements "create index concurrently on t (a)"[1]))
    assert.is_nil(sql.concurrent_index(sql.statements "create index a on t (a)"[1]))
  end)

  it("must leave transactions alone", function()
    for _, text in ipairs {
      "SELECT 1;\nCOMMIT;",
      "BEGIN;\nSELECT 1;",
      "ROLLBACK",
      "SELECT 1; VACUUM",
      "COPY t FROM STDIN;",
    } do
      assert.equal("input", raised(sql.transactional, text, "V1__x.sql").kind)
    end
    assert.truthy(tostring(raised(sql.transactional, "SELECT 1;\n\nCOMMIT;", "V1__x.sql")):find "V1__x.sql:3: ")
    assert.is_true(
      sql.transactional("CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END; $$", "x")
    )
    assert.is_true(sql.transactional("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; SELECT 2", "x"))
    assert.is_true(sql.transactional("SAVEPOINT a; ROLLBACK TO a", "x"))
  end)
end)
