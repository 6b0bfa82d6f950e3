-- o2x.base.plain: what the records keep of a value, and the value made of it again, through JSON.

local frozen = require "o2x.base.frozen"
local json = require "o2x.base.json"
local ordered = require "o2x.base.ordered"
local plain = require "o2x.base.plain"
local secret = require "o2x.base.secret"
local unknown = require "o2x.base.unknown"

-- The bits of a number, the bytes of a text; of a table its kind too.
local function same(expected, given, place)
  assert.equal(type(expected), type(given), place)
  if math.type(expected) == "float" then
    assert.equal("float", math.type(given), place)
    assert.equal(("%q"):format(expected), ("%q"):format(given), place)
    assert.equal(tostring(expected), tostring(given), place)
  elseif type(expected) == "table" and not unknown.is(expected) then
    assert.equal(json.is_array(expected), json.is_array(given), place)
    assert.same(ordered.is(expected) and ordered.keys(expected), ordered.is(given) and ordered.keys(given), place)
    for key, item in next, expected do
      same(item, given[key], ("%s.%s"):format(place, tostring(key)))
    end
    for key in next, given do
      assert.is_true(expected[key] ~= nil, ("%s.%s is new"):format(place, tostring(key)))
    end
  else
    assert.is_true(rawequal(expected, given), place)
  end
end

local function list(...) return json.array { ... } end

-- name → the value
local VALUES = {
  ["nothing"] = { nil },
  ["true"] = { true },
  ["false"] = { false },
  ["null"] = { json.null },
  ["an integer"] = { 2 },
  ["the largest integer"] = { math.maxinteger },
  ["the smallest integer"] = { math.mininteger },
  ["2^53 + 1"] = { 9007199254740993 },
  ["a float that is whole"] = { 2.0 },
  ["a float of zero"] = { 0.0 },
  ["a negative zero"] = { -0.0 },
  ["a fraction"] = { 0.1 },
  ["a small float"] = { 1e-7 },
  ["the smallest float"] = { 5e-324 },
  ["2^53 as a float"] = { 2.0 ^ 53 },
  ["2^53 + 2 as a float"] = { 2.0 ^ 53 + 2 },
  ["2^63 as a float"] = { 2.0 ^ 63 },
  ["1e20"] = { 1e20 },
  ["1e300"] = { 1e300 },
  ["the largest float"] = { 1.7976931348623157e308 },
  ["a third"] = { 1 / 3 },
  ["infinity"] = { math.huge },
  ["minus infinity"] = { -math.huge },
  ["NaN"] = { 0 / 0 },
  ["NaN of the other sign"] = { -(0 / 0) },
  ["an empty text"] = { "" },
  ["a text"] = { "é€😀\r\n\t\127" },
  ["a text with a NUL"] = { "a\0b" },
  ["bytes"] = { "\xff\xfe\x80" },
  ["an overlong character"] = { "\xc0\x80" },
  ["half a surrogate pair"] = { "\xed\xa0\x80" },
  ["a text like a number"] = { "2.0" },
  ["an empty table"] = { {} },
  ["an empty list"] = { list() },
  ["a list"] = { list(1, 2.0, "x", json.null, false) },
  ["lists of nothing"] = { list(list(), {}, list {}) },
  ["a record"] = { { a = 1, b = { c = list(2.5) }, ["a b"] = "", [""] = 1 } },
  ["nested null"] = { { a = { b = json.null, c = list(json.null) } } },
  ["integer keys from 2"] = { { [2] = "b", [3] = "c" } },
  ["a list with a hole"] = { { [1] = "a", [3] = "c" } },
  ["ids as keys"] = { { [9007199254740993] = true, [-1] = false, [0] = 0 } },
  ["float keys"] = { { [1.5] = "x", [2.0 ^ 70] = "y", [math.huge] = "z" } },
  ["boolean keys"] = { { [true] = 1, [false] = 0 } },
  ["a mixed table"] = { { "a", "b", x = 1 } },
  ["1 and '1' as keys"] = { { [1] = "number", ["1"] = "text" } },
  ["a key of bytes"] = { { ["\xff"] = 1, ["\0"] = 2 } },
  ["a table with a key of ours"] = { { ["$bytes"] = "YQ==" } },
  ["a table with each key of ours"] = { { ["$float"] = "2", ["$table"] = list(), ["$ordered"] = 1 } },
  ["what says that it is unknown"] = { { ["$unknown"] = true } },
  ["what is known after apply"] = { { id = unknown.value } },
  ["a record in an order"] = { ordered.new { { "z", 1 }, { "a", ordered.new { { "y", 2.0 }, { "b", list() } } } } },
}

describe("a value comes back from the records", function()
  for name, case in pairs(VALUES) do
    it(("as it was: %s"):format(name), function()
      local kept = plain.of(case[1], { ordered = true })
      same(case[1], plain.revive(kept), "value")
      local again = json.decode(json.encode { result = kept }).result
      same(case[1], plain.revive(again), "value")
    end)
  end

  it("as a list if it is one", function()
    local again = plain.revive(plain.of { 1, 2 })
    assert.is_true(json.is_array(again))
    assert.same({ 1, 2 }, { again[1], again[2] })
  end)

  it("as a copy", function()
    local kept = plain.of { a = { b = 1 } }
    local again = plain.revive(kept)
    again.a.b = 2
    assert.equal(1, kept.a.b)
  end)

  it("in each of its 64 levels", function()
    local deep = "end"
    for _ = 1, 64 do
      deep = { [0] = deep, ["$x"] = "\0" }
    end
    local deeper = { deep }
    same(deep, plain.revive(json.decode(json.encode { result = plain.of(deep) }).result), "value")
    assert.error_matches(
      function() plain.of(deeper, { what = "the result" }) end,
      "the result is nested deeper than 64 levels, which cannot be recorded"
    )
  end)
end)

describe("a record", function()
  it("refuses what is no data, and says where", function()
    for _, item in ipairs { print, coroutine.create(print), io.stdout, frozen.handle {} } do
      local options = { what = "the result of step a", where = function() return "x.lua:3" end }
      local ok, err = pcall(plain.of, { a = { item } }, options)
      assert.is_false(ok)
      assert.matches("x%.lua:3: the result of step a contains a %l+, which cannot be recorded", tostring(err))
    end
  end)

  it("has the references to secrets", function()
    local kept = plain.of { a = secret.new("hunter2-hunter2", "door/key") }
    assert.equal("door/key", kept.a["$secret"])
    assert.is_true(plain.has_reference(kept))
    assert.is_true(plain.is_secret(kept.a))
    assert.equal(kept.a.fp, plain.revive(kept).a.fp)
    assert.equal(kept.a.fp, plain.of(kept).a.fp) -- kept again
    assert.is_false(plain.has_reference(plain.of { "\0", 2.0, { [0] = 1 } }))
  end)

  it(
    "is plain JSON where it is shown",
    function()
      assert.equal(
        '{"a":2,"b":"inf","c":[{"$unknown":true},0.5]}',
        json.encode(plain.of({ a = 2.0, b = math.huge, c = { unknown.value, 0.5 } }, { shown = true }))
      )
    end
  )
end)
