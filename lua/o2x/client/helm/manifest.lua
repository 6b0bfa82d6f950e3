--- A rendered chart (several YAML documents) as objects, as one hash, and as a short diff.

local crypto = require "o2x.base.crypto"
local diff = require "o2x.base.diff"
local json = require "o2x.base.json"
local yaml = require "o2x.base.yaml"

local M = {}

--- The documents of a manifest, without separators, helm's "# Source" comments and surrounding white space.
---@param text string
---@return string[]
function M.documents(text)
  local documents, lines = {}, {}
  local function close()
    local document = table.concat(lines, "\n"):gsub("^%s+", ""):gsub("%s+$", "")
    if document ~= "" then documents[#documents + 1] = document end
    lines = {}
  end
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    if line:match("^%-%-%-%s*$") then
      close()
    elseif not line:match("^# Source: ") then
      lines[#lines + 1] = line
    end
  end
  close()
  return documents
end

--- A hash of the documents; equal for two texts with the same documents in the same order.
---@param text string
---@return string
function M.hash(text) return crypto.sha256(table.concat(M.documents(text), "\n---\n")) end

local function is_hook(document)
  if not document:find("helm.sh/hook", 1, true) then return false end
  local object = yaml.decode(document .. "\n", "manifest")
  local annotations = type(object) == "table" and object.metadata and object.metadata.annotations
  return type(annotations) == "table" and annotations["helm.sh/hook"] ~= nil
end

--- Separates the hooks from the other objects.
---@param text string
---@return string manifest
---@return string hooks
function M.without_hooks(text)
  local parts = { {}, {} }
  for _, document in ipairs(M.documents(text)) do
    table.insert(parts[is_hook(document) and 2 or 1], document .. "\n")
  end
  return table.concat(parts[1], "---\n"), table.concat(parts[2], "---\n")
end

--- The objects of a manifest.
---@param text string
---@return table[]
function M.objects(text)
  local objects = {}
  for _, document in ipairs(M.documents(text)) do
    local object = yaml.decode(document .. "\n", "manifest")
    if type(object) == "table" and object ~= json.null then
      for _, one in ipairs(object.kind == "List" and object.items or { object }) do
        objects[#objects + 1] = one
      end
    end
  end
  return objects
end

--- Turns lists of named items into maps, so that an inserted item is one line in the diff.
---@param value any
---@return any copy
function M.by_name(value)
  if type(value) ~= "table" or value == json.null then return value end
  local named, copy = #value > 0, {}
  for _, item in ipairs(value) do
    named = named and type(item) == "table" and type(item.name) == "string" and copy[item.name] == nil
    if named then copy[item.name] = true end
  end
  copy = {}
  for key, item in pairs(value) do
    if named then
      local rest = M.by_name(item)
      copy[item.name], rest.name = rest, nil
    else
      copy[key] = M.by_name(item)
    end
  end
  if not named and json.is_array(value) then json.array(copy) end
  return copy
end

local HIDDEN = { "passw", "secret", "token", "key", "credential" }

--- Masks the value in a line of a diff if its name looks like a secret: older charts put secrets into plain environment
--- variables.
---@param line string
---@return string
function M.mask(line)
  local path = line:match("^[-+~] ([^:]+): ")
  local lower = path and path:lower()
  for _, word in ipairs(lower and HIDDEN or {}) do
    if lower:find(word, 1, true) and not lower:find("ref%.") then return line:sub(1, 2) .. path .. ": (hidden)" end
  end
  return line
end

local function index(objects)
  local found, order = {}, {}
  for _, object in ipairs(objects) do
    local metadata = object.metadata or {}
    local id = ("%s %s%s"):format(object.kind, metadata.namespace and metadata.namespace .. "/" or "", metadata.name)
    found[id], order[#order + 1] = object, id
  end
  return found, order
end

--- What changes from one manifest to another, object by object.
---@param before string?
---@param after string?
---@return string[] lines
function M.diff(before, after)
  local old, old_order = index(before and M.objects(before) or {})
  local new, new_order = index(after and M.objects(after) or {})
  local lines = {}
  for _, id in ipairs(new_order) do
    if not old[id] then
      lines[#lines + 1] = "+ " .. id
    else
      local changes = diff.lines(M.by_name(old[id]), M.by_name(new[id]))
      if #changes > 0 then lines[#lines + 1] = "~ " .. id end
      for _, line in ipairs(changes) do
        lines[#lines + 1] = "    " .. M.mask(line)
      end
    end
  end
  for _, id in ipairs(old_order) do
    if not new[id] then lines[#lines + 1] = "- " .. id end
  end
  return lines
end

return M
