-- What others may call says what it does: each native function above its definition, each function of a module by
-- a line of documentation.

local fs = require "o2x.base.fs"

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

  it("stands above every function of a module", function()
    local missing = {}
    for _, folder in ipairs { "lua/o2x", "stdlib" } do
      each_file(folder, ".lua", function(path, text)
        local before = ""
        for line in text:gmatch("[^\n]*") do
          local name = line:match("^function M[.:]([%w_]+)") or line:match("^M%.([%l_][%w_]*) = ")
          if name and not before:match("^%-%-") then missing[#missing + 1] = ("%s: %s"):format(path, name) end
          before = line
        end
      end)
    end
    assert.same({}, missing)
  end)
end)
