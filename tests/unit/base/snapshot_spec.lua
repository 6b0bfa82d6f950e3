local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local json = require "o2x.base.json"
local ordered = require "o2x.base.ordered"
local secret = require "o2x.base.secret"
local snapshot = require "o2x.base.snapshot"
local value = require "o2x.base.value"

local function take(given)
  return snapshot.take(given, "the value", function() return "script.lua:3" end)
end

local function nested(depth)
  local t = {}
  for _ = 2, depth do
    t = { t }
  end
  return t
end

local function cycle()
  local t = { a = {} }
  t.a.b = t
  return t
end

describe("a snapshot", function()
  it("is the same value in other tables", function()
    local given = { a = 1, b = { true, "x", 2.5 }, [1] = false }
    local copy = take(given)
    assert.same(given, copy)
    assert.are_not.equal(given, copy)
    assert.are_not.equal(given.b, copy.b)
  end)

  it("reads through views", function()
    assert.same({ a = { b = { 1, 2 } } }, take { a = frozen.new { b = { 1, 2 } } })
    assert.same({ { 1 } }, take(frozen.new { { 1 } }))
  end)

  it("keeps the marks of lists and the order of keys", function()
    assert.equal('{"a":[]}', json.encode(take { a = json.array {} }))
    assert.same({ "z", "a" }, ordered.keys(take(ordered.new { { "z", 1 }, { "a", 2 } })))
  end)

  it("passes on what guards itself", function()
    local key = secret.new("a secret of some length", "key")
    local copy = take { key, json.null, value.unknown, print }
    assert.is_true(rawequal(copy[1], key) and copy[2] == json.null and copy[4] == print)
    assert.is_true(value.is_unknown(copy[3]))
  end)

  it("takes a shared table twice, and the deepest that is allowed", function()
    local shared = { 1 }
    assert.same({ { 1 }, { 1 } }, take { shared, shared })
    assert.no_error(function() take(nested(64)) end)
  end)

  for what, case in pairs {
    ["a metatable with __index"] = { setmetatable({}, { __index = {} }), "the value: the table has a metatable" },
    ["a metatable with __pairs"] = { { a = setmetatable({}, { __pairs = next }) }, "the value a: the table has a" },
    ["an empty metatable"] = { { { setmetatable({}, {}) } }, "the value [1][1]: the table has a metatable" },
    ["a metatable behind a view"] = { frozen.new { a = setmetatable({}, {}) }, "the value a: the table has a" },
    ["a cycle"] = { cycle(), "the value a.b: the table contains itself" },
    ["too deep a table"] = { nested(65), "nested deeper than 64 levels" },
    ["a table as a key"] = { { [{}] = 1 }, "the value: a key is a table" },
    ["a function as a key"] = { { a = { [print] = 1 } }, "the value a: a key is a function" },
    ["a coroutine"] = { { co = coroutine.create(print) }, "the value co: a thread" },
  } do
    it("refuses " .. what, function()
      local ok, err = pcall(take, case[1])
      assert.is_false(ok)
      assert.equal("input", err.kind)
      assert.truthy(err.message:find(case[2], 1, true), err.message)
      assert.equal("script.lua:3", err.where)
      assert.truthy(err.hint)
    end)
  end

  it("refuses tables that grow when they are copied", function()
    local t = {}
    for _ = 1, 30 do
      t = { t, t }
    end
    assert.error_matches(function() take(t) end, "too many values")
  end)
end)

describe("a shallow snapshot", function()
  it("leaves the items as they are", function()
    local item = setmetatable({}, {})
    assert.equal(item, snapshot.shallow({ item }, "x")[1])
  end)

  it("shows the items of a view as views", function()
    local view = frozen.new { { 1 } }
    assert.is_true(snapshot.shallow(view, "x")[1] == view[1])
  end)

  it("refuses a metatable", function()
    assert.error_matches(function() snapshot.shallow(setmetatable({}, {}), "x") end, "metatable")
  end)
end)

describe("a wrapped function", function()
  it("gets copies, and gives copies", function()
    local kept, given
    local wrapped = snapshot.wrap(function(t)
      given, kept = t, { 1 }
      return kept
    end, "f")
    local mine = { a = 1 }
    local result = wrapped(mine)
    mine.a, result[1] = 2, 2
    assert.same({ a = 1 }, given)
    assert.same({ 1 }, kept)
  end)

  it("keeps nils and the number of values", function()
    local wrapped = snapshot.wrap(function(...) return select("#", ...), nil, ..., nil end, "f")
    assert.same({ 3, nil, nil, n = 4 }, table.pack(wrapped(nil, nil, nil)))
  end)

  it("names the argument", function()
    local wrapped = snapshot.wrap(print, "vault.ensure 100%")
    assert.error_matches(
      function() wrapped("x", { a = setmetatable({}, {}) }) end,
      "vault.ensure 100%%, argument 2 a: "
    )
  end)

  it("copies what a callback returns, once", function()
    local reads = 0
    local wrapped = snapshot.wrap(function(o) return o.make() end, "f")
    local function lie()
      return setmetatable({}, { __index = function() reads = reads + 1 end })
    end
    local ok, err = pcall(wrapped, { make = lie })
    assert.is_true(not ok and errors.is(err))
    assert.equal(0, reads)
    assert.same({ 1 }, wrapped { make = function() return { 1 } end })
  end)

  it("passes the object of a method", function()
    local object = frozen.handle(setmetatable({}, { __metatable = false }))
    local self
    snapshot.wrap_method(function(o) self = o end, "m")(object)
    assert.equal(object, self)
  end)
end)

-- What JSON gives back as it is, so that it need not be copied into another form first (base/plain.lua).
describe("is_plain", function()
  local core = require "o2x.core.snapshot"
  local plain = require "o2x.base.plain"

  local function deep(levels) return levels == 0 and {} or { deep(levels - 1) } end

  for name, row in pairs {
    ["a text"] = { "a", true },
    ["an integer"] = { 1, true },
    ["a fraction"] = { 0.5, true },
    ["a boolean"] = { false, true },
    ["null"] = { json.null, false },
    ["a list"] = { { 1, "a", { b = true } }, true },
    ["a whole float"] = { 2.0, false },
    ["a whole float inside"] = { { a = { 2.0 } }, false },
    ["infinity"] = { math.huge, false },
    ["no number"] = { 0 / 0, false },
    ["a name with a dollar"] = { { ["$secret"] = "x" }, false },
    ["a boolean as a key"] = { { [true] = 1 }, false },
    ["an order of keys"] = { { ordered.mark({ a = 1 }, { "a" }) }, false },
    ["a secret"] = { { secret.new("hunter2hunter2", "x") }, false },
    ["a function"] = { { print }, false },
    ["65 levels"] = { deep(65), false },
  } do
    it(("says %s of %s"):format(tostring(row[2]), name), function()
      assert.equal(row[2], core.is_plain(row[1], ordered.all))
      if row[2] then assert.same(plain.of { row[1] }, json.decode(json.encode(json.array { row[1] }))) end
    end)
  end
end)
