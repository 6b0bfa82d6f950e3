--- Keeps what tables hold and puts it back. Each table keeps its identity, so whoever holds a reference to one of them
--- sees the old content again; nothing is copied when it is put back.

local M = {}

-- One table: its content now, and those of the tables in it that are still to be kept.
local function keep_one(kept, found, depth)
  local content = {}
  for key, value in pairs(found) do
    content[key] = value
    if type(value) == "table" and depth > 1 then M.add(kept, value, depth - 1) end
  end
  kept[#kept + 1] = { table = found, content = content }
end

--- Adds a table and the tables in it to what is kept.
---@param kept table of M.keep
---@param root table
---@param depth integer how many levels of tables change in place; what is deeper is replaced, never changed
function M.add(kept, root, depth)
  if kept.seen[root] then return end
  kept.seen[root] = true
  keep_one(kept, root, depth)
end

--- Keeps a table and the tables in it.
---@param root table
---@param depth integer? how many levels of tables change in place; all if absent
---@return table kept
function M.keep(root, depth)
  local kept = { seen = {} }
  M.add(kept, root, depth or math.maxinteger)
  return kept
end

local function put_back_one(found, content)
  local changed = false
  for key in pairs(found) do
    if content[key] == nil then
      found[key], changed = nil, true
    end
  end
  for key, value in pairs(content) do
    if found[key] ~= value then
      found[key], changed = value, true
    end
  end
  return changed
end

--- Puts everything back.
---@param kept table of M.keep
---@return boolean changed whether anything was different
function M.put_back(kept)
  local changed = false
  for _, each in ipairs(kept) do
    if put_back_one(each.table, each.content) then changed = true end
  end
  return changed
end

--- Removes everything from a table, which keeps its identity.
---@param found table
function M.empty(found)
  for key in pairs(found) do
    found[key] = nil
  end
end

return M
