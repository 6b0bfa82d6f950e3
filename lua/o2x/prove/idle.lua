--- What a run that changes nothing may leave or not: the own tables of o2x. The first lock of a platform makes them,
--- and such a run may do without its lock.

local M = {}

local OF_A_LOCK <const> = { "^%S+ schema o2x$", "^%S+ table o2x%.effect$", "^%S+ rows o2x%.effect$" }

local function is_of_a_lock(name, item)
  for _, pattern in ipairs(OF_A_LOCK) do
    if name:find(pattern) then return not name:find "rows" or type(item) == "table" and next(item) == nil end
  end
  return false
end

--- Leaves out of two pictures o2x's own tables where one side has none, and the other no row in them.
---@param expected table part → item → flat table; what differs
---@param found table
function M.settle(expected, found)
  local sides = { expected.postgres or {}, found.postgres or {} }
  for i, items in ipairs(sides) do
    local other = sides[3 - i]
    for name, item in pairs(items) do
      if other[name] == nil and is_of_a_lock(name, item) then items[name] = nil end
    end
  end
end

return M
