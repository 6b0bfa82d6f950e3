--- Copies of the values that cross between scripts and o2x. A script's tables are read once, into plain tables without
--- metatables; what o2x checks is then what o2x uses, and nobody can change it afterwards. The same the other way: a
--- script never gets a table that o2x still uses.

local core = require "o2x.core.snapshot"
local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local json = require "o2x.base.json"
local ordered = require "o2x.base.ordered"

local M = {}

local MOST <const> = 200000 -- values in one argument

-- What is wrong, by the word of host/snapshot.c; %s is the type of what is there.
local WHY <const> = {
  key = "a key is a %s",
  itself = "the table contains itself",
  deep = "nested deeper than 64 levels",
  metatable = "the table has a metatable",
  many = "too many values",
  type = "a %s",
}
local HINTS <const> = {
  metatable = "copy its fields into a plain table first",
  many = ("at most %d at once"):format(MOST),
}

local function refuse(what, where, problem, path, kind)
  local place = path ~= "" and path:gsub("^%.?", " ", 1) or ""
  errors.raise {
    kind = "input",
    message = ("%s%s: %s"):format(what, place, WHY[problem]:format(kind)),
    hint = HINTS[problem] or "pass plain data: texts, numbers, booleans, and tables of them",
    where = where and where(),
  }
end

-- A deep copy; functions are wrapped if asked for.
local function copy(value, what, where, most, wrap)
  local functions = {}
  local result, problem, path, kind = core.copy(value, frozen.contents, frozen.handles, ordered.all, most, functions)
  if problem then refuse(what, where, problem, path, kind) end
  if not wrap then return result end
  if type(result) == "function" then return M.wrap(result, what, where) end
  for i = 1, #functions, 3 do
    local holder, key = functions[i], functions[i + 1]
    holder[key] = M.wrap(holder[key], what .. functions[i + 2], where)
  end
  return result
end

--- A deep copy of a value. Marks of lists and orders of keys are kept; views are read through; functions, secrets and
--- other handles pass as they are. A metatable, a cycle, a key that is not a text, number or boolean, and too much
--- data are bad input.
---@generic T
---@param value T
---@param what string what the value is, for the error
---@param where (fun(): string?)? gives the script's line, for the error
---@return T
function M.take(value, what, where) return copy(value, what, where, MOST) end

--- A copy of a table alone, not of its items, which may be anything. Views are read through; a metatable is bad input.
---@param value table
---@param what string what the value is, for the error
---@param where (fun(): string?)? gives the script's line, for the error
---@return table
function M.shallow(value, what, where)
  local source, result = frozen.contents[value] or value, {}
  if debug.getmetatable(source) and not json.is_array(source) then refuse(what, where, "metatable", "", "table") end
  for key, item in next, source do
    result[key] = source == value and item or frozen.view(item)
  end
  return result
end

local function take_all(what, sort, where, most, ...)
  if core.are_atoms(...) then return ... end
  local values = table.pack(...)
  for i = 1, values.n do
    values[i] = copy(values[i], ("%s, %s %d"):format(what, sort, i), where, most, true)
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
    return take_all(what, "result", where, math.maxinteger, fn(take_all(what, "argument", where, MOST, ...)))
  end
end

--- The same for a method: its object is passed as it is.
---@param method function
---@param what string
---@param where (fun(): string?)?
---@return function
function M.wrap_method(method, what, where)
  return function(self, ...)
    return take_all(what, "result", where, math.maxinteger, method(self, take_all(what, "argument", where, MOST, ...)))
  end
end

return M
