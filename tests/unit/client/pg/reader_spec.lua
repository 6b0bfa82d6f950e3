-- What a read may do on a server is tested in tests/servers/effects/pg_reads_spec.lua.

local errors = require "o2x.base.error"
local raised = require "tests.support.raised"
local reader = require "o2x.client.pg.reader"

-- A connection that answers as told, and notes what was sent.
local function connection(problem, failed_at)
  local db = { untidy = true, sent = {} }
  function db.exchange(_, groups)
    db.sent = groups
    local answers = {}
    for i in ipairs(groups[1]) do
      answers[i] = { status = function() return i == failed_at and "error" or "done" end }
    end
    return { answers }, problem
  end
  db.to_rows = function(result) return { { status = result:status() } } end
  return db
end

local function problem(code) return errors.new { kind = "failed", module = "pg", code = code, message = "m" } end

describe("reader.rows", function()
  it("sends the statement between its walls", function()
    local db = connection()
    reader.rows(db, "select $1", table.pack "x", "o2x_reader")
    assert.equal("BEGIN READ ONLY", db.sent[1][1][1])
    assert.equal('SET LOCAL ROLE "o2x_reader"', db.sent[1][3][1])
    assert.same({ "select $1", "x", n = 2 }, db.sent[1][4])
    assert.same({ { "ROLLBACK" } }, db.sent[2])
    assert.is_nil(db.sent[3]) -- the connection resets itself
  end)

  it("tells a missing role from a failed statement, after which the connection has to be reset", function()
    local db = connection(problem "22023", 3)
    local rows, why = reader.rows(db, "select 1", table.pack(), "o2x_reader")
    assert.is_nil(rows)
    assert.equal("22023", why.code)
    db = connection(problem "22023", 4)
    assert.equal("22023", raised(reader.rows, db, "select 1", table.pack(), "o2x_reader").code)
    assert.is_true(db.untidy)
  end)

  it("names the role that lacks a privilege", function()
    local db = connection(problem "42501", 4)
    assert.matches("role o2x_reader", raised(reader.rows, db, "select 1", table.pack(), "o2x_reader").hint)
    db = connection(problem "25006", 4)
    assert.equal("refused", raised(reader.rows, db, "select 1", table.pack(), "o2x_reader").kind)
  end)

  it(
    "refuses a role that is no name",
    function() assert.equal("input", raised(reader.rows, connection(), "select 1", {}, 'x"; commit; --').kind) end
  )
end)

describe("reader.statements", function()
  it(
    "make the role",
    function()
      assert.same({
        'CREATE ROLE "o2x_reader" NOLOGIN',
        'GRANT pg_read_all_data, pg_read_all_stats TO "o2x_reader"',
        'GRANT "o2x_reader" TO "admin"',
      }, reader.statements("o2x_reader", "admin"))
    end
  )
end)
