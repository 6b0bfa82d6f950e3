-- An undo of a row said that a secret column could not go back, although the run had left it as it was; and a plan did
-- not say that of a column whose secret it would overwrite.

local row_back = require "o2x.effects.pg.row_back"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

local ROW <const> = { database = "coredb", table = "t", key = { name = "x" }, columns = { "key", "n" } }

local function back(before, desired)
  local ctx = { scope = { pg = { tenant = "coredb" } } }
  return row_back.restore(ctx, {
    target = ROW,
    before = value.revive(value.plain(before)),
    desired = value.revive(value.plain(desired)),
  })
end

describe("a row with a secret column", function()
  local old, new = secret.new("one-sesame", "old"), secret.new("other-sesame", "new")

  it("goes back whole where the secret stayed", function()
    local found, why = back({ key = old, n = 1 }, { key = old, n = 2 })
    assert.same({ n = 1 }, found.desired)
    assert.is_nil(why)
    assert.is_nil(row_back.lost({ key = old, n = 1 }, { key = old, n = 2 }))
  end)

  it("goes back but for a secret that was overwritten, and the plan says so", function()
    local found, why = back({ key = old, n = 1 }, { key = new, n = 2 })
    assert.same({ n = 1 }, found.desired)
    assert.matches("key held a secret", why)
    assert.equal("the secret in key", row_back.lost({ key = old, n = 1 }, { key = new, n = 2 }))
  end)
end)
