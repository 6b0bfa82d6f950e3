local errors = require "o2x.base.error"
local support = require "o2x.effects.pg.support"
local value = require "o2x.base.value"

local function failing(code)
  return function() errors.raise { kind = "failed", code = code, message = "no" } end
end

-- A context whose connections are all this one.
local function context(mode, db)
  return {
    mode = mode,
    run_id = "R-1",
    fence = function() end,
    client = function()
      return { with = function(_, _, fn) return fn(db) end, connect = function() return db end }
    end,
  }
end

describe("support.read", function()
  it("gives what the read gives", function()
    assert.equal(7, support.read(context "apply", "coredb", function() return 7 end))
    assert.equal(7, support.read(context "plan", "coredb", function() return 7 end))
  end)

  it("finds nothing in a database that a plan would make", function()
    local ctx = context "plan"
    ctx.may_be_missing = function(_, kind, name) return kind == "pg.database" and name == "coredb" end
    assert.is_nil(support.read(ctx, "coredb", failing "3D000"))
    assert.is_false((pcall(support.read, ctx, "other", failing "3D000")))
    assert.is_false((pcall(support.read, context "apply", "coredb", failing "3D000")))
  end)

  it("finds no table where a plan would migrate first", function()
    local ctx = context "plan"
    assert.is_false((pcall(support.read, ctx, "coredb", failing "42P01")))
    support.will_migrate(ctx, "coredb")
    assert.is_nil(support.read(ctx, "coredb", failing "42P01"))
    assert.is_false((pcall(support.read, ctx, "other", failing "42P01")))
  end)

  it(
    "hides no other error",
    function() assert.is_false((pcall(support.read, context "plan", "coredb", failing "42501"))) end
  )
end)

describe("support.any_unknown", function()
  it("is whether a plan does not know one of the values", function()
    assert.is_true(support.any_unknown { a = 1, b = value.unknown })
    assert.is_false(support.any_unknown { a = 1 })
  end)
end)

describe("a marker", function()
  -- A database with a table of markers; fails: what the next transaction raises
  local function database(fails)
    local db = { markers = {}, pipelines = 0 }
    function db.pipeline(self) self.pipelines = self.pipelines + 1 end
    function db.transaction(self, fn)
      local pending = {}
      local tx = {
        defer = function(_, text, key) pending[#pending + 1] = text:find "^INSERT" and key or nil end,
      }
      local err = table.remove(fails, 1)
      if err then errors.raise(err) end
      local result = fn(tx)
      for _, key in ipairs(pending) do
        self.markers[key] = true
      end
      return result
    end
    return db
  end

  it("is left in the transaction of the write", function()
    local db = database {}
    assert.equal(7, support.once(context("apply", db), "coredb", "e1", function() return 7 end))
    assert.is_true(db.markers.e1)
  end)

  it("that is there already means that the write was done", function()
    local twice = { kind = "conflict", code = "23505", schema = "o2x", table = "effect", message = "twice" }
    assert.is_nil(support.once(context("apply", database { twice }), "coredb", "e1", function() return 7 end))
  end)

  it("is no excuse for another conflict", function()
    local other = { kind = "conflict", code = "23505", schema = "public", table = "t", message = "twice" }
    assert.is_false((pcall(support.once, context("apply", database { other }), "coredb", "e1", print)))
  end)

  it("makes its table where there is none yet", function()
    local db = database { { kind = "failed", code = "3F000", message = 'schema "o2x" does not exist' } }
    assert.equal(7, support.once(context("apply", db), "coredb", "e1", function() return 7 end))
    assert.equal(1, db.pipelines)
  end)
end)

describe("support.verified", function()
  local function equal(a, b) return a.n == b.n end

  it("gives what is about to be committed, if it is what it should be", function()
    assert.same({ n = 1 }, support.verified("t", { n = 1 }, { n = 1 }, equal))
    assert.is_nil(support.verified("t", nil, nil, equal))
  end)

  it("raises before anything else is committed", function()
    for _, pair in ipairs { { { n = 1 }, { n = 2 } }, { { n = 1 } }, { nil, { n = 1 } } } do
      local ok, err = pcall(support.verified, "row t", pair[1], pair[2], equal)
      assert.is_false(ok)
      assert.matches("^row t: ", err.message)
    end
  end)
end)
