local vacuum = require "o2x.effects.pg.vacuum"

-- A context over a table that was vacuumed at this time, and by a vacuum at that; -> the statements as well
local function context(last, next)
  local statements = {}
  local db = {
    rows = function() return last and { { last = last } } or {} end,
    exec = function(_, list)
      statements[#statements + 1] = list[1][1]
      last = next
    end,
  }
  local pool = { with = function(_, _, fn) return fn(db) end }
  return { mode = "apply", client = function() return pool end }, statements
end

local function target(name) return { database = "coredb-acme", table = name or "core.bill" } end

describe("pg.vacuum", function()
  it("is the time of the last vacuum", function() assert.same({ last = 100 }, vacuum.read(context(100), target())) end)

  it("is needed when that is longer ago than it should be", function()
    assert.is_true(vacuum.equal({ last = 100 }, { last = 50 }))
    assert.is_false(vacuum.equal({ last = 0 }, { last = 50 }))
  end)

  it("vacuums exactly the table", function()
    local ctx, statements = context(0, 70)
    assert.same({ last = 70 }, select(2, vacuum.write(ctx, target(), { last = 50 }, { last = 0 })))
    assert.same({ 'VACUUM (ANALYZE) "core"."bill"' }, statements)
  end)

  it("is done where the server's clock is behind", function()
    local _, after = vacuum.write(context(10, 40), target(), { last = 50 }, { last = 10 })
    assert.is_true(vacuum.equal(after, { last = 50 }))
  end)

  it("says that there is no such table", function()
    local ok, err = pcall(vacuum.read, (context(nil)), target())
    assert.is_false(ok)
    assert.matches("core.bill", err.message)
  end)

  it("takes only schema and table", function()
    for _, name in ipairs { "bill", "a.b.c", 'core.bill"; drop table x; --' } do
      local ok, err = pcall(vacuum.read, (context(0)), target(name))
      assert.is_false(ok, name)
      assert.equal("input", err.kind)
    end
  end)
end)
