--- The shape that an answer of a server must have. A wrong one is an error that names the server and the field, and
--- never an error of Lua somewhere behind it.
---
---   "string", "number", "integer", "boolean", "map" (a table that is no list), "secret", "any", "scalar" (one of the
---   first four)
---   "string?" …                     the same, or absent, or null
---   { "each", FORM }                a list of that; { "each?", FORM } may be absent, or null
---   { name = FORM, … }              a map that has at least these fields
---   { "?", name = FORM, … }         the same, or absent, or null

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local secret = require "o2x.base.secret"
local unknown = require "o2x.base.unknown"

local M = {}

-- JSON's lists are marked; those that o2x has copied may not be.
local function is_list(value) return json.is_array(value) and #value > 0 or rawget(value, 1) ~= nil end

local function kind_of(value)
  if value == nil or value == json.null then return "nothing" end
  if type(value) == "table" then return (json.is_array(value) or is_list(value)) and "a list" or "a map" end
  return "a " .. type(value)
end

local check

local function check_each(value, form)
  if type(value) ~= "table" or not is_list(value) and next(value) ~= nil then return "", "a list", kind_of(value) end
  for i, item in ipairs(value) do
    local where, wanted, got = check(item, form)
    if where then return ("[%d]%s"):format(i, where), wanted, got end
  end
end

local function check_map(value, form)
  if type(value) ~= "table" or is_list(value) then return "", "a map", kind_of(value) end
  for name, inner in pairs(form) do
    if name ~= 1 then
      if value[name] == json.null then value[name] = nil end
      local where, wanted, got = check(value[name], inner)
      if where then return "." .. name .. where, wanted, got end
    end
  end
end

local NAMED <const> = {
  string = function(value) return type(value) == "string" end,
  number = function(value) return type(value) == "number" end,
  integer = function(value) return math.type(value) == "integer" end,
  boolean = function(value) return type(value) == "boolean" end,
  map = function(value) return type(value) == "table" and not is_list(value) end,
  secret = function(value) return secret.is(value) end,
  scalar = function(value)
    local kind = type(value)
    return kind == "string" or kind == "number" or kind == "boolean"
  end,
  any = function(value) return value ~= nil end,
}

-- "string?" → { name = "string", optional = true }, for the words of all forms.
local words = {}

local function word(form)
  local name, mark = form:match "^(%a+)(%??)$"
  words[form] = { name = name, fits = NAMED[name], optional = mark == "?" }
  return words[form]
end

-- -> nothing if it fits; else the path from here on, what is wanted there, what is there
function check(value, form)
  if unknown.is(value) then return end -- a plan's: the run looks at it
  local absent = value == nil or value == json.null
  if type(form) == "table" then
    if (form[1] == "?" or form[1] == "each?") and absent then return end
    if form[1] == "each" or form[1] == "each?" then return check_each(value, form[2]) end
    return check_map(value, form)
  end
  local known = words[form] or word(form)
  if absent and known.optional or not absent and known.fits(value) then return end
  return "", (known.name:find("^[aeiou]") and "an " or "a ") .. known.name, kind_of(value)
end

--- Does a value have a form? Fields that are null are removed where the form names them.
---@param value any decoded JSON
---@param form string|table
---@return string? problem "data.version: expected an integer, got nothing"; nil if it fits
function M.problem(value, form)
  local path, wanted, got = check(value, form)
  if not path then return nil end
  path = path:gsub("^%.", "")
  return ("%sexpected %s, got %s"):format(path ~= "" and path .. ": " or "", wanted, got)
end

--- Returns the value, or raises an error of kind "failed".
---@generic T
---@param value T decoded JSON
---@param form string|table
---@param what string whose answer to what it is: "Vault: read tenant/a"
---@param module string? for the error
---@param hint string? if it is no server that answers
---@return T
function M.check(value, form, what, module, hint)
  local problem = M.problem(value, form)
  if not problem then return value end
  errors.raise {
    kind = "failed",
    module = module,
    code = "shape",
    message = ("%s: unexpected answer: %s"):format(what, problem),
    hint = hint or "is the address right? something else may be answering there",
  }
end

return M
