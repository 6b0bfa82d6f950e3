--- Finds objects by their labels without looking at all of them. A label is indexed when a selector first asks for it.

local M = {}

---@class lab.k8s.LabelIndex
---@field by table<string, table<string, table<string, { count: integer, keys: table<string, true> }>>> store → label →
---  value → keys of the objects
local Index = {}
Index.__index = Index

--- A new index.
---@return lab.k8s.LabelIndex
function M.new() return setmetatable({ by = {} }, Index) end

local function change(values, label, key, present)
  if not label then return end
  values[label] = values[label] or { count = 0, keys = {} }
  local entry = values[label]
  if (entry.keys[key] ~= nil) == present then return end
  entry.keys[key], entry.count = present or nil, entry.count + (present and 1 or -1)
end

--- Takes a change of an object over.
---@param store string
---@param key string
---@param before table? object until now
---@param object table? object from now on
function Index:changed(store, key, before, object)
  for name, values in pairs(self.by[store] or {}) do
    change(values, before and (before.metadata.labels or {})[name], key, false)
    change(values, object and (object.metadata.labels or {})[name], key, true)
  end
end

local function values_of(self, store, name, objects)
  self.by[store] = self.by[store] or {}
  local found = self.by[store][name]
  if found then return found end
  found = {}
  for key, object in pairs(objects) do
    change(found, (object.metadata.labels or {})[name], key, true)
  end
  self.by[store][name] = found
  return found
end

-- The entries of the values that a requirement allows, and how many objects they have.
local function candidates(self, store, requirement, objects)
  local list, count = {}, 0
  local values = values_of(self, store, requirement.key, objects)
  for label in pairs(requirement.values) do
    local entry = values[label]
    if entry then
      list[#list + 1], count = entry.keys, count + entry.count
    end
  end
  return list, count
end

--- The keys of the objects that can match a selector: all that do, and maybe others.
---@param store string
---@param requirements table[] of lab.k8s.selector
---@param objects table<string, table> all of the store
---@return string[]? keys nil: the selector names no value
function Index:keys(store, requirements, objects)
  local best, least
  for _, requirement in ipairs(requirements) do
    if requirement.op == "in" then
      local list, count = candidates(self, store, requirement, objects)
      if not least or count < least then
        best, least = list, count
      end
    end
  end
  if not best then return nil end
  local keys = {}
  for _, set in ipairs(best) do
    for key in pairs(set) do
      keys[#keys + 1] = key
    end
  end
  return keys
end

return M
