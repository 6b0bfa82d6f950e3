-- Scripts are Lua: each of these snippets gives the same in a script and in plain Lua. Where scripts differ on
-- purpose, the last table says how.

local library = require "o2x.script.library"
local sandbox = require "o2x.script.sandbox"

-- The library as Lua has it, but for assert, which the tests replace; scripts get their own strings, see library.lua.
local PLAIN = { string = string, table = table, math = math, utf8 = utf8 }
for name in
  (
    "error getmetatable ipairs next pairs pcall rawequal rawget rawlen select setmetatable tonumber tostring "
    .. "type xpcall"
  ):gmatch "%S+"
do
  PLAIN[name] = _G[name]
end

-- How scripts see it: results, or the message of the error, whose line is part of it.
local function outcome(text, environment)
  local chunk = assert(load(text, "=snippet", "t", environment))
  local results = table.pack(pcall(chunk))
  for i = 1, results.n do
    local kind = type(results[i])
    if kind == "function" or kind == "table" and not debug.getmetatable(results[i]) then results[i] = kind end
  end
  if type(results[3]) == "string" then results[3] = results[3]:gsub("to '[^']*'", "to '?'") end
  if not results[1] and type(results[2]) == "string" then results[2] = results[2]:gsub("'%l+%.(%l+)'", "'%1'") end
  return results
end

local SAME = {
  -- false and nil in tables
  [[local r = {} for k, v in pairs { flag = false, on = true } do r[#r + 1] = k .. "=" .. tostring(v)
    end table.sort(r) return table.concat(r, " ")]],
  "for k, v in pairs { [1] = false } do return k, v end",
  "local n = 0 for _ in pairs { nil, 2, nil, 4 } do n = n + 1 end return n",
  "local t = { a = false } return t.a, t.b, next(t)",
  "for k, v in pairs { [false] = 1 } do return k, v end",
  "return #{ 1, 2, nil }, #{ n = 3 }, #''",
  "local s = 0 for i, v in ipairs { 1, 2, nil, 4 } do s = s + i * v end return s",
  "for i, v in ipairs { false, true } do return i, v end",
  -- changes on the way
  "local t = { a = 1, b = 2, c = 3 } for k in pairs(t) do t[k] = nil end return next(t)",
  "local t, n = { a = 1, b = 2 }, 0 for k, v in pairs(t) do t[k] = v + 1 n = n + v end return t.a, t.b, n",
  [[local t, seen = { 1, 2, 3 }, 0 for i in ipairs(t) do if i == 1 then t[2] = 20 end seen = seen + t[i]
    end return seen]],
  -- keys
  "local t = { [1.0] = 'a', [2^53] = 'b' } return t[1], math.type(next(t)), t[2^53|0]",
  "local r = {} for k in pairs { 10, 20, 30 } do r[#r + 1] = k end return table.unpack(r)",
  "return pcall(function() local t = {} t[nil] = 1 end)",
  "return pcall(function() local t = {} t[0/0] = 1 end)",
  -- metamethods
  [[local t = setmetatable({}, { __pairs = function(t) return function(_, k) if not k then return 1, 'x'
    end end, t, nil end }) local r = {} for k, v in pairs(t) do r[#r + 1] = k .. v end return
    table.concat(r)]],
  "local t = setmetatable({}, { __index = function(_, k) return k .. '!' end }) return t.x, rawget(t, 'x')",
  [[local log = {} local t = setmetatable({}, { __newindex = function(t, k, v) rawget(t, k) log[k] = v
    end }) t.a = 1 return log.a, t.a]],
  "local C = {} C.__index = C function C:hi() return self.name end return setmetatable({ name = 'n' }, C):hi()",
  "local mt = {} local t = setmetatable({}, mt) mt.__index = { late = 1 } return t.late, getmetatable(t) == mt",
  [[local V = { __add = function(a, b) return a.v + b.v end, __eq = function() return true end, __lt =
    function(a, b) return a.v < b.v end, __le = function() return true end, __len = function() return 7
    end, __concat = function() return 'c' end, __call = function(_, x) return x end, __unm = function()
    return 'u' end } local a, b = setmetatable({ v = 1 }, V), setmetatable({ v = 2 }, V) return a + b, a
    == b, a < b, a <= b, #a, a .. b, a(5), -a]],
  [[local t = setmetatable({}, { __tostring = function() return 'me' end }) return tostring(t),
    ('%s|%10s'):format(t, t)]],
  "local t = setmetatable({}, { __metatable = 'locked' }) return getmetatable(t), pcall(setmetatable, t, {})",
  [[local t = setmetatable({}, { __index = function(_, i) if i <= 3 then return i * i end end }) local r
    = {} for _, v in ipairs(t) do r[#r + 1] = v end return table.concat(r, ' ')]],
  "return pcall(setmetatable, 1, {})",
  "return setmetatable({}, nil) ~= nil, getmetatable({}), getmetatable(setmetatable({}, nil))",
  "do local closed local x <close> = setmetatable({}, { __close = function() closed = true end }) end return 1",
  [[local order = '' do local a <close> = setmetatable({}, { __close = function() order = order .. 'a'
    end }) local b <close> = setmetatable({}, { __close = function() order = order .. 'b' end }) end
    return order]],
  -- pcall, xpcall, error, assert
  "return pcall(error)",
  "return pcall(error, nil)",
  "return pcall(error, 'x', 0)",
  "return pcall(error, { code = 1 })",
  "local e = {} local ok, got = pcall(error, e) return ok, got == e",
  "return pcall(function() error 'here' end)",
  "return pcall(function() error('here', 1) end)",
  "local function f() error('there', 2) end return pcall(function() f() end)",
  "local function f() error('there', 2) end return pcall(f)",
  "return pcall(function() error(12) end)",
  "return pcall(function() error(setmetatable({}, { __tostring = function() return 'obj' end })) end)",
  "return pcall(error, true)",
  "return select('#', pcall(function() return nil, nil, nil end))",
  "return pcall(function(...) return select('#', ...), ... end, nil, 2, nil)",
  "return pcall(pcall)",
  "return pcall(pcall, error, 'x')",
  "return pcall(nil)",
  "return xpcall(function(...) return ... end, function() end, 1, nil, 3)",
  "return xpcall(function() error('x', 0) end, function(e) return e .. '!', 'second' end)",
  "return xpcall(function() error { 1 } end, function(e) return e[1] end)",
  "return xpcall(function() local x = nil; return x.y end, function(e) return e end)",
  "return pcall(xpcall, type)",
  "return select('#', xpcall(function() return end, function() end))",
  "return tostring(nil), tostring(false)",
  "local function f() return error 'tail' end return pcall(f)",
  "return pcall(setmetatable, {}, 1)",
  "return pcall(setmetatable, {})",
  -- positions of messages
  "local t = nil\nreturn t.x",
  "local t = {}\n\nreturn t.x.y",
  "return 1 +\n{}",
  "return\n('x')()",
  "return table.concat({ 1, {}, 3 })",
  "\nreturn table.concat(nil)",
  "\n\nreturn string.rep()",
  "return ('x'):rep {}",
  "\nreturn ('%d'):format 'x'",
  "return ('%d'):format(1.5)",
  "\nreturn table.unpack(nil)",
  "return table.move({}, 1, 2)",
  "return table.insert({}, 5, 1)",
  "return table.insert({}, 1, 2, 3)",
  "return ('x'):bad()",
  "return ipairs()",
  "return select(0)",
  "return tonumber('z', 99)",
  "return math.floor {}",
  "return utf8.char(-1)",
  "return ('x') < 1",
  "return {} < {}",
  "return #5",
  "return -{}",
  "return 1 // 0",
  "return 1 % 0",
  "return 2^53 | 0.5",
  "for i = 1, 10, 0 do end",
  "goto done do return 1 end ::done:: return 2",
  -- the library
  "return table.unpack({ 1, nil, 3 }, 1, 3)",
  "return select('#', table.unpack({}, 1, 3)), select(-1, 1, 2, 3), select(2, 'a', 'b', 'c')",
  "return table.concat({}), table.concat({ 1, 2.5, 'x' }, '-', 2, 3)",
  "return table.pack(nil, nil).n, #table.pack(1, 2)",
  "local t = table.move({ 1, 2, 3 }, 2, 3, 1) return t[1], t[2], t[3]",
  "local t = table.move({ 1, 2 }, 1, 2, 3, { 0 }) return t[1], t[3], t[4]",
  "local t = { 3, 1, 2 } table.sort(t, function(a, b) return a > b end) return table.unpack(t)",
  "return pcall(table.sort, { 1, 'x' })",
  "local t = { 1, 2, 3 } return table.remove(t), table.remove(t, 1), #t, table.remove {}",
  "return (5):type()",
  "return ('10' + 5), '3' * '4', 10 .. 20, 2^2, 7 // 2, 7.0 // 2, -7 % 3",
  "return ('x'):rep(3), ('ab'):rep(2, ','), ('x'):rep(0), ('x'):rep(-1), string.rep(5, 3), string.rep('a', 2, 7)",
  "return ('%5.2f|%x|%s|%q|%%|%c|%i'):format(3.14159, 255, nil, 'a\\nb', 65, 3)",
  "return ('%s %s'):format(true, 1.0), ('%d'):format('10'), ('%s'):format(2^63)",
  "return tostring(1), tostring(1.0), tostring(-0.0), tostring(1e100), tostring(nil), tostring(true), 2^53",
  "return tostring(1/0), tostring(-1/0), math.maxinteger + 1 == math.mininteger",
  "return ('a,b,c'):find(',', 1, true), ('key = v'):match '(%w+)%s*=%s*(%w+)', ('hello'):gsub('l', { l = 'L' })",
  "return ('abc'):gsub('%w', function(c) return c == 'b' and false or c:upper() end)",
  "local r = {} for w in ('a b c'):gmatch '%a' do r[#r + 1] = w end return #r, r[3]",
  "return ('abc'):byte(1, -1), ('x'):len(), ('abc'):sub(-2), ('abc'):reverse(), ('aB'):upper(), ('aB'):lower()",
  "return string.pack('<i4', 7):byte(1, -1), string.unpack('<i4', '\\7\\0\\0\\0')",
  "return utf8.len 'héé', utf8.char(233, 8364), utf8.codepoint('é', 1), utf8.offset('aéb', 3), utf8.len '\\xff'",
  "return math.tointeger(3.0), math.tointeger 'x', math.type(1), math.type(1.0), math.type '1', math.fmod(-5, 3)",
  "return math.max(1, 2.5), math.min(3, 1), math.abs(-3), math.floor(-3.5), math.ceil(3.2), math.ult(1, -1), math.pi",
  "return tonumber '0x10', tonumber '  12  ', tonumber 'z', tonumber('ff', 16), tonumber '1e1', tonumber(nil)",
  "return type(nil), type(type), type {}, type 'x', type(2), rawequal('a', 'a'), rawlen { 1, 2 }, rawlen 'abc'",
  "local a <const> = 5 return a",
  "return (function(...) return select('#', ...) end)(nil, nil)",
  "local t = { f = function(self, x) return x end } return t:f(3), t.f(t, 4)",
}

-- On purpose: tables are gone through in order, addresses are not shown, and a finalizer is not available.
local DIFFERENT = {
  ["keys in the order of their values"] = {
    "local r = '' for k in pairs { c = 1, a = 1, b = 1 } do r = r .. k end return r",
    "abc",
  },
  ["a key that has no order is an error"] = {
    "return (pcall(function() for _ in pairs { [{}] = 1 } do end end))",
    false,
  },
  ["next only tells whether a table is empty"] = { "return (pcall(next, { 1 }, 1))", false },
  ["a table has no address"] = { "return tostring {}", "table" },
  ["a function has no address"] = { "return tostring(type)", "function" },
  ["%s shows no address"] = { "return ('%s'):format({})", "table" },
  ["a metatable with __gc is refused"] = { "return (pcall(setmetatable, {}, { __gc = type }))", false },
  ["a metatable with __mode is refused"] = { "return (pcall(setmetatable, {}, { __mode = 'k' }))", false },
  ["the metatable of strings is not there"] = { "return getmetatable('')", nil },
  ["an unknown name is an error, at its line"] = {
    "return select(2, pcall(function()\nreturn nosuch end))",
    "snippet:2: nosuch is not defined",
  },
  ["globals cannot be made"] = { "return (pcall(function() some_global = 1 end))", false },
  ["random numbers are the same for the same seed"] = { "return math.random(1000000)", 46658 },
}

describe("a script is Lua:", function()
  local environment
  setup(function() environment = sandbox.new({ root = "/nowhere", stdlib = "/nowhere/stdlib" }, 1).environment end)

  for _, text in ipairs(SAME) do
    it(
      text:sub(1, 70):gsub("\n", " "),
      function()
        assert.same(
          outcome(text, setmetatable({ print = print }, { __index = PLAIN })),
          outcome(text, environment),
          text
        )
      end
    )
  end
end)

-- The tests have an assert of their own, so what Lua's gives is written down.
local ASSERT = {
  ["return assert(1, 'unused', 3)"] = { true, 1, "unused", 3, n = 4 },
  ["\nassert(false)"] = { false, "snippet:2: assertion failed!", n = 2 },
  ["return assert(nil, 'because')"] = { false, "snippet:1: because", n = 2 },
  ["return assert()"] = { false, "snippet:1: bad argument #1 to 'assert' (value expected)", n = 2 },
  ["assert(false, 7)"] = { false, 7, n = 2 },
}

describe("assert in a script", function()
  for text, expected in pairs(ASSERT) do
    it("is Lua's: " .. text:gsub("\n", " "), function()
      local environment = sandbox.new({ root = "/nowhere", stdlib = "/nowhere/stdlib" }, 1).environment
      assert.same(expected, outcome(text, environment))
    end)
  end
end)

describe("a script is not Lua:", function()
  for what, case in pairs(DIFFERENT) do
    it(what, function()
      local environment = sandbox.new({ root = "/nowhere", stdlib = "/nowhere/stdlib" }, 1).environment
      assert.equal(case[2], outcome(case[1], environment)[2])
    end)
  end
end)

describe("the functions of a script's library", function()
  it("do not wait in C: a wait inside them reaches the loop", function()
    local lib = library.new(1)
    local co = coroutine.wrap(function() return lib.pcall(coroutine.yield, 1) end)
    assert.equal(1, co())
    assert.is_true((co()))
  end)
end)

-- Each word with each kind of wrong argument: an error at the script's line, without an address, and not one from
-- inside o2x.
describe("a wrong argument of a word", function()
  local scripts = require "tests.support.scripts"
  local FIRST = { "nil", "{}", "log", "true", "'x'", "0/0", "setmetatable({}, { __index = log })" }
  local SECOND = { "nil", "{}", "'y'", "function() end" }

  for name in
    ("step check parallel parallel.each fail invalid log output sleep timeout wait_until require"):gmatch "%S+"
  do
    it("is one line at the script's line: " .. name, function()
      for _, first in ipairs(FIRST) do
        for _, second in ipairs(SECOND) do
          local call = ("%s(%s, %s)"):format(name, first, second)
          local ok, err = scripts.run(call)
          local text = tostring(err)
          assert.is_true(ok or err.kind ~= "bug", call .. ": " .. text)
          assert.is_falsy(not ok and (text:find "0x" or text:find "lua/o2x" or text:find "\n"), call .. ": " .. text)
        end
      end
    end)
  end
end)
