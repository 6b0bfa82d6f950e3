--- Copies of the values that cross between scripts and o2x. A script's tables are read once, into plain tables without
--- metatables; what o2x checks is then what o2x uses, and nobody can change it afterwards. The same the other way: a
--- script never gets a table that o2x still uses.

local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local json = require "o2x.base.json"
local ordered = require "o2x.base.ordered"

local M = {}

local DEEPEST <const> = 64 -- levels of tables, as in JSON
local MOST <const> = 200000 -- values in one argument
local LONGEST <const> = 8 -- keys of a path that a message shows

local KEYS <const> = { string = true, number = true, boolean = true }
local ATOMS <const> = { ["nil"] = true, string = true, number = true, boolean = true, userdata = true }

-- The place inside the value: ".spec.ports[2]". A long one is cut.
local function path_of(keys)
  local parts = {}
  for i, key in ipairs(keys) do
    if i > LONGEST then return table.concat(parts) .. "…" end
    parts[i] = type(key) == "string" and "." .. key or ("[%s]"):format(tostring(key))
  end
  return table.concat(parts)
end

local function refuse(state, why, hint)
  local place = path_of(state.keys)
  errors.raise {
    kind = "input",
    message = ("%s%s: %s"):format(state.what, place ~= "" and place:gsub("^%.?", " ", 1) or "", why),
    hint = hint or "pass plain data: texts, numbers, booleans, and tables of them",
    where = state.where and state.where(),
  }
end

local copy

local function copy_fields(state, source)
  local result, depth = {}, #state.keys + 1
  for key, item in next, source do
    if not KEYS[type(key)] then refuse(state, ("a key is a %s"):format(type(key))) end
    state.keys[depth] = key
    result[key] = copy(state, item)
    state.keys[depth] = nil
  end
  return result
end

local function copy_table(state, value)
  local source = frozen.contents[value] or value
  if state.open[source] then refuse(state, "the table contains itself") end
  if #state.keys >= DEEPEST then refuse(state, ("nested deeper than %d levels"):format(DEEPEST)) end
  local is_list = json.is_array(source)
  -- A metatable of a script could answer differently each time it is asked. An error's is o2x's own.
  if debug.getmetatable(source) and not is_list then
    refuse(state, "the table has a metatable", "copy its fields into a plain table first")
  end
  state.open[source] = true
  local result = copy_fields(state, source)
  state.open[source] = nil
  ordered.copy(source, result)
  return is_list and json.array(result) or result
end

function copy(state, value)
  state.left = state.left - 1
  if state.left < 0 then refuse(state, "too many values", ("at most %d at once"):format(MOST)) end
  if ATOMS[type(value)] or frozen.is_handle(value) then return value end
  if type(value) == "table" then return copy_table(state, value) end
  if type(value) ~= "function" then refuse(state, "a " .. type(value)) end
  if not state.wrap then return value end
  return M.wrap(value, state.what .. path_of(state.keys), state.where)
end

--- A deep copy of a value. Marks of lists and orders of keys are kept; views are read through; functions, secrets and
--- other handles pass as they are. A metatable, a cycle, a key that is not a text, number or boolean, and too much
--- data are bad input.
---@generic T
---@param value T
---@param what string what the value is, for the error
---@param where (fun(): string?)? gives the script's line, for the error
---@return T
function M.take(value, what, where)
  return copy({ what = what, where = where, keys = {}, open = {}, left = MOST }, value)
end

--- A copy of a table alone, not of its items, which may be anything. Views are read through; a metatable is bad input.
---@param value table
---@param what string what the value is, for the error
---@param where (fun(): string?)? gives the script's line, for the error
---@return table
function M.shallow(value, what, where)
  local source, result = frozen.contents[value] or value, {}
  if debug.getmetatable(source) and not json.is_array(source) then
    refuse({ what = what, where = where, keys = {} }, "the table has a metatable", "copy its fields into a plain table")
  end
  for key, item in next, source do
    result[key] = source == value and item or frozen.view(item)
  end
  return result
end

local function take_all(what, sort, where, left, ...)
  local values = table.pack(...)
  for i = 1, values.n do
    local kind = type(values[i])
    if kind == "table" or kind == "function" then
      local name = ("%s, %s %d"):format(what, sort, i)
      local state = { what = name, where = where, keys = {}, open = {}, left = left, wrap = true }
      values[i] = copy(state, values[i])
    elseif not ATOMS[kind] then
      refuse({ what = ("%s, %s %d"):format(what, sort, i), where = where, keys = {} }, "a " .. kind)
    end
  end
  return table.unpack(values, 1, values.n)
end

--- A function at the border between scripts and o2x: what it is given and what it returns are copied. Functions among
--- them, such as callbacks and the functions of a session, are wrapped in turn.
---@param fn function
---@param what string its name, for errors
---@param where (fun(): string?)? gives the script's line, for errors
---@return function
function M.wrap(fn, what, where)
  return function(...)
    return take_all(what, "result", where, math.huge, fn(take_all(what, "argument", where, MOST, ...)))
  end
end

--- The same for a method: its object is passed as it is.
---@param method function
---@param what string
---@param where (fun(): string?)?
---@return function
function M.wrap_method(method, what, where)
  return function(self, ...)
    return take_all(what, "result", where, math.huge, method(self, take_all(what, "argument", where, MOST, ...)))
  end
end

return M
