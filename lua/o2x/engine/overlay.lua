--- The writes that a plan would have made so far. Reads of the plan look here first, so later steps see earlier ones.

local M = {}

local Overlay = {}
Overlay.__index = Overlay

--- An empty overlay.
---@return table overlay
function M.new() return setmetatable({ kinds = {}, count = 0 }, Overlay) end

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

-- The value that the plan has written, or the one that is there.
local function current_of(self, gate, effect_type, target, key)
  local known, current = self:get(effect_type.kind, key)
  if known then return current end
  local is_new, parent = gate:parent_is_new(effect_type, target)
  if is_new then return effect_type.initial and effect_type.initial(gate.ctx, target, parent) end
  return gate:read_live { type = effect_type, target = target, key = key }
end

--- The value of a target as the plan sees it.
---@param gate table
---@param effect_type o2x.effect_type
---@param target any
---@param key string
---@return any
function Overlay:read(gate, effect_type, target, key)
  local current = current_of(self, gate, effect_type, target, key)
  if effect_type.ahead then return effect_type.ahead(gate.ctx, target, current) end
  return current
end

--- The same writes once more: what is added to the copy is not in this one.
---@return table overlay
function Overlay:copy()
  local copy = M.new()
  for kind, entries in pairs(self.kinds) do
    copy.kinds[kind] = {}
    for key, entry in pairs(entries) do
      copy.kinds[kind][key] = entry
    end
  end
  copy.count = self.count
  return copy
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
---@param target any? for written
function Overlay:set(kind, key, value, new, target)
  local entries = self.kinds[kind] or {}
  self.kinds[kind] = entries
  local earlier = entries[key]
  if earlier then new = earlier.new end
  self.count = self.count + 1
  entries[key] = { value = value, new = new, target = target, number = self.count }
end

--- What the plan has written of some kinds, in the order in which it did.
---@param kinds string[]
---@return { kind: string, key: string, target: any, value: any, number: integer }[]
function Overlay:written(kinds)
  local list = {}
  for _, kind in ipairs(kinds) do
    for key, entry in pairs(self.kinds[kind] or {}) do
      list[#list + 1] = { kind = kind, key = key, target = entry.target, value = entry.value, number = entry.number }
    end
  end
  table.sort(list, function(a, b) return a.number < b.number end)
  return list
end

return M
