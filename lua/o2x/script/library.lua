--- The Lua library for scripts: an allow-list of read-only functions whose results do not depend on addresses or hash
-- order. pcall cannot catch cancellation, the CPU limit or a final refusal.

local core = require "o2x.core.sandbox"
local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local native = require "o2x.core.library"
local ordered_pairs = require "o2x.core.pairs"
local pattern = require "o2x.core.pattern"
local task = require "o2x.base.task"
local unknown = require "o2x.base.unknown"
local value = require "o2x.base.value"

local M = {}

local find, gsub = string.find, string.gsub

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
made[debug.getmetatable(unknown.value)] = true -- its __pairs counts, too; it hides itself from getmetatable

local function check_setmetatable(t, metatable)
  if type(t) ~= "table" or type(metatable) ~= "table" and metatable ~= nil then return end -- Lua says what is wrong
  local current = debug.getmetatable(t)
  if current and not made[current] then error("this metatable is read-only", 3) end
  if metatable == nil then return end
  if frozen.contents[metatable] then error("setmetatable: a read-only table cannot be a metatable", 3) end
  for _, field in ipairs { "__gc", "__mode" } do
    if rawget(metatable, field) ~= nil then error(field .. " is not available in runbooks", 3) end
  end
  made[metatable] = true
end

local function safe_getmetatable(t)
  local metatable = type(t) == "table" and debug.getmetatable(t)
  return metatable and made[metatable] and getmetatable(t) or nil
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

-- A script must not go on after a refusal that tells it whether it guessed a secret.
local function is_final(err) return errors.is(err) and err.final end

local function pass_on(ok, ...)
  if not ok and (task.cancelled() or core.expired() or is_final((...))) then error((...), 0) end
  return ok, ...
end

local function restored(context, catches, ...)
  context.catches = catches
  return ...
end

-- A plan does not go on after an error that the script itself catches: what it does then is part of the plan.
local function catch(...)
  local context = task.context()
  local catches = rawget(context, "catches")
  context.catches = true
  return pass_on(restored(context, catches, pcall(...)))
end

local function safe_pcall(...)
  if select("#", ...) == 0 then error("bad argument #1 to 'pcall' (value expected)", 2) end
  return catch(...)
end

-- The handler runs after the stack was unwound, so that cancellation and the CPU limit apply to it, too.
local function safe_xpcall(...)
  local fn, handler = ...
  if type(handler) ~= "function" then
    local got = select("#", ...) < 2 and "no value" or type(handler)
    error(("bad argument #2 to 'xpcall' (function expected, got %s)"):format(got), 2)
  end
  local results = table.pack(catch(fn, select(3, ...)))
  if results[1] then return table.unpack(results, 1, results.n) end
  local _, answer = pass_on(pcall(handler, results[2]))
  return false, answer
end

-- The error of an interrupted run, kept by a script that closed a variable meanwhile, must not end another run.
local function is_stale(raised) return errors.is(raised) and raised.kind == "cancelled" and not task.cancelled() end

-- The checks below stand before functions of Lua (host/library.c): they raise an error at the script's line, which is
-- level 3, or return other arguments, or nothing.

local function check_error(raised, ...)
  if is_stale(raised) then return tostring(raised), ... end
end

local function check_rep(s, n, separator)
  local length = #tostring(s) + #tostring(separator or "")
  if length * (tonumber(n) or 0.0) > MAX_STRING then error("string.rep: the result would be too long", 3) end
  if length == 0 and tonumber(n) then return s, 1 end -- Lua would count to n
end

local ADDRESSED <const> = { table = true, ["function"] = true }

local MANY <const> = 16 -- arguments that are not looked at one by one

local function with_shown(format, ...)
  local arguments = table.pack(...)
  for i = 1, arguments.n do
    if ADDRESSED[type(arguments[i])] then arguments[i] = value.shown(arguments[i]) end
  end
  return format, table.unpack(arguments, 1, arguments.n)
end

local function check_format(format, ...)
  local text = tostring(format)
  if find(text, "p", 1, true) and find((gsub(text, "%%%%", "")), "%%[-+ #0-9.]*p") then
    error("string.format: %p is not available in runbooks", 3)
  end
  local count = select("#", ...)
  if count > MANY then return with_shown(format, ...) end
  for i = 1, count do
    if ADDRESSED[type((select(i, ...)))] then return with_shown(format, ...) end
  end
end

-- As floats, because the difference of two integers may wrap around.
local function check_span(what, first, last)
  if (tonumber(last) or 0) + 0.0 - (tonumber(first) or 0) > MAX_SPAN then error(what .. ": too many elements", 4) end
end

-- The length is asked for once: a metatable of the script may answer differently each time.
local function check_unpack(t, first, last)
  if type(t) ~= "table" then return end
  first, last = first or 1, last or #t
  check_span("table.unpack", first, last)
  return t, first, last
end

local function check_concat(t, separator, first, last)
  if type(t) ~= "table" then return end
  first, last = first or 1, last or #t
  check_span("table.concat", first, last)
  return t, separator, first, last
end

local function check_move(_, first, last) check_span("table.move", first, last) end

local function compare(a, b) return a < b end

local HERE <const> = debug.getinfo(1, "S").short_src

-- Lua's own order compares in C, where nothing can stop it. This one does the same, with the same errors.
local function less(a, b)
  local kind = type(a)
  if kind == type(b) and (kind == "number" or kind == "string") then return a < b end
  local ok, result = pcall(compare, a, b)
  if ok then return result end
  local place, rest = tostring(result):match("^(.-):%d+: (.*)$")
  error(place == HERE and rest or result, 0)
end

local function check_sort(t, before)
  if type(t) ~= "table" then return end
  check_span("table.sort", 1, #t)
  return t, before == nil and less or before
end

local function strings()
  ---@type table<string, function> as in the Lua manual
  local lib = pick(string, "byte char len lower reverse sub upper pack unpack packsize")
  for _, name in ipairs { "find", "match", "gmatch", "gsub" } do
    lib[name] = pattern[name] -- Lua's own cannot be stopped
  end
  lib.rep = native.checked(string.rep, check_rep)
  lib.format = native.format(string.format, check_format)
  return lib
end

local function tables()
  local lib = pick(table, "insert pack remove")
  lib.sort = native.checked(table.sort, check_sort)
  lib.unpack = native.checked(table.unpack, check_unpack)
  lib.concat = native.checked(table.concat, check_concat)
  lib.move = native.checked(table.move, check_move)
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
    if not high and math.tointeger(low) == 0 then return next_bits() end
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
    assert = native.assert(error, check_error),
    error = native.checked(error, check_error),
    ipairs = native.checked(ipairs, unknown.refuse_walk),
    next = first_only,
    pairs = ordered_pairs.new(made, frozen.contents, frozen.view),
    pcall = safe_pcall,
    xpcall = safe_xpcall,
    select = select,
    tonumber = tonumber,
    tostring = value.shown,
    type = type,
    rawequal = rawequal,
    rawlen = raw_len,
    rawget = raw_get,
    setmetatable = native.checked(setmetatable, check_setmetatable),
    getmetatable = safe_getmetatable,
    string = frozen.fixed(string_library),
    table = frozen.fixed(tables()),
    math = frozen.fixed(numbers(seed)),
    utf8 = frozen.fixed(pick(utf8, "char charpattern codepoint codes len offset")),
  }
end

return M
