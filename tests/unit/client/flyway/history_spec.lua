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
      history.read(database { to_regclass = { { there = true } }, installed_rank = rows }, { "public" })
    )
  end)

  it(
    "is nil in an empty database",
    function()
      assert.is_nil(history.read(database { to_regclass = { { there = false } }, pg_class = {} }, { "public" }))
    end
  )

  it("cannot be guessed in a database that was filled without Flyway", function()
    local db = database { to_regclass = { { there = false } }, pg_class = { { schema = "core" } } }
    local ok, err = pcall(history.read, db, { "public", "core" })
    assert.is_false(ok)
    assert.equal("conflict", err.kind)
    assert.matches("coredb%-acme: schema core", err.message)
  end)

  it(
    "is only in a schema whose name is one",
    function() assert.is_false((pcall(history.read, database {}, { 'public"; drop table t; --' }))) end
  )
end)
