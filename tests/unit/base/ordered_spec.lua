local ordered = require "o2x.base.ordered"

describe("an ordered table", function()
  it("keeps the order in which it was made", function()
    local t = ordered.new { { "name", "x" }, { "age", 1 }, { "city", "y" } }
    assert.same({ "name", "age", "city" }, ordered.keys(t))
    assert.equal("x", t.name)
  end)

  it("puts later keys behind, sorted", function()
    local t = ordered.new { { "z", 1 } }
    t.b, t.a = 2, 3
    assert.same({ "z", "a", "b" }, ordered.keys(t))
  end)

  it("forgets a key that was removed", function()
    local t = ordered.new { { "a", 1 }, { "b", 2 } }
    t.a = nil
    assert.same({ "b" }, ordered.keys(t))
  end)

  it(
    "has sorted keys where no order was said",
    function() assert.same({ "a", "b", "c" }, ordered.keys { c = 1, a = 2, b = 3 }) end
  )

  it(
    "lists a key that is marked twice once",
    function() assert.same({ "b", "a" }, ordered.keys(ordered.mark({ a = 1, b = 2 }, { "b", "a", "b" }))) end
  )
end)
