--- Explains a wrong argument by the doc comment of the function that got it: "vault.read: path must be a string, got a
--- table" instead of an error from inside o2x. Read only after such an error: parsing the sources takes time.

local errors = require "o2x.base.error"
local lazy = require "o2x.base.lazy"
local reference = lazy "o2x.script.reference"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

local M = {}

local NAMES <const> = {
  string = { string = true, number = true },
  number = { number = true },
  integer = { number = true },
  boolean = { boolean = true },
  userdata = { userdata = true },
  table = { table = true },
  ["function"] = { ["function"] = true },
  ["nil"] = { ["nil"] = true },
  ["true"] = { boolean = true },
  ["false"] = { boolean = true },
}

-- ---- types, as the doc comments write them ----

-- A parser over a text: each function takes a position and gives a type and the position after it. A type is
-- { any } or a list of alternatives { kind, item, fields }.
local union

local function skip(text, at) return text:find("[^%s]", at) or #text + 1 end

local function fields_of(text, at)
  local fields = {}
  at = skip(text, at + 1)
  while text:sub(at, at) ~= "}" do
    local name, after = text:match("^([%w_]+):%s*()", at)
    if not name then return nil, text:match("^%b{}()", at - 1) or #text + 1 end
    fields[name], at = union(text, after)
    at = skip(text, at)
    if text:sub(at, at) == "," then at = skip(text, at + 1) end
    if at > #text then break end
  end
  return fields, at + 1
end

local function primary(text, at)
  local first = text:sub(at, at)
  if first == "{" then
    local stop = text:match("^%b{}()", at)
    local fields = stop and fields_of(text, at)
    return { kind = "table", fields = fields }, stop or #text + 1
  elseif first == "(" then
    local inner, after = union(text, at + 1)
    return { kind = "union", inner = inner }, after + 1
  elseif text:match("^fun%(", at) then
    local after = text:match("^fun%b()()", at) or #text + 1
    local returns = text:match("^:%s*()", after)
    if returns then after = select(2, union(text, returns)) end
    return { kind = "function" }, after
  elseif first == '"' then
    return { kind = "string" }, text:match('^"[^"]*"()', at) or #text + 1
  elseif text:match("^table<", at) then
    return { kind = "table" }, text:match("^table%b<>()", at) or #text + 1
  end
  local name, after = text:match("^([%a_][%w_.]*)()", at)
  return { kind = name or "any" }, after or #text + 1
end

function union(text, at)
  local alternatives = {}
  while true do
    local one
    one, at = primary(text, skip(text, at))
    while text:match("^%[%]", at) do
      one, at = { kind = "table", item = { one } }, at + 2
    end
    alternatives[#alternatives + 1] = one
    if text:sub(at, at) == "?" then
      alternatives[#alternatives + 1], at = { kind = "nil" }, at + 1
    end
    if text:sub(at, at) ~= "|" then return alternatives, at end
    at = at + 1
  end
end

-- ---- checking ----

local mismatch

local function inside(one, given, path, strict)
  for name, expected in pairs(one.fields or {}) do
    local where, what, found = mismatch(expected, given[name], path .. "." .. name, strict)
    if where then return where, what, found end
  end
  for i, item in ipairs(one.item and given or {}) do
    local where, what, found = mismatch(one.item, item, ("%s[%d]"):format(path, i), strict)
    if where then return where, what, found end
  end
end

-- A number does for a string, mostly: Lua makes a text of it. Where that was the mistake, numbers are looked at, too.
local function fits(one, given, strict)
  if one.kind == "union" then return mismatch(one.inner, given, "", strict) == nil end
  if strict and type(given) == "number" and one.kind == "string" then return false end
  if strict and one.kind == "integer" then return math.tointeger(given) ~= nil end
  local names = NAMES[one.kind]
  if names then return names[type(given)] or false end
  return one.kind == "any" or given ~= nil
end

local function name_of(alternatives)
  local names = {}
  for _, one in ipairs(alternatives) do
    if one.kind ~= "nil" then names[#names + 1] = one.kind end
  end
  return table.concat(names, " or ")
end

-- The place of the first value that is not of its type, what its type is, and the value; nil if there is none.
function mismatch(alternatives, given, path, strict)
  if value.is_unknown(given) then return nil end
  for _, one in ipairs(alternatives) do
    if fits(one, given, strict) then return inside(one, given, path, strict) end
  end
  return path, name_of(alternatives), given
end

local function described(given)
  if secret.is(given) then return "a secret" end
  return given == nil and "nothing" or "a " .. type(given)
end

-- Parameter → its type as the comment writes it; a long one goes on in the next lines.
local function types_of(doc)
  local types, last = {}, nil
  for _, line in ipairs(doc) do
    local name, rest = line:match("^@param ([%w_.]+)%?? (.*)$")
    if name then
      types[name], last = rest, name
    elseif last and line:match("^%s%s") then
      types[last] = types[last] .. line
    else
      last = nil
    end
  end
  return types
end

--- What is wrong with the arguments of a call, by the doc comment of the function.
---@param api string "vault"
---@param name string "ensure"; of an object's method too
---@param arguments table packed
---@param strict boolean? a number is no string, and only a whole number an integer
---@return string? message nil if they are as the comment says
function M.problem(api, name, arguments, strict)
  local entry = (reference.of(api) or {})[name]
  local types = entry and types_of(entry.doc) or {}
  for i, param in ipairs(entry and entry.params or {}) do
    if types[param] and param ~= "..." then
      local where, what, given = mismatch((union(types[param], 1)), arguments[i], param, strict)
      if where then return ("%s must be a %s, got %s"):format(where, what, described(given)) end
    end
  end
end

-- What a function in C says of its argument: "1 to 72 bytes without NUL expected".
local function said_in_c(message)
  local what = message:match "bad argument #%d+ to '[^']*' (%b())"
  return what and "wrong argument: " .. what:sub(2, -2)
end

local ADDRESSES <const> = { "table: 0x", "function: 0x", "userdata: 0x" }

local function shows_address(message)
  for _, text in ipairs(ADDRESSES) do
    if message:find(text, 1, true) then return true end
  end
  return false
end

-- The message of an error that only says that an argument was not what the function expected; nil for others.
local function explanation(err, api, name, arguments)
  local message = tostring(err.message)
  if err.kind ~= "bug" and not shows_address(message) then return nil end
  local problem = M.problem(api, name, arguments) or M.problem(api, name, arguments, true)
  return problem or err.kind == "bug" and said_in_c(message) or nil
end

local CALLER <const> = { input = true, refused = true } -- kinds of errors that the caller's line is to blame for

--- Makes an api's function explain its caller's mistake, and say on which line it is.
---@param fn function
---@param api string
---@param name string
---@param where (fun(): string?)? gives the script's line
---@param said (fun(): string?, string?)? gives where and line of what the api itself refuses (Sandbox:said)
---@param is_method boolean? its first argument is the object
---@return function
function M.explain(fn, api, name, where, said, is_method)
  local function answer(arguments, ok, ...)
    if ok then return ... end
    local err = ...
    local message = explanation(err, api, name, arguments)
    if not message then
      if CALLER[err.kind] and not err.where and said then
        local at, line = said()
        errors.amend(err, { where = at, line = line })
      end
      error(err, 0)
    end
    errors.input(("%s.%s: %s"):format(api, name, message), nil, where and where())
  end
  return function(...) return answer(table.pack(select(is_method and 2 or 1, ...)), xpcall(fn, errors.handler, ...)) end
end

return M
