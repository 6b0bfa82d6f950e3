--- The Lua library for scripts: an allow-list of read-only functions whose results do not depend on addresses or hash
-- order. pcall cannot catch cancellation or the CPU limit.

local core = require "o2x.core.sandbox"
local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local task = require "o2x.base.task"

local M = {}

core.library(debug.getinfo(1, "S").source) -- the time that is spent here is that of the script that calls

local MAX_STRING = 64 * 1024 * 1024 -- bytes that string.rep may produce
local MAX_SPAN = 1000000 -- elements that table.move, concat and unpack may span

local function pick(library, names)
  local copy = {}
  for name in names:gmatch("%S+") do
    copy[name] = library[name]
  end
  return copy
end

-- Metatables that scripts set; all others are hidden from them.
local made = setmetatable({}, { __mode = "k" })

local function safe_setmetatable(t, metatable)
  if type(t) ~= "table" then error("setmetatable: expected a table", 2) end
  local current = debug.getmetatable(t)
  if current and not made[current] then error("this metatable is read-only", 2) end
  if metatable == nil then return setmetatable(t, nil) end
  if type(metatable) ~= "table" then error("setmetatable: expected a table", 2) end
  for _, field in ipairs { "__gc", "__mode" } do
    if rawget(metatable, field) ~= nil then error(field .. " is not available in runbooks", 2) end
  end
  made[metatable] = true
  return setmetatable(t, metatable)
end

local function safe_getmetatable(t)
  local metatable = type(t) == "table" and debug.getmetatable(t)
  return metatable and made[metatable] and getmetatable(t) or nil
end

local TYPE_ORDER = { number = 1, string = 2, boolean = 3 }

local function in_order(a, b)
  local x, y = TYPE_ORDER[type(a)], TYPE_ORDER[type(b)]
  if x ~= y then return x < y end
  if type(a) == "boolean" then return not a and b end
  return a < b
end

-- The same order in every process, because a resumed run must repeat the same steps. As in Lua, fields may be changed
-- and removed on the way, and __pairs decides if the script gave one.
local function sorted_pairs(t)
  local metatable = type(t) == "table" and debug.getmetatable(t)
  if metatable and made[metatable] and metatable.__pairs then
    local step, state, first = metatable.__pairs(t)
    return step, state, first
  end
  if type(t) ~= "table" then error("pairs: expected a table, got " .. type(t), 2) end
  local contents, keys = frozen.contents[t] or t, {}
  for key in next, contents do
    if not TYPE_ORDER[type(key)] then error(("pairs: a key is a %s, which has no order"):format(type(key)), 2) end
    keys[#keys + 1] = key
  end
  table.sort(keys, in_order)
  local i = 0
  return function()
    local key, item
    repeat
      i = i + 1
      key = keys[i]
      item = key ~= nil and rawget(contents, key)
    until key == nil or item ~= nil
    if contents ~= t then item = frozen.view(item) end
    return key, item
  end,
    t,
    nil
end

local function first_only(t, key)
  if key ~= nil then error("next only tests for an empty table, next(t) == nil; use pairs to iterate", 2) end
  local contents = frozen.contents[t]
  if not contents then return next(t) end
  local first, item = next(contents)
  return first, frozen.view(item)
end

-- The raw contents of a view are what it shows.
local function raw_get(t, key)
  local contents = frozen.contents[t]
  if contents then return frozen.view(rawget(contents, key)) end
  return rawget(t, key)
end

local function raw_len(t) return rawlen(frozen.contents[t] or t) end

local NO_ADDRESS = { table = true, ["function"] = true, thread = true }

--- tostring without addresses: "table" where Lua gives "table: 0x55…".
---@param v any
---@return string
function M.tostring(v)
  local metatable = debug.getmetatable(v)
  if NO_ADDRESS[type(v)] and not (metatable and metatable.__tostring) then return type(v) end
  return tostring(v)
end

local function pass_on(ok, err, ...)
  if not ok and (task.cancelled() or core.expired()) then error(err, 0) end
  return ok, err, ...
end

local function safe_pcall(...)
  if select("#", ...) == 0 then error("bad argument #1 to 'pcall' (value expected)", 2) end
  return pass_on(pcall(...))
end

-- The handler runs after the stack was unwound, so that cancellation and the CPU limit apply to it, too.
local function safe_xpcall(fn, handler, ...)
  if type(handler) ~= "function" then
    error(("bad argument #2 to 'xpcall' (function expected, got %s)"):format(type(handler)), 2)
  end
  local results = table.pack(pass_on(pcall(fn, ...)))
  if results[1] then return table.unpack(results, 1, results.n) end
  local _, answer = pass_on(pcall(handler, results[2]))
  return false, answer
end

-- The error of an interrupted run, kept by a script that closed a variable meanwhile, must not end another run.
local function is_stale(value) return errors.is(value) and value.kind == "cancelled" and not task.cancelled() end

local function safe_error(value, level)
  level = level == nil and 1 or level
  if math.type(level) == "integer" and level > 0 then level = level + 1 end
  if is_stale(value) then value = tostring(value) end
  error(value, level)
end

local function safe_assert(...)
  local ok, message = ...
  if not ok and is_stale(message) then error(tostring(message), 0) end
  return assert(...)
end

local function strings()
  ---@type table<string, function> as in the Lua manual
  local lib = pick(string, "byte char find gmatch gsub len lower match reverse sub upper pack unpack packsize")
  function lib.rep(s, n, separator)
    local length = (#s + #(separator or "")) * (tonumber(n) or 0)
    if length > MAX_STRING then error("string.rep: the result would be too long", 2) end
    return string.rep(s, n, separator)
  end
  function lib.format(format, ...)
    if tostring(format):gsub("%%%%", ""):find("%%[-+ #0-9.]*p") then
      error("string.format: %p is not available in runbooks", 2)
    end
    local arguments = table.pack(...)
    for i = 1, arguments.n do
      if NO_ADDRESS[type(arguments[i])] then arguments[i] = M.tostring(arguments[i]) end
    end
    return string.format(format, table.unpack(arguments, 1, arguments.n))
  end
  return lib
end

local function span(what, first, last)
  if (tonumber(last) or 0) - (tonumber(first) or 0) > MAX_SPAN then error(what .. ": too many elements", 3) end
end

local function tables()
  local lib = pick(table, "insert pack remove sort")
  function lib.unpack(t, first, last)
    span("table.unpack", first or 1, last or #t)
    return table.unpack(t, first, last)
  end
  function lib.concat(t, separator, first, last)
    span("table.concat", first or 1, last or #t)
    return table.concat(t, separator, first, last)
  end
  function lib.move(from, first, last, at, to)
    span("table.move", first, last)
    return table.move(from, first, last, at, to)
  end
  return lib
end

-- splitmix64: the same numbers for the same seed in every process. The constants are split for tools that cannot read
-- numbers above 2^63.
local GAMMA <const> = 0x9E3779B9 << 32 | 0x7F4A7C15
local MIX_1 <const> = 0xBF58476D << 32 | 0x1CE4E5B9
local MIX_2 <const> = 0x94D049BB << 32 | 0x133111EB

local function generator(seed)
  local state = seed
  local function next_bits()
    state = state + GAMMA
    local z = state
    z = (z ~ (z >> 30)) * MIX_1
    z = (z ~ (z >> 27)) * MIX_2
    return z ~ (z >> 31)
  end
  return function(low, high)
    if not low then return (next_bits() >> 11) * 2.0 ^ -53 end
    if not high then
      low, high = 1, low
    end
    low, high = math.tointeger(low), math.tointeger(high)
    if not low or not high or low > high then error("random: expected a range of integers", 2) end
    return low + (next_bits() & math.maxinteger) % (high - low + 1)
  end
end

local function numbers(seed)
  local lib = pick(
    math,
    "abs ceil cos deg exp floor fmod huge log max maxinteger min mininteger modf pi rad sin sqrt tan "
      .. "tointeger type ult"
  )
  lib.random = generator(seed)
  return lib
end

local string_library -- one per process, because all strings share a metatable

local function lock_strings()
  if string_library then return end
  string_library = strings()
  local metatable = debug.getmetatable("")
  metatable.__index = string_library
  metatable.__metatable = false
end

--- The names of the Lua library that scripts may use.
---@param seed integer for math.random
---@return table<string, any>
function M.new(seed)
  lock_strings()
  return {
    assert = safe_assert,
    error = safe_error,
    ipairs = ipairs,
    next = first_only,
    pairs = sorted_pairs,
    pcall = safe_pcall,
    xpcall = safe_xpcall,
    select = select,
    tonumber = tonumber,
    tostring = M.tostring,
    type = type,
    rawequal = rawequal,
    rawlen = raw_len,
    rawget = raw_get,
    setmetatable = safe_setmetatable,
    getmetatable = safe_getmetatable,
    string = frozen.new(string_library),
    table = frozen.new(tables()),
    math = frozen.new(numbers(seed)),
    utf8 = frozen.new(pick(utf8, "char charpattern codepoint codes len offset")),
  }
end

return M
