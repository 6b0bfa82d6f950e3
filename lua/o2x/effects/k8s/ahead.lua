--- What earlier steps of a plan would have made of an object: an object is written as a whole, by its fields and by its
--- number of replicas, and whoever reads it in one way sees what was written in another. Part of o2x.k8s.

local json = require "o2x.base.json"
local support = require "o2x.effects.k8s.support"
local value = require "o2x.base.value"

local M = {}

local KINDS <const> = { "k8s.object", "k8s.fields", "k8s.replicas" }
local REPLICAS <const> = "spec.replicas"
local REPLICAS_PLACES <const> = { [REPLICAS] = { "spec", "replicas" } }

-- What the plan has written to an object since it was last written as a whole. -> list, and that whole
local function written_to(ctx, target)
  local key, list, whole = support.key(target), {}, nil
  for _, one in ipairs(ctx:written_ahead(KINDS)) do
    if support.key(one.target) == key then
      if one.kind == "k8s.object" then
        list, whole = {}, one
      else
        list[#list + 1] = one
      end
    end
  end
  return list, whole
end

-- The fields that a write sets, by their names, and their paths.
local function fields_of(one)
  if one.kind == "k8s.replicas" then return { [REPLICAS] = one.value }, REPLICAS_PLACES end
  return one.value, one.target.places
end

local function copy_of(item)
  local copy = {}
  for name, part in pairs(type(item) == "table" and item or {}) do
    copy[name] = part
  end
  return copy
end

-- Sets one field; only what is on its path is copied.
local function put(object, path, item)
  local at = object
  for i = 1, #path - 1 do
    at[path[i]] = copy_of(at[path[i]])
    at = at[path[i]]
  end
  at[path[#path]] = item ~= json.null and item or nil
end

--- An object with the fields that the plan would have set in it.
---@param ctx table
---@param target table
---@param current table? the object
---@return table? object nil if the plan would have removed it
function M.object(ctx, target, current)
  local list, whole = written_to(ctx, target)
  if whole and whole.value == nil then return nil end
  if type(current) ~= "table" or #list == 0 then return current end
  local object = copy_of(current)
  for _, one in ipairs(list) do
    local fields, places = fields_of(one)
    for text, path in pairs(places) do
      put(object, path, fields[text])
    end
  end
  return object
end

--- Fields of an object as the plan would have left them.
---@param ctx table
---@param target table with places: name of a field → path
---@param current table<string, any>? name → value; nil if there is no object
---@return table<string, any>? fields
function M.fields(ctx, target, current)
  local list, whole = written_to(ctx, target)
  if whole and whole.value == nil then return nil end
  if value.is_unknown(current) or not (current or whole) then return current end
  local found = copy_of(current)
  for text, path in pairs(target.places) do
    local item = whole and support.lookup(whole.value, path)
    if item == nil then item = found[text] end
    found[text] = item == nil and json.null or item
  end
  for _, one in ipairs(list) do
    local fields = fields_of(one)
    for text in pairs(target.places) do
      if fields[text] ~= nil then found[text] = fields[text] end
    end
  end
  return found
end

--- The number of replicas of a workload as the plan would have left it.
---@param ctx table
---@param target table
---@param current integer?
---@return integer?
function M.replicas(ctx, target, current)
  local of = { kind = target.kind, api_version = target.api_version, name = target.name, namespace = target.namespace }
  of.places = REPLICAS_PLACES
  local found = M.fields(ctx, of, current and { [REPLICAS] = current })
  local count = found and found[REPLICAS]
  if count == json.null then return current or 1 end
  return count
end

return M
