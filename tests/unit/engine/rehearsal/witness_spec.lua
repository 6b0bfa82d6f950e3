local errors = require "o2x.base.error"
local made_up = require "o2x.engine.rehearsal.made_up"
local secret = require "o2x.base.secret"
local witness = require "o2x.engine.rehearsal.witness"

local function type_of(kind, more)
  local made = { kind = kind, class = "idempotent", guard = "none: a test", undo = { before = "", how = "" } }
  for name, item in pairs(more or {}) do
    made[name] = item
  end
  return made
end

local function pack(seen) return seen:pack({ ctx = {} }, made_up.new()) end

describe("rehearsal.witness", function()
  it("keeps the first value of each target, in the order in which they were read", function()
    local seen, row = witness.new(), type_of "pg.row"
    seen:note(row, { id = 1 }, "1", { a = 1 })
    seen:note(row, { id = 2 }, "2", nil)
    seen:note(row, { id = 1 }, "1", { a = 2 })
    seen:note(type_of("pg.query", { class = "read" }), {}, "q", { 1 })
    seen:add_plan { changes = { { kind = "pg.row", key = "2", after = { a = 3 } } } }
    local items = pack(seen).items
    assert.equal(2, #items)
    assert.same({ kind = "pg.row", key = "1", target = { id = 1 }, value = { a = 1 } }, items[1])
    assert.same({ kind = "pg.row", key = "2", target = { id = 2 }, planned = { a = 3 } }, items[2])
    assert.is_true(seen:knows("pg.row", "2"))
    assert.is_false(seen:knows("pg.row", "3"))
    assert.is_false(seen:knows(nil, nil))
  end)

  it("has no secret in what it packs", function()
    local seen = witness.new()
    seen:note(type_of "vault.secret", { path = "p" }, "p", { key = secret.new("sk_live_1", "p/key") })
    local item = pack(seen).items[1]
    assert.matches("^rehearsal%-", item.value.key.text)
  end)

  -- kind of brought → what becomes of a value that is there
  local ROWS = {
    { { rehearsal = { none = "its content is data" } }, { 0, 0, 1 }, "its content is data" },
    { { rehearsal = { nothing = true } }, { 0, 0, 0 } },
    { { undo = { before = "", how = "not possible", never = true, cannot = "a message" } }, { 0, 0, 1 }, "a message" },
    {
      {
        rehearsal = {
          objects = function() return { { kind = "Pod", metadata = { name = "a" } } } end,
        },
      },
      { 0, 1, 0 },
    },
    {
      {
        rehearsal = {
          objects = function() errors.raise { kind = "refused", message = "may not" } end,
        },
      },
      { 0, 0, 1 },
      "may not",
    },
    { { rehearsal = { take = function(_, target) return target, { b = 1 } end } }, { 1, 0, 0 } },
    { { record = function() return "recorded" end }, { 1, 0, 0 } },
    { {}, { 1, 0, 0 } },
  }
  for i, row in ipairs(ROWS) do
    it("brings what the type says: row " .. i, function()
      local seen = witness.new()
      seen:note(type_of("a.b", row[1]), "t", "t", { a = 1 })
      local luggage = pack(seen)
      assert.same(row[2], { #luggage.items, #luggage.objects, #luggage.left })
      if row[3] then assert.same({ what = "t", why = row[3] }, luggage.left[1]) end
    end)
  end

  it("says nothing of what is not there", function()
    local seen = witness.new()
    seen:note(type_of("a.b", ROWS[1][1]), "t", "t", nil)
    seen:note(type_of("a.c", ROWS[1][1]), "t", "t", {})
    assert.same({}, pack(seen).left)
  end)

  it("has each object once", function()
    local seen = witness.new()
    seen:note(type_of("a.b", ROWS[4][1]), "t", "t", 1)
    seen:note(type_of("a.c", ROWS[4][1]), "t", "t", 1)
    assert.equal(1, #pack(seen).objects)
  end)
end)
