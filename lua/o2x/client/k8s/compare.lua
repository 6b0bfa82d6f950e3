--- Compares an object with the desired one. The server adds defaults, rewrites quantities and keeps other managers'
--- fields, so "equal" means: all desired fields are there, and no field that we applied earlier and no longer desire.
local fields = require "o2x.client.k8s.fields"
local json = require "o2x.base.json"
local quantity = require "o2x.client.k8s.quantity"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

local M = {}

M.FIELD_MANAGER = "o2x"

local MERGE_KEYS <const>, QUANTITIES <const> = fields.MERGE_KEYS, fields.QUANTITIES

local function is_list(t) return json.is_array(t) or #t > 0 end

local covers

local function covers_list(current, desired, key, merge)
  local keys = merge and MERGE_KEYS[key]
  if not keys then
    if #current ~= #desired then return false end
    for i, item in ipairs(desired) do
      if not covers(current[i], item, key, merge) then return false end
    end
    return true
  end
  for _, item in ipairs(desired) do
    local element = fields.counterpart(current, item, keys)
    if not element or not covers(element, item, key, merge) then return false end
  end
  return true
end

covers = function(current, desired, key, merge, amounts)
  if value.is_unknown(desired) then return false end
  if desired == json.null then return current == nil or current == json.null end
  if secret.is(desired) or secret.is(current) then
    -- Against another secret, or the reference that a journal keeps of one: never against clear text.
    return type(desired) ~= "string" and type(current) ~= "string" and value.equal(current, desired)
  end
  if type(desired) ~= "table" then
    return current == desired or (amounts or QUANTITIES[key] or false) and quantity.equal(current, desired)
  end
  if type(current) ~= "table" then return current == nil and next(desired) == nil end
  if is_list(desired) then return covers_list(current, desired, key, merge) end
  for name, item in pairs(desired) do
    if not covers(current[name], item, name, merge, amounts or QUANTITIES[key]) then return false end
  end
  return true
end

-- ---- fields that we applied before and no longer desire ----

local function find_keyed(list, text)
  local keys = json.decode(text)
  for _, element in ipairs(list) do
    local agree = type(element) == "table"
    for key, item in pairs(agree and keys or {}) do
      -- A field with a server default (a port's protocol) may be missing in the desired object.
      if element[key] ~= nil and element[key] ~= item then agree = false end
    end
    if agree then return element end
  end
end

local function has_value(list, text)
  local wanted = json.decode(text)
  for _, item in ipairs(list) do
    if item == wanted then return true end
  end
  return false
end

-- Walks fieldsV1 ("f:name", "k:{keys}", "v:value") along the desired value.
local function all_desired(managed, desired)
  for field, below in pairs(managed) do
    local sort, rest = field:match("^([fkv]):(.*)$")
    local item
    if sort == "f" then
      item = desired[rest]
    elseif sort == "k" then
      item = find_keyed(desired, rest)
    elseif sort == "v" then
      item = has_value(desired, rest) or nil
    end
    if sort and (item == nil or item == json.null) then return false end
    local deeper = type(item) == "table" and type(below) == "table" and next(below)
    if deeper and not all_desired(below, item) then return false end
  end
  return true
end

local function ours(current)
  for _, entry in ipairs(current.metadata and current.metadata.managedFields or {}) do
    if entry.manager == M.FIELD_MANAGER and entry.operation == "Apply" and not entry.subresource then
      return entry.fieldsV1
    end
  end
end

--- Whether the server's object is what is desired.
---@param current table? as the server gave it
---@param desired table
---@return boolean
function M.equal(current, desired)
  if not current then return desired == nil end
  if not desired or not covers(current, desired, nil, fields.is_builtin(desired)) then return false end
  local managed = ours(current)
  return not managed or all_desired(managed, desired)
end

-- A copy with another value at a path of fields.
local function with(object, path, at, item)
  local copy = {}
  for name, field in pairs(object) do
    copy[name] = field
  end
  copy[path[at]] = path[at + 1] and with(object[path[at]], path, at + 1, item) or item
  return setmetatable(copy, getmetatable(object))
end

--- A claim that was made larger cannot be made smaller again: its size is what the server has.
---@param current table? as the server gave it
---@param desired table?
---@return table? desired
function M.as_grown(current, desired)
  if not (current and desired) or desired.kind ~= "PersistentVolumeClaim" then return desired end
  local function storage_of(claim)
    local resources = (claim.spec or {}).resources
    return type(resources) == "table" and type(resources.requests) == "table" and resources.requests.storage or nil
  end
  local size, wanted = storage_of(current), storage_of(desired)
  local now, was = quantity.value(size), quantity.value(wanted)
  if not (now and was and now > was) then return desired end
  return with(desired, { "spec", "resources", "requests", "storage" }, 1, size)
end

--- Whether everything of `desired` is in `current`, as parts of objects of the server's own kinds.
---@param current any
---@param desired any
---@return boolean
function M.covers(current, desired) return covers(current, desired, nil, true) end

--- The part of the server's object that `desired` speaks of, with quantities as `desired` writes them: what a diff
--- shows.
---@param current any
---@param desired any
---@param key string? the field's name
---@param amounts boolean? whether the values below are quantities
---@return any
function M.project(current, desired, key, amounts)
  if value.is_unknown(desired) then return current end
  if type(current) ~= "table" or type(desired) ~= "table" then
    if (amounts or QUANTITIES[key]) and quantity.equal(current, desired) then return desired end
    return current
  end
  if is_list(desired) then
    local keys, out = MERGE_KEYS[key], {}
    for i, item in ipairs(desired) do
      local element = current[i]
      if keys and type(item) == "table" then element = fields.counterpart(current, item, keys) end
      if element ~= nil then out[#out + 1] = M.project(element, item, key) end
    end
    for i = #desired + 1, keys and 0 or #current do
      out[#out + 1] = current[i]
    end
    return out
  end
  local out = {}
  for name, item in pairs(desired) do
    out[name] = M.project(current[name], item, name, amounts or QUANTITIES[key])
  end
  return out
end

-- The elements of a list that fieldsV1 names, in the order of the list.
local function owned_items(list, managed, owned)
  local items = {}
  for _, element in ipairs(list) do
    for field, below in pairs(managed) do
      local sort, rest = field:match "^([kv]):(.*)$"
      local named = sort == "k" and find_keyed({ element }, rest) ~= nil or sort == "v" and has_value({ element }, rest)
      if named then items[#items + 1] = sort == "k" and owned(element, below) or element end
    end
  end
  return json.array(items)
end

-- The part of an object that fieldsV1 names.
local function owned(object, managed)
  if type(object) ~= "table" or next(managed) == nil then return object end
  if is_list(object) then return owned_items(object, managed, owned) end
  local part = {}
  for field, below in pairs(managed) do
    local name = field:match "^f:(.*)$"
    if name and object[name] ~= nil then part[name] = owned(object[name], below) end
  end
  return part
end

local function add(to, more)
  for name, item in pairs(more) do
    if to[name] == nil then
      to[name] = item
    elseif type(to[name]) == "table" and type(item) == "table" and not is_list(item) and not is_list(to[name]) then
      add(to[name], item)
    end
  end
  return to
end

--- The part of the server's object that an apply of `desired` may change: the fields that it speaks of, and those that
--- o2x applied earlier, which the server removes if they are no longer desired.
---@param current table
---@param desired table
---@return table
function M.concerned(current, desired)
  local part, managed = M.project(current, desired), ours(current)
  return managed and add(part, owned(current, managed)) or part
end

--- What o2x applied of an object: enough to make it again. The rest is of the server and of controllers.
---@param object table with managedFields
---@return table? part nil: o2x did not apply it
function M.applied(object)
  local managed = ours(object)
  if not managed then return nil end
  local part = owned(object, managed)
  part.apiVersion, part.kind, part.metadata = object.apiVersion, object.kind, part.metadata or {}
  part.metadata.name, part.metadata.namespace = object.metadata.name, object.metadata.namespace
  return part
end

-- Fields that the server writes.
local SERVER_FIELDS = {
  "managedFields",
  "resourceVersion",
  "uid",
  "generation",
  "creationTimestamp",
  "selfLink",
  "deletionTimestamp",
}

--- An object without the server's own fields, so that it can be applied again.
---@param object table
---@return table copy (shallow below metadata)
function M.clean(object)
  local copy, metadata = {}, {}
  for name, item in pairs(object) do
    copy[name] = item
  end
  for name, item in pairs(object.metadata or {}) do
    metadata[name] = item
  end
  for _, name in ipairs(SERVER_FIELDS) do
    metadata[name] = nil
  end
  copy.metadata, copy.status = metadata, nil
  return copy
end

--- An object as it is recorded before a write, without the long managedFields of other managers.
---@param object table
---@return table copy
function M.remember(object)
  local copy = {}
  for name, item in pairs(object) do
    copy[name] = item
  end
  copy.metadata = {}
  for name, item in pairs(object.metadata or {}) do
    copy.metadata[name] = item
  end
  local kept = {}
  for _, entry in ipairs(object.metadata and object.metadata.managedFields or {}) do
    if entry.manager == M.FIELD_MANAGER then kept[#kept + 1] = entry end
  end
  copy.metadata.managedFields = #kept > 0 and json.array(kept) or nil
  return copy
end

return M
