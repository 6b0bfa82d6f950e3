-- An id was the highest of the table and one: a row that was removed gave its id to the next tenant, and with it
-- whatever was left under that id elsewhere. ids are noted beside the markers, and what was noted is not given again.

local allocated = require "o2x.effects.pg.allocated"

local TARGET <const> = {
  database = "d",
  table = "core_config.tenant",
  key = { name = "newclient" },
  column = "id",
  columns = { "id" },
  secrets = {},
  prefix = "TIDLT-",
  digits = 6,
  first = 100001,
}

describe("an id", function()
  it("is not given again in a plan either, when its row is gone", function()
    local asked = {}
    local tx = {
      query = function(_, sql)
        asked[#asked + 1] = sql
        if sql:find("to_regclass", 1, true) then return { { there = false, noted = true } } end
        return { { highest = sql:find("o2x.effect", 1, true) and 100008 or 100007 } }
      end,
    }
    local db = { transaction = function(_, fn) return fn(tx) end }
    local ctx = {
      client = function()
        return { with = function(_, _, fn) return fn(db) end }
      end,
    }
    assert.equal("TIDLT-100009", allocated.predict(ctx, TARGET, { name = "newclient" }).id)
    assert.equal(3, #asked)
  end)
end)
