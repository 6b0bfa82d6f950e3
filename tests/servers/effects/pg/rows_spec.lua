-- Rows that a script wants together: what they are afterwards, what the journal says, and what it costs.

local gate = require "tests.support.gate"
local json = require "o2x.base.json"
local raised = require "tests.support.raised"
local relay = require "tests.support.relay"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"

local TABLES <const> = [[
  CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
  CREATE TABLE t (id text PRIMARY KEY, n int CHECK (n < 1000), price numeric(10,2), at timestamptz, doc jsonb, raw json,
    bytes bytea, list int[], share percent, note text, licence text);
  CREATE TABLE loose (id text, n int);
  CREATE TABLE upper (id text PRIMARY KEY, note text);
  CREATE FUNCTION up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := upper(NEW.note); RETURN NEW; END $$;
  CREATE TRIGGER up BEFORE INSERT OR UPDATE ON upper FOR EACH ROW EXECUTE FUNCTION up();
  CREATE TABLE pair (id text PRIMARY KEY, n int);
  CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO pair VALUES ('b', 1) ON CONFLICT DO NOTHING; RETURN NEW; END $$;
  CREATE TRIGGER other AFTER INSERT ON pair FOR EACH ROW WHEN (NEW.id = 'a') EXECUTE FUNCTION other();
  INSERT INTO loose VALUES ('twice', 1), ('twice', 2);]]

local ALL <const> = {
  n = 1,
  price = 10.5,
  at = "2026-02-10T12:00:00Z",
  doc = { b = { 1, 2 }, a = "x" },
  raw = { z = 1 },
  bytes = "\0\255",
  list = { 1, 2, 3 },
  share = "7",
  note = json.null,
}

local function row(id, values, name) return { table = name or "public.t", key = { id = id }, values = values } end

-- What is ensured one after the other: lists of rows, the outcomes or what is said, and what psql sees at the end.
local CASES <const> = {
  {
    "values of all kinds",
    { row("a", ALL), row("b", ALL) },
    "created created",
    { row("a", ALL), row("b", ALL) },
    "unchanged unchanged",
    sql = "SELECT count(*), min(price), bool_and(note IS NULL), min(encode(bytes, 'hex')) FROM t",
    seen = "2|10.50|t|00ff",
  },
  {
    "one of three changes",
    { row("a", { n = 1 }), row("b", { n = 1 }), row("c", { n = 1 }) },
    "created created created",
    { row("a", { n = 1 }), row("b", { n = 2 }), row("c", { n = 1 }) },
    "unchanged changed unchanged",
    sql = "SELECT string_agg(id || n, ',' ORDER BY id) FROM t",
    seen = "a1,b2,c1",
  },
  {
    "rows without values",
    { row("a", {}), row("b", {}) },
    "created created",
    { row("a", {}), row("b", {}) },
    "unchanged unchanged",
    sql = "SELECT count(*) FROM t",
    seen = "2",
  },
  {
    "one row twice: in order",
    { row("a", { n = 1 }), row("a", { n = 2 }) },
    "created changed",
    sql = "SELECT n FROM t",
    seen = "2",
  },
  {
    "the third is refused: the others stand, and no more begins",
    { row("a", { n = 1 }), row("b", { n = 1 }), row("c", { n = 5000 }), row("d", { n = 1 }) },
    "where id = 'c': new row for relation \"t\" violates check constraint",
    sql = "SELECT string_agg(id, ',' ORDER BY id) FROM t",
    seen = "a,b",
  },
  {
    "a value that is none",
    { row("a", { n = 1 }), row("b", { n = "many" }) },
    "where id = 'b': invalid input syntax for type integer",
    sql = "SELECT count(*) FROM t",
    seen = "0",
  },
  {
    "a column that is not there",
    { row("a", { n = 1 }), row("b", { nosuch = 1 }) },
    "where id = 'b': column \"nosuch\"",
    sql = "SELECT count(*) FROM t",
    seen = "0",
  },
  {
    "a table that is not there",
    { row("a", { n = 1 }), row("b", { n = 1 }, "public.nosuch") },
    'relation "public.nosuch" does not exist',
    sql = "SELECT count(*) FROM t",
    seen = "0",
  },
  {
    "a trigger that writes something else",
    { row("a", { note = "x" }), row("a", { note = "x" }, "public.upper") },
    "read-back mismatch, nothing was committed",
    sql = "SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM upper)",
    seen = "1|0",
  },
  {
    "a trigger that writes the next row: the run sees that it is there",
    { row("a", { n = 1 }, "public.pair"), row("b", { n = 1 }, "public.pair") },
    "created created",
    sql = "SELECT string_agg(id || n, ',' ORDER BY id) FROM pair",
    seen = "a1,b1",
  },
  {
    "a key of two rows",
    { row("a", { n = 1 }), row("twice", { n = 1 }, "public.loose") },
    "more than one row",
    sql = "SELECT count(*) FROM t",
    seen = "0",
  },
  { "what is no row", { "a" }, "takes a list of", sql = "SELECT count(*) FROM t", seen = "0" },
  {
    "a field that is none",
    { { table = "t", key = { id = "a" }, values = {}, other = 1 } },
    "unknown field other",
    sql = "SELECT count(*) FROM t",
    seen = "0",
  },
  {
    "a table of o2x's own",
    { row("a", { n = 1 }), { table = "o2x.effect", key = { key = "a" }, values = { run = "b" } } },
    "not a script's to write",
    sql = "SELECT count(*) FROM t",
    seen = "0",
  },
}

describe("rows that are ensured together", function()
  local server
  setup(function() server = servers.start "postgres" end)
  teardown(function() server.stop() end)

  before_each(function()
    server.sql("postgres", 'DROP DATABASE IF EXISTS "coredb-acme" WITH (FORCE)')
    server.sql("postgres", 'CREATE DATABASE "coredb-acme" OWNER admin')
    local db <close> = server.connect "coredb-acme"
    db:script(TABLES)
  end)

  local function sql(text) return server.sql("coredb-acme", text) end

  local function start(port)
    return gate.run {
      mode = "apply",
      module = "pg",
      config = {
        pg = {
          host = "127.0.0.1",
          sslmode = "disable",
          port = port or server.port,
          user = "admin",
          password = secret.new(server.state.admin_password, "pg.password"),
        },
      },
      scope = { pg = { tenant = "coredb-acme", control = "none", admin = "postgres" }, files = { read = {} } },
    }
  end

  for _, case in ipairs(CASES) do
    it(case[1], function()
      local api, run = start()
      for i = 2, #case, 2 do
        local ok, result = pcall(api.tenant.ensure_rows, api.tenant, case[i])
        local said = ok and table.concat(result, " ") or tostring(result)
        assert.truthy(said:find(case[i + 1], 1, true), said)
      end
      assert.equal(case.seen, sql(case.sql))
      run.close()
    end)
  end

  it("have an intent, a result and a marker each, and no secret in the journal", function()
    local api, run = start()
    local key = secret.new("LICENCE-0123456789", "licence")
    assert.same(
      { "created", "created" },
      api.tenant:ensure_rows { row("a", { licence = key, n = 1 }), row("b", { licence = key }) }
    )
    local story = {}
    for i, record in ipairs(run.journal.records) do
      story[i] = record.t
    end
    assert.equal("intent intent result result", table.concat(story, " "))
    assert.equal("2", sql "SELECT count(*) FROM o2x.effect")
    assert.equal("2", sql "SELECT count(*) FROM t WHERE licence = 'LICENCE-0123456789'")
    assert.is_nil(json.encode(run.journal.records):find("0123456789", 1, true))
    assert.same({ "unchanged" }, api.tenant:ensure_rows { row("a", { licence = key }) })
    run.close()
  end)

  it("are none", function()
    local api, run = start()
    assert.same({}, api.tenant:ensure_rows {})
    run.close()
  end)

  it("follow a table that somebody else changes", function()
    local api, run = start()
    local function ensure(values) return select(2, api.tenant:ensure_row("public.t", { id = "a" }, values)) end
    assert.equal("created", ensure { price = 10.5 })
    sql "ALTER TABLE t ADD COLUMN later int"
    assert.equal("changed", ensure { later = 3 })
    sql "ALTER TABLE t DROP COLUMN note, ALTER COLUMN later TYPE text"
    assert.equal("changed", ensure { later = "three" })
    assert.matches('column "note"', tostring(raised(ensure, { note = "x" })))
    sql "DROP SCHEMA o2x CASCADE"
    assert.equal("changed", ensure { later = "four" })
    run.close()
  end)

  it("are not overwritten where somebody else has changed them since", function()
    local api, run = start()
    api.tenant:ensure_row("public.t", { id = "a" }, { n = 1 })
    local type = run.gate:type_of "pg.row"
    local target = { database = "coredb-acme", table = "public.t", key = { id = "a" }, columns = { "n" }, secrets = {} }
    local items = { { target = target, desired = { n = 5 }, before = { n = 4 }, id = "x" } }
    assert.is_false((pcall(type.write_all, run.ctx, items)))
    assert.equal("conflict", raised(type.write, run.ctx, target, { n = 5 }, { n = 4 }, "x").kind)
    assert.equal("1", sql "SELECT n FROM t")
    items[1].before = { n = 1 }
    assert.same({ { n = 5 } }, type.write_all(run.ctx, items))
    run.close()
  end)

  it("cost a round trip to read and one to write, however many they are", function()
    local function cost(count)
      local far <close> = relay.open { port = server.port, seconds = 0.05 }
      local api, run = start(far.port)
      local rows, turns = {}, {}
      api.tenant:ensure_row("public.t", { id = "first" .. count }, { n = 1 })
      for round = 1, 2 do
        for i = 1, count do
          rows[i] = row(("row%d"):format(i), { n = i, doc = { round } })
        end
        local before = far.turns
        api.tenant:ensure_rows(rows)
        api.tenant:ensure_rows(rows)
        turns[round] = far.turns - before
      end
      run.close()
      return turns
    end
    assert.same({ 3, 3 }, cost(2))
    assert.same({ 3, 3 }, cost(40))
  end)

  it("counts", function() print(("rows together: %d cases"):format(#CASES)) end)
end)
