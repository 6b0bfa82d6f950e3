-- The patterns of scripts: they mean what Lua's own mean, and they end.

local core = require "o2x.core.pattern"
local scripts = require "tests.support.scripts"
local watch = require("o2x.core.sandbox").watch
local task = require "o2x.base.task"

-- text, pattern, more arguments
local TABLE = {
  { "hello world", "o w" },
  { "hello world", "(o)( )(w)" },
  { "hello", "l+", 4 },
  { "hello", "xyz" },
  { "hello", "", 3 },
  { "hello", "", 6 },
  { "hello", "", 7 },
  { "hello", "l", -2 },
  { "hello", "h", -99 },
  { "a.b", ".", 1, true },
  { "a\0b", "\0b" },
  { "a\0b%", "%z" },
  { "key = value", "^(%w+)%s*=%s*(%w+)$" },
  { "f(a(b)c)d", "%b()" },
  { "f(a(b", "%b()" },
  { "THE (quick) fox", "%f[%a]%a+%f[%A]" },
  { "abcabc", "(abc)%1" },
  { "aXb", "()X()" },
  { "x]y-z^", "[]-]" },
  { "x]y-z^", "[^]x]" },
  { "x-y", "[x%-]+" },
  { "aaa", "a-b" },
  { "aaab", "a-b" },
  { "aaa", "^a?a?a?a?$" },
  { "a$b", "$b" },
  { "\xff\xfe", "[\xf0-\xff]+" },
  { "abc", "[a-]+" },
  { "abc", "(" },
  { "abc", ")" },
  { "abc", "[a" },
  { "abc", "%" },
  { "abc", "%b" },
  { "abc", "%f" },
  { "abc", "%1" },
  { "abc", "(a)%2" },
  { "abc", "(a%1)" },
  { "abc", ("()"):rep(33) },
  { ("a"):rep(300), ("a?"):rep(300) },
}

local function results(fn, ...) return table.pack(pcall(fn, ...)) end

local function all(gmatch)
  return function(...)
    local list = {}
    for a, b in gmatch(...) do
      list[#list + 1] = { a, b }
    end
    return list
  end
end

local REPLACEMENTS = { "<%0>", "%1%%", "%2", "%x", "%", 7, { a = "A", l = false, hello = 1 }, { a = {} } }

local function compare(text, pattern, ...)
  local shown = ("%q %q"):format(tostring(text), tostring(pattern))
  assert.same(results(string.find, text, pattern, ...), results(core.find, text, pattern, ...), "find " .. shown)
  assert.same(results(string.match, text, pattern, ...), results(core.match, text, pattern, ...), "match " .. shown)
  local own, lua = all(core.gmatch), all(string.gmatch)
  assert.same(results(lua, text, pattern, (...)), results(own, text, pattern, (...)), "gmatch " .. shown)
  for _, replacement in ipairs(REPLACEMENTS) do
    assert.same(
      results(string.gsub, text, pattern, replacement),
      results(core.gsub, text, pattern, replacement),
      "gsub " .. shown
    )
  end
  local function fn(a, b) return b or a end
  assert.same(results(string.gsub, text, pattern, fn, 2), results(core.gsub, text, pattern, fn, 2), "gsub " .. shown)
end

local PIECES = {
  "a",
  "b",
  ".",
  "%a",
  "%d",
  "%W",
  "[ab]",
  "[^a]",
  "[a-c]",
  "*",
  "+",
  "-",
  "?",
  "(",
  ")",
  "()",
  "^",
  "$",
  "%b()",
  "%f[a]",
  "%1",
  "%2",
  "%",
  "[",
  "]",
  "%.",
  "[%]]",
  "\0",
} -- stylua: ignore

describe("patterns of scripts", function()
  it("match as Lua's own", function()
    for _, case in ipairs(TABLE) do
      compare(table.unpack(case, 1, 4))
    end
  end)

  it("match as Lua's own, whatever the pattern is made of", function()
    math.randomseed(1)
    for _ = 1, 4000 do
      local text, pattern = {}, {}
      for i = 1, math.random(0, 8) do
        text[i] = ("ab1(). \0"):sub(math.random(8)):sub(1, 1)
      end
      for i = 1, math.random(5) do
        pattern[i] = PIECES[math.random(#PIECES)]
      end
      compare(table.concat(text), table.concat(pattern))
    end
  end)

  local ENDLESS = {
    backtracking = [[("a"):rep(40):find(("a?"):rep(40) .. ("a"):rep(40) .. "b")]],
    ["lazy items"] = [[("a"):rep(3000):find((".-"):rep(8) .. "b")]],
    ["greedy items"] = [[("a"):rep(3000):match((".*"):rep(8) .. "b")]],
    ["a wide set"] = [[("a"):rep(1e6):find("[" .. ("b"):rep(1e6) .. "]*c")]],
    balance = [[("("):rep(1e6):gsub("%b()", "")]],
    replacing = [[("a"):rep(1e6):gsub("a.-b", "")]],
    generating = [[for _ in ("a"):rep(1e6):gmatch("a.-b") do end]],
    frontiers = [[("a"):rep(1e6):find(("%f[%w]a?"):rep(10) .. ".-.-.-b")]],
    captures = [[("a"):rep(1e5):find("(.-)(.-)%1%2(.-)b")]],
    sorting = [[local t = {} for i = 1, 1e6 do t[i] = ("x"):rep(1000) .. i % 7 end
      while true do table.sort(t) end]],
  }

  for what, text in pairs(ENDLESS) do
    it("end with the script's time: " .. what, function()
      local _, fn = scripts.run("return function() " .. text .. " end")
      task.sleep(0)
      watch(0.2, 60, "")
      local start = os.clock()
      local ok, message = pcall(fn)
      local seconds = os.clock() - start
      watch(5, 15, "")
      assert.is_false(ok)
      assert.truthy(tostring(message):find("script.lua:%d+: the script ran for 0.2 s without waiting"), message)
      assert.is_true(seconds < 5, tostring(seconds))
    end)
  end
end)
