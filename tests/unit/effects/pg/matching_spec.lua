local matching = require "o2x.effects.pg.matching"

describe("the rows that have any of some values", function()
  local target = {
    database = "control",
    admin = "postgres",
    table = "core.tenant",
    columns = { "name", "id" },
    any = { { "name", "acme" }, { "id", "T-1' or true" } },
  }

  it("are read by one statement, the values apart from it", function()
    local asked, more
    local db = {
      read_all = function(_, statements)
        asked, more = statements[1], #statements
        return { { { name = "acme" } }, more > 1 and {} or nil, more > 1 and { { there = true } } or nil }
      end,
    }
    local ctx = { mode = "apply" }
    function ctx.client()
      return { with = function(_, database, fn) return fn(db, database) end }
    end
    assert.same({ { name = "acme" } }, matching.read(ctx, target))
    assert.same({
      'SELECT "name", "id" FROM "core"."tenant" WHERE "name" = $1 OR "id" = $2',
      "acme",
      "T-1' or true",
    }, asked)
    assert.equal(3, more) -- the form of the table is asked along
    matching.read(ctx, target)
    assert.equal(1, more)
  end)

  it(
    "have a key of their own for each question",
    function() assert.equal("control core.tenant where name = 'acme' or id = 'T-1' or true'", matching.key(target)) end
  )
end)
