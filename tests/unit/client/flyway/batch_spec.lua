local batch = require "o2x.client.flyway.batch"
local errors = require "o2x.base.error"
local raised = require "tests.support.raised"
local script = require "o2x.client.flyway.script"

local function prepared(text) return script.prepare({ script = "V1__a.sql", text = text, conf = {} }, {}) end

-- What may share a round trip with others, and what runs by itself.
local TEXTS <const> = {
  { "CREATE TABLE t (n int); INSERT INTO t VALUES (1); UPDATE t SET n = 2", true },
  { "DO $$ BEGIN PERFORM 1; END $$", true },
  { "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", true },
  { "SET search_path = core_config; CREATE TABLE t (n int)", false },
  { "reset all", false },
  { "SET NAMES 'latin1'", false },
  { "SELECT set_config('DateStyle', 'German', false)", false },
  { "DO $$ BEGIN PERFORM Set_Config('x.y', '1', false); END $$", false },
  { "SELECT pg_advisory_unlock_all()", false },
  { "LISTEN x", false },
  { "PREPARE p AS SELECT $1::int", false },
  { "CREATE TABLE t (n int); COMMIT; CREATE TABLE u (n int)", false },
  { "CREATE INDEX CONCURRENTLY i ON t (n)", false },
  { "COPY t FROM STDIN;\n1\n\\.\n", false },
  { "VACUUM t", false },
  { "LOCK TABLE t", false },
}

-- A session that fails at a statement, and notes what was sent.
local function session(failing, problem)
  local db = { sent = {}, options = {} }
  db.core = { transaction = function() return failing and "failed" or "idle" end }
  function db.query(_, sql) db.sent[#db.sent + 1] = sql end
  function db.exchange(_, groups)
    local results, failed = {}, false
    for i, statement in ipairs(groups[1]) do
      db.sent[#db.sent + 1] = statement[1]
      local bad = failing and not failed and statement[1]:find(failing, 1, true) ~= nil
      failed = failed or bad
      local status = bad and "error" or failed and "skipped" or "done"
      results[i] = { status = function() return status end }
      if statement.on_result then statement.on_result(results[i], bad and problem or nil) end
    end
    return { results }, failed and problem or nil
  end
  return db
end

local function entries(...)
  local list = {}
  for i, text in ipairs { ... } do
    local name = ("V%d__a.sql"):format(i)
    list[i] = {
      migration = { script = name },
      script = script.prepare({ script = name, text = text, conf = {} }, {}),
      row = { version = tostring(i), description = "a", type = "SQL", script = name, success = true },
    }
  end
  return list
end

local function run(db) return { main = db, schemas = { "public" }, path = '"public"' } end

local function failure(code) return errors.new { kind = "failed", module = "pg", code = code, message = "d: no" } end

describe("a batch of migrations", function()
  it("has scripts that change nothing of the session, of a list", function()
    for _, case in ipairs(TEXTS) do
      assert.equal(case[2], batch.may_have(prepared(case[1])), case[1])
    end
    print(("scripts: %d cases"):format(#TEXTS))
  end)

  it("gives each script a transaction of its own with its row", function()
    local db, started = session(), {}
    local done = batch.run(
      run(db),
      {},
      entries("CREATE TABLE a (n int)", "CREATE TABLE b (n int)"),
      function(one) started[#started + 1] = one.script end
    )
    assert.equal(2, done)
    assert.same({ "V1__a.sql", "V2__a.sql" }, started)
    local words = {}
    for i, sql in ipairs(db.sent) do
      words[i] = sql:match "^(%u+ ?%u*)"
    end
    local one = "BEGIN|RESET SESSION|RESET ROLE|SELECT |SELECT |CREATE TABLE|"
      .. "SELECT |RESET SESSION|RESET ROLE|SELECT |INSERT INTO|COMMIT"
    assert.equal(one .. "|" .. one, table.concat(words, "|"))
  end)

  it("ends with the script that fails, and names the line", function()
    local db = session("bad", failure "42P01")
    local problem = raised(batch.run, run(db), {}, entries("CREATE TABLE a (n int)", "SELECT 1;\nSELECT bad"))
    assert.equal("V2__a.sql:2", problem.where)
    assert.equal("ROLLBACK", db.sent[#db.sent])
  end)

  it("leaves to another way what may run there", function()
    for _, code in ipairs { "42601", "0A000", "25001" } do
      local done = batch.run(run(session("bad", failure(code))), {}, entries("CREATE TABLE a (n int)", "SELECT bad"))
      assert.equal(1, done, code)
    end
    assert.equal(0, batch.run(run(session("pg_catalog.int4", failure "22003")), {}, entries "SELECT 1"))
  end)

  it("is not larger than a part of the memory, and has one script at least", function()
    local large = ("SELECT '%s'"):format(("x"):rep(700000))
    assert.equal(1, batch.fitting(entries(large, large)))
    assert.equal(2, batch.fitting(entries("SELECT 1", large)))
    assert.equal(0, batch.fitting {})
  end)
end)
