--- The writes that a plan would have made so far. Reads of the plan look here first, so later steps see earlier ones.

local M = {}

local Overlay = {}
Overlay.__index = Overlay

--- An empty overlay.
---@return table overlay
function M.new() return setmetatable({ kinds = {} }, Overlay) end

--- Has the plan written this target?
---@param kind string
---@param key string
---@return boolean known
---@return any value nil if it would have been deleted
function Overlay:get(kind, key)
  local entry = self.kinds[kind] and self.kinds[kind][key]
  if entry then return true, entry.value end
  return false
end

--- Would the plan have created this target?
---@param kind string
---@param key string
---@return boolean
function Overlay:is_new(kind, key)
  local entry = self.kinds[kind] and self.kinds[kind][key]
  return entry ~= nil and entry.new and entry.value ~= nil
end

--- Records a write.
---@param kind string
---@param key string
---@param value any nil for a deletion
---@param new boolean would the write create it?
function Overlay:set(kind, key, value, new)
  local entries = self.kinds[kind] or {}
  self.kinds[kind] = entries
  local earlier = entries[key]
  if earlier then new = earlier.new end
  entries[key] = { value = value, new = new }
end

return M
