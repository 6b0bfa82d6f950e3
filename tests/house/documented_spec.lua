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

-- The C functions that a file registers, by their names in Lua; metamethods are the language's.
local function registered(text)
  local found = {}
  for list in text:gmatch("const luaL_Reg [%w_]+%[%] = (%b{})") do
    for name, fn in list:gmatch('{ "([%w_]+)", ([%w_]+) }') do
      if name:sub(1, 2) ~= "__" then found[fn] = name end
    end
  end
  return found
end

describe("documentation", function()
  it("stands above every native function", function()
    local missing = {}
    each_file("host", ".c", function(path, text)
      for fn, name in pairs(registered(text)) do
        local at = text:find("int " .. fn .. "(lua_State *L)\n{", 1, true)
        local before = at and text:sub(1, at - 1):gsub("static $", "")
        local comment = before and before:match(".*(/%*.-)$")
        if comment and not comment:match("^/%*%*%*.*%*/\n$") then
          missing[#missing + 1] = ("%s: %s"):format(path, name)
        end
      end
    end)
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
