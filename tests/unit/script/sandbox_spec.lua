-- What scripts can do, and what they cannot. The numbers E… are those of the project's list of escape ideas.

local effects = require "o2x.effects"
local frozen = require "o2x.base.frozen"
local fs = require "o2x.base.fs"
local sandbox = require "o2x.script.sandbox"
local scripts = require "tests.support.scripts"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"

local MANIFEST = "tests/unit/script/sandbox_manifest.txt"

local function works(text, ...)
  local results = table.pack(scripts.run(text))
  assert(results[1], tostring(results[2]))
  assert.same({ n = select("#", ...), ... }, table.pack(table.unpack(results, 2, results.n)))
end

local function refused(text, message, options)
  local ok, err = scripts.run(text, options)
  assert.is_false(ok, text)
  assert.truthy(tostring(err):find(message, 1, true), ("%s\ngave: %s"):format(text, tostring(err)))
end

describe("a script", function()
  it("has the library that it needs", function()
    works('return ("%s-%03d"):format("a", 7), ("x"):rep(3), #"abc", ("a,b"):match(",(.*)")', "a-007", "xxx", 3, "b")
    works("local t = { 3, 1, 2 } table.sort(t) return table.concat(t, ' '), table.unpack({ 1, 2 })", "1 2 3", 1, 2)
    works(
      "return math.max(1, 2), math.type(1), utf8.len('héé'), select('#', 1, 2), next({}) == nil",
      2,
      "integer",
      3,
      2,
      true
    )
    works(
      "local t = setmetatable({}, { __index = function(_, k) return k end })\n"
        .. "return t.x, getmetatable(t).__index ~= nil",
      "x",
      true
    )
    works("local ok, err = pcall(error, 'x', 0) return ok, err", false, "x")
    works("local ok, err = xpcall(error, function(e) return e .. '!' end, 'x', 0) return ok, err", false, "x!")
  end)

  it("sees tables in one order in every process", function()
    works(
      [[local t, seen = { b = 1, a = 2, [2] = 3, [1] = 4, [true] = 5, [1.5] = 6 }, {}
      for k in pairs(t) do seen[#seen + 1] = tostring(k) end return table.concat(seen, " ")]],
      "1 1.5 2 a b true"
    )
    works("local n = 0 for k in pairs({ a = 1, b = 2 }) do n = n + 1 end return n", 2)
    works(
      "local t = { a = 1, b = 2, c = 3 } local seen = ''\n"
        .. "for k in pairs(t) do seen = seen .. k t.b = nil end return seen",
      "ac"
    )
    refused("for k in pairs({ [{}] = 1 }) do end", "has no order")
    refused("next({ 1 }, 1)", "use pairs")
  end)

  it("gets the same random numbers for the same seed", function()
    local _, a, b = scripts.run("return math.random(1000000), math.random()", { seed = 7 })
    local _, c, d = scripts.run("return math.random(1000000), math.random()", { seed = 7 })
    local _, e = scripts.run("return math.random(1000000)", { seed = 8 })
    assert.same({ a, b }, { c, d })
    assert.are_not.equal(a, e)
    for _ = 1, 100 do
      assert.is_true(select(2, scripts.run("return math.random(3, 5)")) >= 3)
    end
  end)

  it("sees no addresses", function()
    works("return tostring({}), tostring(function() end), ('%s'):format({})", "table", "function", "table")
    refused("return ('%p'):format({})", "not available")
  end)

  it("finds no way out by name (E39, E42)", function()
    for name, hint in pairs {
      print = "use log",
      os = "o2x.clock",
      io = "o2x.files",
      load = "put the code into a file",
      debug = "",
      package = "use require",
      loadfile = "",
      dofile = "",
      collectgarbage = "",
      coroutine = "use parallel",
      rawset = "",
      _G = "",
      warn = "not defined",
      loadstring = "not defined",
      getfenv = "not defined",
    } do
      refused("return " .. name, name .. " is not")
      refused("return " .. name, hint)
    end
    refused("x = 1", "global variable x is not allowed")
    refused("_ENV.x = 1", "global variable x is not allowed")
    refused("string.format = nil", "format is read-only")
    refused("table.x = 1", "x is read-only")
    refused("setmetatable(_ENV, {})", "is read-only")
    refused("setmetatable(string, {})", "is read-only")
    works(
      "return getmetatable(''), getmetatable(string), getmetatable(_ENV), getmetatable(parallel)",
      nil,
      nil,
      nil,
      nil
    )
    works("return rawget(_ENV, 'string') == string, rawlen(string), rawequal(_ENV, _ENV)", true, 0, true)
  end)

  it("cannot make finalizers or weak tables (E05, E06)", function()
    refused("setmetatable({}, { __gc = function() end })", "__gc is not available")
    refused("setmetatable({}, { __mode = 'k' })", "__mode is not available")
    -- added later, Lua itself ignores it
    works("local mt = {} local t = setmetatable({}, mt) mt.__gc = function() end t = nil return 1", 1)
  end)

  it("cannot change what strings are for everybody (E40, E41)", function()
    refused("getmetatable('').__index = {}", "")
    refused("('').format = 1", "")
    works("return ('').dump", nil)
    assert.equal("x", ("%s"):format("x"))
  end)

  it("runs from text only (E36, E38)", function()
    refused(string.dump(function() end), "compiled Lua", { loading = true })
    refused("\xEF\xBB\xBF" .. string.dump(function() end), "", { loading = true })
    refused("return {{", "script.lua", { loading = true })
    works("return 1 -- \xFF\xFE", 1)
    refused(("x"):rep(2 * 1024 * 1024), "", { loading = true })
    refused("return " .. ("("):rep(100000) .. (")"):rep(100000), "", { loading = true })
    refused("local a = 1 " .. ("local b = 1 "):rep(300), "too many local variables", { loading = true })
  end)

  it("does nothing while it is loaded", function()
    for _, text in ipairs {
      "step('x', function() end)",
      "sleep(1)",
      "parallel { function() end }",
      "log('x')",
      "check('x', function() end)",
      "wait_until('x', 1, function() end)",
      "timeout(1, function() end)",
      "parallel.each({}, function() end)",
    } do
      refused(text, "while the file is being loaded", { loading = true })
    end
    refused('require("o2x.files").read("x")', "while the file is being loaded", { loading = true })
    local ok, err = scripts.run("local f = 1\nstep('x', function() end)", { loading = true })
    assert.is_false(ok)
    assert.equal("script.lua:2", err.where)
  end)

  it("requires what it may (E39)", function()
    for _, name in ipairs {
      "io",
      "os",
      "o2x.fs",
      "o2x.core.fs",
      "o2x.proc",
      "o2x.effects",
      "stdlib",
      "stdlib.../x",
      "stdlib./etc/passwd",
      "stdlib.nosuch",
      "lfs",
      "",
      "o2x.",
      "o2x.effects.pg",
      "stdlib.x/../../y",
    } do
      local ok = scripts.run(("return require %q"):format(name))
      assert.is_false(ok, name)
    end
    refused("require(1)", "expected a name")
    refused("return require 'o2x.vualt'", "did you mean vault?")
    refused("return require('o2x.json').nosuch()", "")
    refused("require('o2x.json').encode = 1", "is read-only")
  end)

  it("has bounds on memory and on long loops in C (E18, E24, E28, E29)", function()
    refused("return ('x'):rep(1e9)", "too long")
    refused("return ('x'):rep(1e6, ('y'):rep(1000))", "too long")
    refused("return table.unpack({}, 1, 1e8)", "too many")
    refused("return table.concat({}, '', 1, 2^53|0)", "too many")
    refused("return table.move({}, 1, math.maxinteger - 1, 2)", "too many")
    refused("return ('%99999d'):format(1)", "invalid")
    refused("local function f() return f() + 1 end return f()", "stack overflow")
    refused("local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x", "loop")
  end)

  it("cannot keep a cancelled script alive with pcall (E02, E03)", function()
    local seen
    local handle = task.spawn(
      function()
        seen = select(
          2,
          scripts.run("local n = 0 while true do local ok = pcall(sleep, 10) n = n + 1 if n > 5 then return n end end")
        )
      end
    )
    task.sleep(0.05)
    handle:cancel()
    pcall(handle.join, handle)
    assert.equal("cancelled", seen and seen.kind)
  end)

  it("raises errors that say where", function()
    local ok, err = scripts.run("\n\nfail('no', 'try that')")
    assert.is_false(ok)
    assert.same({ "failed", "no", "try that", "script.lua:3" }, { err.kind, err.message, err.hint, err.where })
    ok, err = scripts.run("invalid('bad file', nil, 'x.yaml:3')")
    assert.is_false(ok)
    assert.same({ "input", "bad file", "x.yaml:3" }, { err.kind, err.message, err.where })
    ok, err = scripts.run("local x = nil; return x.y")
    assert.is_false(ok)
    assert.equal("bug", err.kind)
    assert.truthy(tostring(err):find("script.lua:1: attempt to index a nil value", 1, true))
  end)

  it("may raise anything, and nothing breaks (E08)", function()
    for _, text in ipairs {
      "error(setmetatable({}, { __tostring = function() error('x') end }))",
      "error({})",
      "error(nil)",
      "error()",
      "error(setmetatable({}, { __tostring = function() return 1 end }))",
      "error(function() end)",
    } do
      local ok, err = scripts.run(text)
      assert.is_false(ok)
      assert.equal("bug", err.kind)
      assert.equal("string", type(tostring(err)))
    end
  end)

  it("runs side by side and waits", function()
    works(
      "local r = parallel { a = function() sleep(0.01) return 1 end, b = function() return 2 end } return r.a, r.b",
      1,
      2
    )
    works("return table.concat(parallel.each({ 1, 2, 3 }, function(n) return n * 2 end, { limit = 2 }), ' ')", "2 4 6")
    refused("parallel { 1 }", "is a number, not a function")
    refused("parallel.each({}, function() end, { limit = 0 })", "positive integer")
    refused("timeout(0.02, sleep, 5)", "took longer than 0.02 s")
    works("local n = 0 return wait_until('it', 5, function() n = n + 1 return n == 3 and 'yes' end)", "yes")
    refused(
      "wait_until('the end', 0.2, function() return false, 'not yet' end)",
      "the end: timed out after 0.2 s: not yet"
    )
  end)
end)

describe("a secret in a script", function()
  it("can be passed on, not read (E48)", function()
    local key = secret.new("open-sesame-open", "door/key")
    local _, try = scripts.run([[return function(s)
      local ways = {
        function() return #s end, function() return s:sub(1) end, function() return s == "open-sesame-open" end,
        function() return s < "z" end, function() return ("").rep(s, 1) end, function() return string.byte(s) end,
        function() return ("x"):gsub("x", s) end, function() return table.concat({ s }) end,
        function() return tostring(s) end, function() return s .. "" end, function() return ("%s"):format(s) end,
        function() return ("%q"):format(s) end, function() return tonumber(s) end,
        function() return select(2, pcall(error, s)) end, function() return utf8.len(s) end,
        function() return { [s] = 1 } end, function() return s.bytes end, function() return getmetatable(s) end,
        function() return string.pack("z", s) end, function() return rawlen(s) end, function() return math.type(s) end,
      }
      local shown = {}
      for i, way in ipairs(ways) do
        local ok, result = pcall(way)
        shown[i] = tostring(result)
      end
      return table.concat(shown, "\n")
    end]])
    assert.is_nil(try(key):find("open%-sesame"))
  end)
end)

describe("what a script can reach", function()
  local SCOPE = {
    pg = { tenant = "coredb-x", control = "control", admin = "postgres" },
    vault = { "tenant/x/" },
    redis = {},
    dns = { "x.example.com" },
    k8s = { namespace = "default", namespaces = {}, names = {}, label = { "tenant", "x" }, shared = {}, read = {} },
    helm = {},
    http = {},
    files = { read = {}, write = {} },
    broker = {},
  }

  local function contents(value)
    if frozen.contents[value] then return frozen.contents[value] end
    local metatable = debug.getmetatable(value)
    local index = metatable and metatable.__metatable == false and metatable.__index
    return type(index) == "table" and index or value
  end

  local function walk(lines, path, value, seen)
    if type(value) ~= "table" then
      lines[#lines + 1] = path .. " " .. type(value)
      return
    end
    local inside = contents(value)
    if seen[inside] then return end
    seen[inside] = true
    lines[#lines + 1] = path .. " table"
    local metatable = debug.getmetatable(inside)
    for _, source in ipairs { inside, metatable and type(metatable.__index) == "table" and metatable.__index or {} } do
      for key, item in next, source do
        walk(lines, path .. "." .. tostring(key), item, seen)
      end
    end
  end

  local function differences(listed, found)
    local signs, differing = {}, {}
    for line in found:gmatch("[^\n]+") do
      signs[line] = "+ "
    end
    for line in listed:gmatch("[^\n]+") do
      signs[line] = not signs[line] and "- " or nil
    end
    for line, sign in pairs(signs) do
      differing[#differing + 1] = sign .. line
    end
    table.sort(differing)
    return table.concat(differing, "\n")
  end

  it("is listed in the manifest, word for word", function()
    local lines = {}
    local box = sandbox.new({ root = "/nowhere", stdlib = "/nowhere/stdlib" })
    walk(lines, "_ENV", box.environment, {})
    local ctx = setmetatable({
      mode = "apply",
      scope = SCOPE,
      config = setmetatable({ platform = "." }, { __index = function() return {} end }),
      tenant = { name = "x" },
      run_id = "R",
    }, {
      __index = function()
        return function() return {} end
      end,
    })
    for _, name in ipairs(effects.NAMES) do
      if package.searchpath("o2x.effects." .. name, package.path) then
        walk(lines, "o2x." .. name, effects.find(name).api(ctx), {})
      end
    end
    table.sort(lines)
    local text = table.concat(lines, "\n") .. "\n"
    if os.getenv("O2X_UPDATE_MANIFEST") then fs.write(MANIFEST, text) end
    -- A new name must be looked at by a person: O2X_UPDATE_MANIFEST=1 build/o2x-dev tests/run.lua
    -- tests/unit/script/sandbox_spec.lua
    assert.equal("", differences(fs.read(MANIFEST), text))
  end)

  it("is read-only", function()
    local view = frozen.new { a = 1, b = { 1, 2 } }
    assert.error_matches(function() view.a = 2 end, "a is read%-only")
    assert.has_error(function() setmetatable(view, nil) end)
    assert.equal(1, view.a)
  end)
end)
