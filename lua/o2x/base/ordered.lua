---Tables with a remembered key order. They are plain tables; the order is stored in a weak table.

local M = {}

local orders = setmetatable({}, { __mode = "k" })

---The orders themselves, table → keys, for native code that makes or reads many tables. Others use the functions below.
---@type table<table, string[]>
M.all = orders

---Sets the key order of a table; other keys follow, sorted.
---@generic T: table
---@param t T
---@param keys string[] each once
---@return T
function M.mark(t, keys)
  orders[t] = keys
  return t
end

---Creates a table from a list of pairs: `ordered.new { { "name", "x" }, { "value", 1 } }`.
---@param pairs_list any[][]
---@return table
function M.new(pairs_list)
  local t, keys = {}, {}
  for _, pair in ipairs(pairs_list) do
    if t[pair[1]] == nil then keys[#keys + 1] = pair[1] end
    t[pair[1]] = pair[2]
  end
  return M.mark(t, keys)
end

---Gives a copy of a table the table's order.
---@param from table
---@param to table
---@return table to
function M.copy(from, to)
  orders[to] = orders[from]
  return to
end

---Has the table an order of its own?
---@param t table
---@return boolean
function M.is(t) return orders[t] ~= nil end

---The keys of a table in its order, or sorted if it has none.
---@param t table
---@return any[]
function M.keys(t)
  local keys, seen, rest = {}, {}, {}
  for _, key in ipairs(orders[t] or {}) do
    if t[key] ~= nil and not seen[key] then
      seen[key] = true
      keys[#keys + 1] = key
    end
  end
  for key in next, t do
    if not seen[key] then rest[#rest + 1] = key end
  end
  table.sort(rest, function(a, b) return tostring(a) < tostring(b) end)
  return table.move(rest, 1, #rest, #keys + 1, keys)
end

return M
