-- Whatever others may call has a doc comment that says what it does and names its parameters: native functions,
-- functions of modules, methods, and what scripts can call.

local fs = require "o2x.base.fs"
local reference = require "o2x.script.reference"

local function each_file(folder, suffix, see)
  for _, name in ipairs(fs.list(folder)) do
    local path = folder .. "/" .. name
    if fs.is_folder(path) then
      each_file(path, suffix, see)
    elseif name:sub(-#suffix) == suffix then
      see(path, fs.read(path))
    end
  end
end

-- All of host/*.c, because a file may register what another one defines.
local function host()
  local texts = {}
  each_file("host", ".c", function(_, text) texts[#texts + 1] = text end)
  return table.concat(texts, "\n")
end

-- The C functions that Lua gets, in modules and as methods: C name → name in Lua.
local function registered(text)
  local found = {}
  for list in text:gmatch "const luaL_Reg [%w_]+%[%] = (%b{})" do
    for name, fn in list:gmatch '{ "([%w_]+)", ([%w_]+) }' do
      found[fn] = name
    end
  end
  return found
end

-- The comment that ends where the function's definition begins.
local function comment_above(text, fn)
  local at = text:find("\nint " .. fn .. "(lua_State *L)\n{", 1, true)
    or text:find("\nstatic int " .. fn .. "(lua_State *L)\n{", 1, true)
  return at and text:sub(1, at):match "^.*\n(/%*.-%*/)\n$" or ""
end

-- What is wrong with a doc comment, given the names of the parameters.
local function problem_of(doc, params)
  local documented, expected, prose = {}, {}, false
  for _, line in ipairs(doc) do
    local name = line:match("^@param ([%w_.]+)")
    if name then documented[name] = true end
    prose = prose or line:match("%S") ~= nil and not line:match("^@")
  end
  if not prose then return "no text" end
  for _, name in ipairs(params) do
    expected[name] = true
    if not documented[name] and not name:match("^_") then return "no @param " .. name end
  end
  for name in pairs(documented) do
    if not expected[name] then return "no parameter " .. name end
  end
end

local function names_of(list)
  local names = {}
  for name in list:gmatch("[%w_.]+") do
    if name ~= "self" then names[#names + 1] = name end
  end
  return names
end

-- Each function Owner.name(…), Owner:name(…) and Owner.name = … of a text, with the doc comment above it. Functions of
-- a table that has a ---@type, or of an effect type, which docs/effects.md describes, need no comment each.
local function functions(path, text)
  local found, doc, typed = {}, {}, {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    local owner, name, list = line:match("^%s*function ([%w_.]+)[.:]([%w_]+)%((.-)%)")
    if not owner then
      owner, name, list = line:match("^(%u[%w_]*)%.(%l[%w_]*) = function%((.-)%)")
    end
    if not owner then
      owner, name = line:match("^(M)%.([%l_][%w_]*) = ")
    end
    local effect_type = path:match("^lua/o2x/effects/") and owner and owner:match("^%l")
    if owner and not typed[owner] and not effect_type and not name:match("^__") then
      found[#found + 1] = { name = name, params = list and names_of(list), doc = doc }
    end
    local comment = line:match("^%s*%-%-%-(.*)$")
    local declared = line:match("^%s*local (%l[%w_]*) = ")
    for _, above in ipairs(declared and doc or {}) do
      if above:match("^@type ") then typed[declared] = true end
    end
    doc = comment and table.move({ comment }, 1, 1, #doc + 1, doc) or {}
  end
  return found
end

describe("documentation", function()
  it("stands above every native function", function()
    local text, missing, count = host(), {}, 0
    for fn, name in pairs(registered(text)) do
      local comment = comment_above(text, fn)
      local documents = comment:match "^/%*%*%*\n" and (comment .. "\n"):find("@function [%w_.:]-" .. name .. "\n")
      if not documents then missing[#missing + 1] = name .. ": " .. fn end
      count = count + 1
    end
    assert.is_true(count > 150)
    assert.same({}, missing)
  end)

  for _, folder in ipairs { "lua/o2x", "lua/lab", "stdlib" } do
    it("stands above every function and method of " .. folder, function()
      local wrong, count = {}, 0
      each_file(folder, ".lua", function(path, text)
        for _, fn in ipairs(functions(path, text)) do
          count = count + 1
          local problem = fn.params and problem_of(fn.doc, fn.params) or #fn.doc == 0 and "no text"
          if problem then wrong[#wrong + 1] = ("%s: %s: %s"):format(path, fn.name, problem) end
        end
      end)
      assert.same({}, wrong)
      assert.is_true(count > 100)
    end)
  end

  it("stands above every function that scripts can call", function()
    local wrong = {}
    local function look(api, list)
      for name, entry in pairs(list) do
        local is_object = #entry.params == 0 and #entry.doc == 0 and api == "pg" -- pg.tenant: it has methods
        local problem = not entry.constant and not is_object and problem_of(entry.doc, entry.params)
        if problem then wrong[#wrong + 1] = ("%s.%s: %s"):format(api, name, problem) end
      end
    end
    for _, api in ipairs(reference.names()) do
      look(api, reference.of(api))
    end
    look("_ENV", reference.globals())
    assert.same({}, wrong)
  end)

  it("is missed where there is none, and where it names other parameters", function()
    local text = "local C = {}\nfunction C:plain(a) end\n--- Says.\n---@param b any\nfunction C:other(a) end\n"
      .. "--- Says.\n---@param a any\nfunction C:right(a) end\n---@type table<string, function>\nlocal t = {}\n"
      .. "function t.member(a) end\n"
    local problems = {}
    for i, fn in ipairs(functions("x.lua", text)) do
      problems[i] = fn.name .. ": " .. (problem_of(fn.doc, fn.params) or "fine")
    end
    assert.same({ "plain: no text", "other: no @param a", "right: fine" }, problems)
  end)
end)
