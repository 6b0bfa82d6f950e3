--- JSON merge patches (RFC 7396), JSON patches (RFC 6902) and strategic merge patches. None changes its arguments.
local types = require "lab.k8s.types"
local value = require "lab.k8s.value"

local M = {}

--- Applies a JSON merge patch.
---@param target any
---@param patch any
---@return any
function M.merge(target, patch)
  if type(patch) ~= "table" or value.is_list(patch) then return value.copy(patch) end
  local result = type(target) == "table" and not value.is_list(target) and value.copy(target) or {}
  for k, v in pairs(patch) do
    if v == value.null then
      result[k] = nil
    else
      result[k] = M.merge(result[k], v)
    end
  end
  return result
end

local function pointer(path)
  if path ~= "" and path:sub(1, 1) ~= "/" then error(("invalid JSON pointer %q"):format(path), 0) end
  local keys = {}
  for part in path:gmatch("/([^/]*)") do
    part = part:gsub("~1", "/"):gsub("~0", "~")
    table.insert(keys, part)
  end
  return keys
end

local function index(container, key, path)
  if type(container) ~= "table" then error(("path %s does not exist"):format(path), 0) end
  if not value.is_list(container) then return key end
  if key == "-" then return #container + 1 end
  local i = math.tointeger(tonumber(key))
  if not i or i < 0 then error(("invalid array index in %s"):format(path), 0) end
  return i + 1
end

local function locate(document, path)
  local keys = pointer(path)
  local container = document
  for i = 1, #keys - 1 do
    container = container[index(container, keys[i], path)]
    if container == nil then error(("path %s does not exist"):format(path), 0) end
  end
  return container, index(container, keys[#keys], path)
end

local function set(document, path, v, is_new)
  if path == "" then return v end
  local container, key = locate(document, path)
  if is_new and value.is_list(container) then
    if key > #container + 1 then error(("index out of bounds in %s"):format(path), 0) end
    table.insert(container, key, v)
  elseif not is_new and container[key] == nil and value.is_list(container) then
    error(("replace operation does not apply: doc is missing key: %s: missing value"):format(path), 0)
  else
    container[key] = v
  end
  return document
end

local function get(document, path)
  if path == "" then return document end
  local container, key = locate(document, path)
  local v = container[key]
  if v == nil then error(("path %s does not exist"):format(path), 0) end
  return v
end

local function remove(document, path)
  local container, key = locate(document, path)
  if container[key] == nil then
    error(("remove operation does not apply: doc is missing path: %s: missing value"):format(path), 0)
  end
  if value.is_list(container) then
    table.remove(container, key)
  else
    container[key] = nil
  end
end

local OPERATIONS = {
  add = function(document, op) return set(document, op.path, value.copy(op.value), true) end,
  replace = function(document, op) return set(document, op.path, value.copy(op.value), false) end,
  remove = function(document, op)
    remove(document, op.path)
    return document
  end,
  test = function(document, op)
    if not value.equal(get(document, op.path), op.value) then
      error(("testing value %s failed: test failed"):format(op.path), 0)
    end
    return document
  end,
  copy = function(document, op) return set(document, op.path, value.copy(get(document, op.from)), true) end,
  move = function(document, op)
    local v = get(document, op.from)
    remove(document, op.from)
    return set(document, op.path, v, true)
  end,
}

--- Applies a JSON patch.
---@param document table
---@param operations table[]
---@return table? result
---@return string? message
function M.json(document, operations)
  local result = value.copy(document)
  for _, op in ipairs(operations) do
    local apply = OPERATIONS[op.op]
    if not apply then return nil, ("unexpected operation %q"):format(tostring(op.op)) end
    local ok, changed = pcall(apply, result, op)
    if not ok then return nil, tostring(changed) end
    result = changed
  end
  return result
end

local strategic

local function find(list, key, value_of_key)
  for i, item in ipairs(list) do
    if type(item) == "table" and item[key] == value_of_key then return i end
  end
end

local function id(item, key)
  if key == "" then return item end
  return type(item) == "table" and item[key] or nil
end

-- the place of each item of a list
local function places(list, key)
  local at = {}
  for i, item in ipairs(list) do
    local name = id(item, key)
    if name ~= nil and not at[name] then at[name] = i end
  end
  return at
end

-- Those that a patch names, in its order; the others stay before those that they preceded. A new item comes first.
local function reorder(list, order, before, key)
  local rank, was, named, others = places(order, key), places(before, key), {}, {}
  for _, item in ipairs(list) do
    table.insert(rank[id(item, key)] and named or others, item)
  end
  table.sort(named, function(a, b) return rank[id(a, key)] < rank[id(b, key)] end)
  local function precedes(other, item)
    local i, j = was[id(other, key)], was[id(item, key)]
    return i and j and i < j
  end
  local result, o = value.array {}, 1
  for _, item in ipairs(named) do
    while others[o] and precedes(others[o], item) do
      table.insert(result, others[o])
      o = o + 1
    end
    table.insert(result, item)
  end
  return table.move(others, o, #others, #result + 1, result)
end

local function merge_objects(field, current, patch)
  local key, result = field.merge, value.array(value.copy(current or {}))
  for _, item in ipairs(patch) do
    if item["$patch"] == "replace" then
      local rest = value.array {}
      for _, other in ipairs(patch) do
        if not other["$patch"] then table.insert(rest, strategic(field.elem, {}, other)) end
      end
      return rest
    end
    local at = find(result, key, item[key])
    if item["$patch"] == "delete" then
      while at do
        table.remove(result, at)
        at = find(result, key, item[key])
      end
    elseif at then
      result[at] = strategic(field.elem, result[at], item)
    else
      table.insert(result, strategic(field.elem, {}, item))
    end
  end
  return reorder(result, patch, current or {}, key)
end

local function merge_scalars(current, patch)
  local result, seen = value.array {}, {}
  for _, list in ipairs { current or {}, patch } do
    for _, v in ipairs(list) do
      if not seen[v] then table.insert(result, v) end
      seen[v] = true
    end
  end
  return reorder(result, patch, current or {}, "")
end

local function merge_list(field, current, patch)
  if not field or not field.merge then return value.copy(patch) end
  if field.merge == "" then return merge_scalars(current, patch) end
  return merge_objects(field, current, patch)
end

local function without(list, removed)
  local set_of, result = {}, value.array {}
  for _, v in ipairs(removed) do
    set_of[v] = true
  end
  for _, v in ipairs(list or {}) do
    if not set_of[v] then table.insert(result, v) end
  end
  return result
end

local function apply_directives(field, result, patch, current)
  for k, v in pairs(patch) do
    local directive, name = tostring(k):match("^%$(%w+)/(.+)$")
    local child = name and types.child(field, name)
    if directive == "deleteFromPrimitiveList" then
      result[name] = without(result[name], v)
    elseif directive == "setElementOrder" and result[name] then
      result[name] = reorder(result[name], v, current[name] or {}, child and child.merge or "")
    end
  end
  if patch["$retainKeys"] then
    local keep = {}
    for _, k in ipairs(patch["$retainKeys"]) do
      keep[k] = true
    end
    for k in pairs(result) do
      if not keep[k] then result[k] = nil end
    end
  end
end

local function is_directive(key) return tostring(key):sub(1, 1) == "$" end

local function merge_field(field, current, patch)
  if patch == value.null then return nil end
  if type(patch) == "table" and value.is_list(patch) then return merge_list(field, current, patch) end
  return strategic(field, current, patch)
end

function strategic(field, current, patch)
  if type(patch) ~= "table" or value.is_list(patch) then return value.copy(patch) end
  if patch["$patch"] == "replace" then current = {} end
  if patch["$patch"] == "delete" then return {} end
  local result = type(current) == "table" and not value.is_list(current) and value.copy(current) or {}
  for k, v in pairs(patch) do
    if not is_directive(k) then result[k] = merge_field(types.child(field, k), result[k], v) end
  end
  apply_directives(field, result, patch, type(current) == "table" and current or {})
  return result
end

--- Applies a strategic merge patch.
---@param type_name string the type of the object
---@param document table
---@param patch table
---@return table
function M.strategic(type_name, document, patch) return strategic(types.root(type_name), document, patch) end

return M
