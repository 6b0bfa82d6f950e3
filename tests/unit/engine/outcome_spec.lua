local outcome = require "o2x.engine.outcome"

-- A gate that reads this value and asks the system by the given function.
local GATE <const> = {
  read_live = function(_, e) return e.now end,
  equal = function(_, a, b) return a == b end,
  ask = function(_, _, fn, ...) return fn(...) end,
}

local function took_place(class, fields)
  local e = { type = { class = class, kind = "x.y" }, target = "t", desired = 2, key = "t", id = "e1" }
  for name, value in pairs(fields or {}) do
    e[name] = value
  end
  for _, name in ipairs { "probe", "marker" } do
    e.type[name], e[name] = e[name], nil
  end
  return outcome.took_place(GATE, e)
end

describe("whether a write took place", function()
  it("of an idempotent effect is read off its value", function()
    assert.is_true(took_place("idempotent", { now = 2 }))
    assert.is_false(took_place("idempotent", { now = 1 }))
  end)

  it("of a probed effect is asked of the system", function()
    local asked
    local function probe(...)
      asked = table.pack(...)
      return "done"
    end
    assert.is_true(took_place("probed", { probe = probe }))
    assert.same({ "t", 2, "e1", n = 3 }, asked)
    assert.is_false(took_place("probed", { probe = function() return "absent" end }))
  end)

  it("of a transactional effect is told by its marker", function()
    assert.is_true(took_place("transactional", { marker = function(_, id) return id == "e1" end }))
    assert.is_false(took_place("transactional", { marker = function() return false end }))
  end)

  it("of one that cannot be proved is for people to say", function()
    local ok, err = pcall(took_place, "unprovable")
    assert.is_false(ok)
    assert.equal("unknown", err.kind)
    assert.matches("x.y t", err.message)
  end)
end)
