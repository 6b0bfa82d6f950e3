local frozen = require "o2x.base.frozen"
local library = require "o2x.script.library"
local task = require "o2x.base.task"

local lib = library.new(1)

local function keys(t)
  local list = {}
  for key in lib.pairs(t) do
    list[#list + 1] = key
  end
  return list
end

describe("pairs", function()
  it(
    "goes through numbers, then texts, then booleans, each in order",
    function()
      assert.same(
        { 1, 2.5, 10, "a", "b", false, true },
        keys { [10] = 1, b = 1, [true] = 1, a = 1, [1] = 1, [2.5] = 1, [false] = 1 }
      )
    end
  )

  it("goes through what is frozen", function() assert.same({ "a", "b" }, keys(frozen.new { b = 1, a = 2 })) end)

  it("allows fields to be removed on the way", function()
    local t, seen = { a = 1, b = 2, c = 3 }, {}
    for key in lib.pairs(t) do
      seen[#seen + 1] = key
      t.b = nil
    end
    assert.same({ "a", "c" }, seen)
  end)

  it("refuses keys that have no order, and what is no table, at the script's line", function()
    for what, value in pairs {
      ["a key is a table, which has no order"] = { [{}] = 1 },
      ["expected a table, got number"] = 1,
      ["expected a table, got string"] = "x",
    } do
      local _, message = pcall(function() keys(value) end)
      assert.matches("library_spec.lua:%d+: pairs: " .. what .. "$", message)
    end
  end)

  it("goes through any number of keys of any sort in the same order", function()
    local expected, t = {}, {}
    for i = -40, 40 do
      expected[#expected + 1] = i
      expected[#expected + 1] = i + 0.5
    end
    table.insert(expected, 1, math.mininteger)
    table.insert(expected, 1, -math.huge)
    expected[#expected + 1] = math.maxinteger - 1
    expected[#expected + 1] = math.maxinteger
    expected[#expected + 1] = math.huge
    for _, text in ipairs { "", "\0", "a", "a\0", "a\0b", "aa", "b", "\200", ("x"):rep(50), ("x"):rep(51) } do
      expected[#expected + 1] = text
    end
    table.sort(expected, function(a, b)
      if type(a) ~= type(b) then return type(a) == "number" end
      return a < b
    end)
    for i = #expected, 1, -1 do
      t[expected[i]] = true
    end
    assert.same(expected, keys(t))
  end)

  it("shows views of what is in a view, and the __pairs of a script, which may wait", function()
    local inner = {}
    for _, item in lib.pairs(frozen.new { a = inner }) do
      assert.equal(frozen.view(inner), item)
    end
    for _, item in lib.pairs { a = inner } do
      assert.equal(inner, item)
    end
    local own = lib.setmetatable({}, {
      __pairs = function()
        task.sleep(0)
        return function(_, last) return last ~= 2 and (last or 0) + 1 or nil end
      end,
    })
    assert.same({ 1, 2 }, keys(own))
  end)
end)

describe("next", function()
  it("tells whether a table is empty, nothing more", function()
    assert.is_nil(lib.next {})
    assert.equal("a", (lib.next { a = 1 }))
    assert.error_matches(function() lib.next({ a = 1 }, "a") end, "use pairs")
  end)
end)

describe("tostring and format", function()
  it("show no addresses", function()
    assert.equal("table", lib.tostring {})
    assert.equal("function", lib.tostring(print))
    assert.equal("table 1", lib.string.format("%s %d", {}, 1))
    assert.error_matches(function() lib.string.format("%p", {}) end, "%%p")
  end)

  it("show what describes itself", function()
    assert.equal("me", lib.tostring(setmetatable({}, { __tostring = function() return "me" end })))
  end)
end)

describe("setmetatable", function()
  it("gives a script classes", function()
    local class = { __index = { hello = "hi" } }
    assert.equal("hi", lib.setmetatable({}, class).hello)
  end)

  it("gives it no finalizers and no weak tables", function()
    assert.error_matches(function() lib.setmetatable({}, { __gc = print }) end, "__gc")
    assert.error_matches(function() lib.setmetatable({}, { __mode = "k" }) end, "__mode")
  end)

  it("does not replace what the program made", function()
    assert.error_matches(function() lib.setmetatable(frozen.new {}, {}) end, "read%-only")
    assert.is_nil(lib.getmetatable(setmetatable({}, {})))
  end)
end)

describe("random", function()
  it("gives the same numbers for the same seed", function()
    local a, b, c = library.new(7).math.random, library.new(7).math.random, library.new(8).math.random
    local first = { a(1000), a(1000), a() }
    assert.same(first, { b(1000), b(1000), b() })
    assert.not_same(first, { c(1000), c(1000), c() })
  end)

  it("stays in its range", function()
    local random = library.new(1).math.random
    for _ = 1, 200 do
      local n, f = random(3, 5), random()
      assert.is_true(n >= 3 and n <= 5)
      assert.is_true(f >= 0 and f < 1)
    end
    assert.error_matches(function() random(5, 3) end, "range")
  end)
end)

describe("what could fill the memory in one call", function()
  it("has bounds", function()
    assert.error_matches(function() lib.string.rep("x", 1 << 40) end, "too long")
    assert.error_matches(function() lib.table.concat({}, "", 1, 1 << 30) end, "too many")
    assert.error_matches(function() lib.table.unpack({}, 1, 1 << 30) end, "too many")
  end)
end)

describe("pcall", function()
  it("catches an error and passes results", function()
    assert.same({ true, 1, 2 }, { lib.pcall(function() return 1, 2 end) })
    assert.same({ false, "x" }, { lib.pcall(error, "x", 0) })
  end)

  it("with a handler gives what the handler makes of it", function()
    assert.same({ false, "handled x" }, { lib.xpcall(error, function(e) return "handled " .. e end, "x", 0) })
  end)
end)
