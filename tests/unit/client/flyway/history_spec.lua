local history = require "o2x.client.flyway.history"

-- A connection that answers by the first pattern that a query has.
local function database(answers)
  local function answer(_, text)
    for pattern, rows in pairs(answers) do
      if text:find(pattern) then return rows end
    end
    error("unexpected query: " .. text, 0)
  end
  return {
    dbname = "coredb-acme",
    rows = answer,
    query = answer,
    one = function(self, text, ...) return answer(self, text, ...)[1] end,
  }
end

describe("Flyway's history", function()
  it("has a lock of the number that Flyway itself takes", function()
    assert.equal(0x466C79776179 + 96354, history.lock_number "abc")
    assert.equal(history.lock_number "abc", history.lock_number "abc")
    assert.not_equal(history.lock_number "abc", history.lock_number "abd")
  end)

  it("is read by rank", function()
    local rows = { { installed_rank = 1, version = "1" } }
    assert.equal(
      rows,
      history.read(database { to_regclass = { { there = true } }, ["ORDER BY installed_rank"] = rows }, { "public" })
    )
  end)

  it(
    "is nil in an empty database",
    function() assert.is_nil(history.read(database { to_regclass = { { there = false } } }, { "public" })) end
  )

  it("cannot be guessed in a database that was filled without Flyway", function()
    local db = database { to_regclass = { { there = false, used = "core" } } }
    local ok, err = pcall(history.read, db, { "public", "core" })
    assert.is_false(ok)
    assert.equal("conflict", err.kind)
    assert.matches("coredb%-acme: schema core", err.message)
  end)

  it("is prepared with what is missing, and with Flyway's row about the schemas", function()
    local function first_words(present)
      local list = {}
      for i, statement in ipairs(history.preparation({ "public", "core" }, present)) do
        list[i] = statement[1]:match "^%u+ %u+"
      end
      return list
    end
    assert.same(
      { "CREATE SCHEMA", "CREATE TABLE", "ALTER TABLE", "CREATE INDEX", "INSERT INTO" },
      first_words { schemas = { public = true } }
    )
    assert.same({ "CREATE SCHEMA", "INSERT INTO" }, first_words { schemas = { public = true }, rows = {} })
    assert.same({}, first_words { schemas = { public = true, core = true }, rows = {} })
  end)

  it(
    "is only in a schema whose name is one",
    function() assert.is_false((pcall(history.read, database {}, { 'public"; drop table t; --' }))) end
  )
end)
