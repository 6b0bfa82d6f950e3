local sorted_keys = require "o2x.base.sorted_keys"

describe("sorted keys", function()
  it("are a table's keys in order", function() assert.same({ "a", "b", "c" }, sorted_keys { c = 1, a = 2, b = 3 }) end)

  it(
    "are those of several tables, each once",
    function() assert.same({ "a", "b", "c" }, sorted_keys({ b = 1, a = 2 }, { c = 3, b = 4 })) end
  )

  it("are none of an empty table", function() assert.same({}, sorted_keys {}) end)
end)
