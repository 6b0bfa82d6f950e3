--- Read-only views of tables. Everything that scripts get and do not own is one: modules, apis, tenants, parameters,
--- errors. A view is deep: a table inside it comes out as a view too, always the same one, so that == works. pairs,
--- ipairs, # and table.concat go through a view; code that uses next or other raw access must ask for its contents.

local M = {}

--- View → its contents.
M.contents = setmetatable({}, { __mode = "k" })

local views = setmetatable({}, { __mode = "k" }) -- contents → its view

--- Tables that need no view, because nobody can change them.
M.handles = setmetatable({}, { __mode = "k" })
local handles = M.handles

--- Notes that a table guards itself: it has no fields of its own and a hidden metatable that refuses assignments. It
--- passes through views, and between scripts and o2x, as it is.
---@generic T: table
---@param object T
---@return T
function M.handle(object)
  handles[object] = true
  return object
end

--- Does the table guard itself?
---@param value any
---@return boolean
function M.is_handle(value) return handles[value] == true end

-- The level of the function that assigns. Functions in C, such as table.insert, have no line to show.
local function culprit()
  local level = 3
  local info = debug.getinfo(level, "S")
  while info and info.what == "C" do
    level = level + 1
    info = debug.getinfo(level, "S")
  end
  return level - 1
end

-- What a view needs of the metatable of its contents.
local function inherit(metatable, contents)
  local inner = debug.getmetatable(contents)
  if not inner then return end
  if inner.__call then metatable.__call = function(_, ...) return contents(...) end end
  if inner.__tostring then metatable.__tostring = function() return tostring(contents) end end
end

--- A read-only view of a table. The same contents give a new view each time; see view.
---@param contents table
---@param missing (fun(name: any): any)? called for a missing name
---@param refusal string|fun(name: any, value: any)|nil the error of an assignment, with %s for the name, or its handler
---@return table view
---@return table metatable of the view, for this file
function M.new(contents, missing, refusal)
  local view = {}
  local function refuse(_, key, value)
    if type(refusal) == "function" then return refusal(key, value) end
    error((refusal or "%s is read-only; change a copy of the table"):format(tostring(key)), culprit())
  end
  local metatable = {
    __metatable = false,
    __index = function(_, key)
      local value = contents[key]
      if value == nil and missing then value = missing(key) end
      return M.view(value)
    end,
    __newindex = refuse,
    __len = function() return #contents end,
    __pairs = function()
      return function(_, key)
        local value
        key, value = next(contents, key)
        return key, M.view(value)
      end,
        view,
        nil
    end,
  }
  inherit(metatable, contents)
  M.contents[view] = contents
  return setmetatable(view, metatable), metatable
end

--- What a view shows of a value: of a table its view, always the same one; of anything else the value itself.
---@param value any
---@return any
function M.view(value)
  if type(value) ~= "table" or M.contents[value] or handles[value] then return value end
  local view = views[value]
  if not view then
    view = M.new(value)
    views[value] = view
  end
  return view
end

-- A table whose own metatable answers for names that it does not have, perhaps differently each time.
local function answers(contents)
  local inner = debug.getmetatable(contents)
  return inner and inner.__index ~= nil
end

-- At the first look, puts what the view shows beside it, where Lua finds it without calling a function: scripts read
-- their constants all the time, and ask for names that are not there.
local function remember(metatable, contents, missing)
  if answers(contents) then return end
  metatable.__index = setmetatable({}, {
    __index = function(shown, key)
      for name, item in next, contents do
        shown[name] = M.constant(item)
      end
      setmetatable(shown, missing and { __index = function(_, name) return M.view(missing(name)) end })
      local value = rawget(shown, key)
      if value == nil and missing then return M.view(missing(key)) end -- as deep on the stack as at a later look
      return value
    end,
  })
end

--- The same for a table that nobody changes any more, with the same view each time.
---@param value any
---@return any
function M.constant(value)
  if type(value) ~= "table" or M.contents[value] or handles[value] then return value end
  if views[value] then return views[value] end
  local view, metatable = M.new(value)
  views[value] = view
  remember(metatable, value)
  return view
end

--- As new, for a table that nobody changes any more.
---@param contents table
---@param missing (fun(name: any): any)? called for a missing name
---@param refusal string? the error of an assignment, with %s for the name
---@return table view
function M.fixed(contents, missing, refusal)
  local view, metatable = M.new(contents, missing, refusal)
  remember(metatable, contents, missing)
  return view
end

return M
