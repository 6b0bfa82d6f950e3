--- Operations on plain values: copy, comparison, times. Objects in the store are never changed in place, but copied
--- first.
local clock = require "o2x.base.clock"
local json = require "o2x.base.json"

local M = {}

--- The null of o2x.base.json.
M.null = json.null
--- Marks a table as an array, also if it is empty.
M.array = json.array

--- Whether a value is a list.
---@param v any
---@return boolean
function M.is_list(v) return type(v) == "table" and (json.is_array(v) or #v > 0) end

--- A deep copy; empty arrays stay arrays.
---@generic T
---@param v T
---@param levels integer? how many levels of tables are copied; all if absent
---@return T
function M.copy(v, levels)
  if type(v) ~= "table" or levels == 0 then return v end
  local t, below = {}, levels and levels - 1
  for k, x in pairs(v) do
    t[k] = type(x) == "table" and M.copy(x, below) or x
  end
  return json.is_array(v) and json.array(t) or t
end

--- Whether two values are equal, recursively.
---@param a any
---@param b any
---@return boolean
function M.equal(a, b)
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  for k, x in pairs(a) do
    if not M.equal(x, b[k]) then return false end
  end
  for k in pairs(b) do
    if a[k] == nil then return false end
  end
  return true
end

--- The value at a path of keys, or nil.
---@param v any
---@param ... string|integer
---@return any
function M.get(v, ...)
  for _, key in ipairs { ... } do
    if type(v) ~= "table" then return nil end
    v = v[key]
  end
  return v
end

--- The keys of a table, sorted.
---@param t table?
---@return string[]
M.keys = require "o2x.base.sorted_keys"

--- Merges tables into a new one. Later ones override earlier ones.
---@generic K, V
---@param ... table<K, V>?
---@return table<K, V>
function M.merged(...)
  local t = {}
  for i = 1, select("#", ...) do
    for k, v in pairs(select(i, ...) or {}) do
      t[k] = v
    end
  end
  return t
end

--- A time in the API's format.
---@param seconds number since the epoch
---@return string
function M.time(seconds) return clock.iso(math.floor(seconds)) end

--- The time in the API's format as a number.
---@param text string?
---@return number? seconds since the epoch; nil if there is no valid time
function M.seconds(text)
  local ok, seconds = pcall(clock.parse, text or "")
  return ok and seconds or nil
end

return M
