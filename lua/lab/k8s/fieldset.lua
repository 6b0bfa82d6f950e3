--- Sets of field paths, as in `managedFields`. A node is `{ member = boolean, children = { [element] = node } }`; an
--- element is `f:name`, `k:{"name":"app"}` or `v:"value"`.
local json = require "o2x.base.json"
local types = require "lab.k8s.types"
local value = require "lab.k8s.value"

local M = {}

--- An empty set.
---@return table set
function M.new() return { children = {} } end

--- Whether a set is empty.
---@param node table
---@return boolean
function M.is_empty(node) return not node.member and next(node.children) == nil end

local function kid(node, element)
  local k = node.children[element]
  if not k then
    k = M.new()
    node.children[element] = k
  end
  return k
end

-- removes empty children
local function prune(node)
  for element, k in pairs(node.children) do
    prune(k)
    if M.is_empty(k) then node.children[element] = nil end
  end
end

--- Decodes a set from FieldsV1.
---@param fields table FieldsV1
---@return table
function M.from_fields(fields)
  local node = { member = next(fields) == nil, children = {} }
  for element, inner in pairs(fields) do
    if element == "." then
      node.member = true
    else
      node.children[element] = M.from_fields(inner)
    end
  end
  return node
end

--- Encodes a set to FieldsV1.
---@param node table
---@return table FieldsV1
function M.to_fields(node)
  local fields = {}
  for element, k in pairs(node.children) do
    fields[element] = M.to_fields(k)
  end
  if node.member and next(fields) then fields["."] = {} end
  return fields
end

--- The union of two sets.
---@param a table
---@param b table
---@return table
function M.union(a, b)
  local result = { member = a.member or b.member, children = {} }
  for element, k in pairs(a.children) do
    result.children[element] = b.children[element] and M.union(k, b.children[element]) or k
  end
  for element, k in pairs(b.children) do
    result.children[element] = result.children[element] or k
  end
  return result
end

-- the key of an item, as messages have it
local function key_text(names, item)
  local parts = {}
  for _, name in ipairs(names) do
    parts[#parts + 1] = ("%s=%s"):format(name, json.encode(item[name]))
  end
  return table.concat(parts, ",")
end

--- A list of which two items have the same key: where, and which.
---@param field table of types
---@param v any
---@param path string?
---@return string?
function M.duplicate(field, v, path)
  if type(v) ~= "table" or not field then return nil end
  path = path or ""
  local keys = field.keys or field.merge and field.merge ~= "" and { field.merge }
  local seen = {}
  for name, item in pairs(v) do
    local inner = field.code == "list" and field.elem or types.child(field, name)
    local at = field.code == "list" and path or path .. "." .. tostring(name)
    if keys and #keys == 1 and type(item) == "table" and item[keys[1]] ~= nil then
      local text = key_text(keys, item)
      if seen[text] then return ("%s: duplicate entries for key [%s]"):format(path, text) end
      seen[text] = true
    end
    local found = M.duplicate(inner, item, at)
    if found then return found end
  end
end

--- The difference of two sets.
---@param a table
---@param b table
---@return table what is in a and not in b
function M.difference(a, b)
  local result = { member = a.member and not b.member or nil, children = {} }
  for element, k in pairs(a.children) do
    result.children[element] = b.children[element] and M.difference(k, b.children[element]) or k
  end
  prune(result)
  return result
end

--- The intersection of two sets.
---@param a table
---@param b table
---@return table
function M.intersection(a, b)
  local result = { member = a.member and b.member or nil, children = {} }
  for element, k in pairs(a.children) do
    if b.children[element] then result.children[element] = M.intersection(k, b.children[element]) end
  end
  prune(result)
  return result
end

-- the path element of a keyed list item, such as k:{"containerPort":8080,"protocol":"TCP"}
local function key_element(field, item)
  local parts = {}
  for _, key in ipairs(field.keys) do
    local v = type(item) == "table" and item[key] or nil
    if v == nil and key == "protocol" then v = "TCP" end
    if v ~= nil then table.insert(parts, json.encode(key) .. ":" .. json.encode(v)) end
  end
  return "k:{" .. table.concat(parts, ",") .. "}"
end

--- The members of a map, struct or list as element → value; nil if the value is atomic.
---@param field lab.k8s.Field?
---@param v any
---@return table<string, any>?
---@return table<string, lab.k8s.Field?>? fields
function M.members(field, v)
  if type(v) ~= "table" or field and types.is_atomic(field) then return nil end
  local members, fields = {}, {}
  if value.is_list(v) then
    if not field or field.code ~= "list" then return nil end
    for _, item in ipairs(v) do
      local element = field.set and "v:" .. json.encode(item) or key_element(field, item)
      members[element], fields[element] = item, field.elem
    end
    return members, fields
  end
  for k, item in pairs(v) do
    members["f:" .. k], fields["f:" .. k] = item, types.child(field, k)
  end
  return members, fields
end

local function add_all(node, field, v)
  local members, fields = M.members(field, v)
  node.member = true
  for element, item in pairs(members or {}) do
    add_all(kid(node, element), fields[element], item)
  end
end

-- a zero value, which Go writes for an unset field: its container is then not new
local function zero(field)
  if field.always then return value.array {} end
  if field.code == "struct" and not field.pointer then return {} end
end

local function compare(field, old, new, changed, removed)
  if value.equal(old, new) then return end
  local a, a_fields = M.members(field, old)
  local b, b_fields = M.members(field, new)
  if new == nil then
    add_all(removed, field, old)
  elseif old == nil then
    add_all(changed, field, new)
  elseif not a or not b then
    changed.member = true
  else
    for element, item in pairs(b) do
      local inner = b_fields[element]
      local before = a[element]
      if before == nil and inner and element:sub(1, 1) == "f" then before = zero(inner) end
      compare(inner, before, item, kid(changed, element), kid(removed, element))
    end
    for element, item in pairs(a) do
      if b[element] == nil then add_all(kid(removed, element), a_fields[element], item) end
    end
  end
end

--- The fields that a change of an object sets, and those that it removes.
---@param field lab.k8s.Field? of both
---@param old any
---@param new any
---@return table changed fields that were added or have another value
---@return table removed
function M.compare(field, old, new)
  local changed, removed = M.new(), M.new()
  compare(field, old, new, changed, removed)
  prune(changed)
  prune(removed)
  return changed, removed
end

local function applied(node, field, v, declared)
  local members, fields = M.members(field, v)
  if not members or next(members) == nil then
    node.member = true
    return
  end
  if not declared then node.member = true end
  for element, item in pairs(members) do
    local struct = field and field.code == "struct"
    applied(kid(node, element), fields[element], item, struct and fields[element] ~= nil)
  end
end

--- The fields in an applied configuration.
---@param field lab.k8s.Field?
---@param v any
---@return table
function M.of(field, v)
  local node = M.new()
  applied(node, field, v, true)
  node.member = nil -- the object itself has no owner
  return node
end

-- a path as in the message of a conflict: ".spec.containers[name=\"app\"].image"
local function path_text(prefix, element)
  local kind, rest = element:match("^(%l):(.*)$")
  if kind == "f" then return prefix .. "." .. rest end
  if kind == "v" then return prefix .. "[=" .. rest .. "]" end
  local parts = {}
  local keys = json.decode(rest)
  for _, k in ipairs(value.keys(keys)) do
    table.insert(parts, k .. "=" .. json.encode(keys[k]))
  end
  return prefix .. "[" .. table.concat(parts, ",") .. "]"
end

--- The paths of a set as texts, sorted.
---@param node table
---@return string[]
function M.paths(node)
  local list = {}
  local function walk(n, prefix)
    if n.member and prefix ~= "" then table.insert(list, prefix) end
    for _, element in ipairs(value.keys(n.children)) do
      walk(n.children[element], path_text(prefix, element))
    end
  end
  walk(node, "")
  return list
end

return M
