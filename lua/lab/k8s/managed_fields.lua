--- Field ownership: `metadata.managedFields` as the API server maintains it, and server-side apply.
local fieldset = require "lab.k8s.fieldset"
local types = require "lab.k8s.types"
local value = require "lab.k8s.value"

local M = {}

-- fields without an owner
local IGNORED = {
  "name",
  "namespace",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "managedFields",
  "selfLink",
}

---@class lab.k8s.Writer
---@field manager string
---@field operation "Update"|"Apply"
---@field api_version string
---@field subresource string?
---@field time string

local function stripped(object)
  if not object then return {} end
  local copy = value.merged(object)
  copy.apiVersion, copy.kind = nil, nil
  copy.metadata = value.merged(object.metadata)
  for _, name in ipairs(IGNORED) do
    copy.metadata[name] = nil
  end
  if next(copy.metadata) == nil then copy.metadata = nil end
  return copy
end

local function root(kind) return types.root(kind.type) end

local function read(object)
  local entries = {}
  for _, entry in ipairs(object and object.metadata.managedFields or {}) do
    local copy = value.merged(entry)
    copy.set = fieldset.from_fields(entry.fieldsV1 or {})
    table.insert(entries, copy)
  end
  return entries
end

local function is_writers(entry, writer)
  return entry.manager == writer.manager
    and entry.operation == writer.operation
    and entry.apiVersion == writer.api_version
    and entry.subresource == writer.subresource
end

local function own_entry(entries, writer)
  for _, entry in ipairs(entries) do
    if is_writers(entry, writer) then return entry end
  end
  local entry = {
    manager = writer.manager,
    operation = writer.operation,
    apiVersion = writer.api_version,
    subresource = writer.subresource,
    fieldsType = "FieldsV1",
    set = fieldset.new(),
  }
  table.insert(entries, entry)
  return entry
end

local function write(object, entries)
  local list = value.array {}
  for _, entry in ipairs(entries) do
    if not fieldset.is_empty(entry.set) then
      entry.fieldsV1, entry.set = fieldset.to_fields(entry.set), nil
      table.insert(list, entry)
    end
  end
  table.sort(list, function(a, b)
    if a.operation ~= b.operation then return a.operation < b.operation end
    if (a.time or "") ~= (b.time or "") then return (a.time or "") < (b.time or "") end
    return a.manager < b.manager
  end)
  object.metadata.managedFields = #list > 0 and list or nil
end

-- sets the fields of a manager's entry; its time is that of the last change
local function claim(own, set, writer)
  if own.time and value.equal(fieldset.to_fields(own.set), fieldset.to_fields(set)) then return end
  own.set, own.time = set, writer.time
end

--- Records an update: the manager now owns the fields it changed; removed fields have no owner.
---@param kind lab.k8s.Kind
---@param live table? nil: the object is new
---@param object table the object about to be stored; its managedFields are set
---@param writer lab.k8s.Writer
function M.update(kind, live, object, writer)
  local given = object.metadata.managedFields
  if given and #given == 0 then
    object.metadata.managedFields = nil -- the client asked to reset them
    return
  end
  local entries = read(given and object or live)
  local changed, removed = fieldset.compare(root(kind), stripped(live), stripped(object))
  if fieldset.is_empty(changed) and fieldset.is_empty(removed) then
    object.metadata.managedFields = given or live and live.metadata.managedFields
    return
  end
  local own, replicas_were_owned = own_entry(entries, writer), false
  for _, entry in ipairs(entries) do
    local spec = entry.set.children["f:spec"]
    replicas_were_owned = replicas_were_owned or spec and spec.children["f:replicas"] ~= nil
    if entry ~= own then entry.set = fieldset.difference(fieldset.difference(entry.set, removed), changed) end
  end
  local set = fieldset.union(fieldset.difference(own.set, removed), changed)
  if writer.subresource == "scale" and (object.spec.replicas == 0 or not replicas_were_owned) then
    set = fieldset.difference(own.set, changed) -- a Scale omits its zero; fields without an owner stay so
  end
  claim(own, set, writer)
  write(object, entries)
end

local merge

local function merge_list(field, live, config)
  local result, at = value.array {}, {}
  for _, item in ipairs(live) do
    table.insert(result, item)
    local element = next((fieldset.members(field, value.array { item })))
    at[element] = #result
  end
  for _, item in ipairs(config) do
    local element = next((fieldset.members(field, value.array { item })))
    if at[element] then
      result[at[element]] = merge(field.elem, result[at[element]], item)
    else
      table.insert(result, value.copy(item))
    end
  end
  return result
end

function merge(field, live, config)
  if type(live) ~= "table" or type(config) ~= "table" then return value.copy(config) end
  if field and types.is_atomic(field) then return value.copy(config) end
  if value.is_list(config) or value.is_list(live) then
    if not field or field.code ~= "list" then return value.copy(config) end
    return merge_list(field, live, config)
  end
  local result = value.merged(live)
  for k, v in pairs(config) do
    if v == value.null then
      result[k] = nil
    else
      result[k] = merge(types.child(field, k), live[k], v)
    end
  end
  return result
end

-- removes the fields of the set `removed` from a value, except those that contain fields of the set `kept`
local function remove_fields(field, v, removed, kept)
  local members, fields = fieldset.members(field, v)
  if not members then return v end
  local result = value.is_list(v) and value.array {} or {}
  local function keep(item, element, k)
    local removed_child, kept_child = removed.children[element], kept.children[element]
    if removed_child and removed_child.member and not kept_child then return end
    if removed_child and next(removed_child.children) then
      item = remove_fields(fields[element], item, removed_child, kept_child or fieldset.new())
    end
    if k then
      result[k] = item
    else
      table.insert(result, item)
    end
  end
  if value.is_list(v) then
    for _, item in ipairs(v) do
      local one = fieldset.members(field, value.array { item })
      keep(item, (next(one)))
    end
  else
    for k, item in pairs(v) do
      keep(item, "f:" .. k, k)
    end
  end
  return result
end

local function conflicts_of(entries, own, changed)
  local list = {}
  for _, entry in ipairs(entries) do
    if entry ~= own then
      for _, path in ipairs(fieldset.paths(fieldset.intersection(entry.set, changed))) do
        local name = ("conflict with %q"):format(entry.manager)
        if entry.subresource then name = name .. (" with subresource %q"):format(entry.subresource) end
        if entry.operation == "Update" then name = name .. " using " .. entry.apiVersion end
        table.insert(list, { message = name, field = path })
      end
    end
  end
  return list
end

--- Server-side apply.
---@param kind lab.k8s.Kind
---@param live table?
---@param config table the applied configuration
---@param writer lab.k8s.Writer
---@param force boolean
---@param finish fun(object: table): table  defaults and canonical form of the merged object
---@param given table? the configuration as it was sent, with what is empty
---@return table? object with its managedFields
---@return table[]? conflicts { message, field }
function M.apply(kind, live, config, writer, force, finish, given)
  local field = root(kind)
  local entries = read(live)
  local own = own_entry(entries, writer)
  local set = fieldset.of(field, stripped(given or config))
  local merged = live and merge(field, live, config) or value.copy(config)

  local kept = set
  for _, entry in ipairs(entries) do
    if entry ~= own then kept = fieldset.union(kept, entry.set) end
  end
  local given_up = fieldset.difference(own.set, kept)
  if not fieldset.is_empty(given_up) then merged = remove_fields(field, merged, given_up, kept) end
  merged = finish(merged)

  local changed, removed = fieldset.compare(field, stripped(live), stripped(merged))
  local theirs = conflicts_of(entries, own, fieldset.intersection(changed, set))
  if #theirs > 0 and not force then return nil, theirs end
  for _, entry in ipairs(entries) do
    if entry ~= own then entry.set = fieldset.difference(fieldset.difference(entry.set, removed), changed) end
  end
  claim(own, set, writer)
  write(merged, entries)
  return merged
end

return M
