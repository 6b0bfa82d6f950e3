--- What people added by kubectl to objects that o2x made, for an audit: a run applies its own fields and leaves all
--- others. The server keeps who set which field. Labels, and annotations that no controller reads, are people's own.

local json = require "o2x.base.json"
local left = require "o2x.effects.k8s.left"
local shell = require "o2x.base.shell"
local support = require "o2x.effects.k8s.support"

local M = {}

local UNTIDY <const> = 3
local BY_PEOPLE <const> = "^kubectl"

-- Tools keep their own notes there.
local NOTES <const> = { "^kubectl%.kubernetes%.io/", "^o2x%.io/" }

local function is_read(annotation)
  for _, pattern in ipairs(NOTES) do
    if annotation:find(pattern) then return false end
  end
  return annotation:find("/", 1, true) ~= nil
end

local CONTENT <const> = { data = true, binaryData = true }

-- Keys of maps, and annotations that controllers read. Not a specification: whoever creates an object owns what the
-- server fills in there.
local function counts(path)
  if path[1] == "metadata" then return path[2] == "annotations" and path[3] and is_read(path[3]) end
  return CONTENT[path[1]] or false
end

-- Was it made by o2x? Of one that was taken over as it is, nobody knows what was added.
local function is_ours(object, manager)
  for _, entry in ipairs(object.metadata.managedFields or {}) do
    if entry.manager == manager then return true end
  end
  return false
end

-- Calls fn with the path of each field that is set as a whole.
local function each_path(fields, path, fn)
  local deeper = false
  for name, below in pairs(fields) do
    local field = name:match "^f:(.*)$"
    if field then
      deeper = true
      local further = table.move(path, 1, #path, 1, {})
      further[#further + 1] = field
      each_path(type(below) == "table" and below or {}, further, fn)
    end
  end
  if not deeper then fn(path) end
end

-- The fields that people set and the run does not want, as a patch that removes them.
local function added(object, wanted)
  local patch, lines = {}, {}
  for _, entry in ipairs(object.metadata.managedFields or {}) do
    local by_people = entry.manager:find(BY_PEOPLE) and not entry.subresource
    each_path(by_people and entry.fieldsV1 or {}, {}, function(path)
      local is_added = path[1]
        and counts(path)
        and support.lookup(wanted, path) == nil
        and support.lookup(object, path) ~= nil
      if not is_added then return end
      lines[#lines + 1] = "- " .. table.concat(path, ".")
      local at = patch
      for i = 1, #path - 1 do
        at[path[i]] = at[path[i]] or {}
        at = at[path[i]]
      end
      at[path[#path]] = json.null
    end)
  end
  table.sort(lines)
  return patch, lines
end

local function removal(target, patch)
  local words = { "kubectl", "patch", target.kind, target.name, "--namespace=" .. target.namespace, "--type=merge" }
  table.move({ "-p", json.encode(patch) }, 1, 2, #words + 1, words)
  return shell.command(words)
end

--- Finds it.
---@param found o2x.reviewed[] gets it
---@param ctx o2x.context
---@param k8s table client
---@param around o2x.around
function M.find(found, ctx, k8s, around)
  for _, one in ipairs(left.list(ctx, k8s)) do
    local wanted = around.wanted(support.key(one.target))
    local object = type(wanted) == "table" and support.get(ctx, one.target)
    local patch, lines = {}, {}
    if object and is_ours(object, k8s.manager) then
      patch, lines = added(object, wanted)
    end
    if lines[1] then
      local title = support.title(one.target) .. ": what people added"
      found[#found + 1] = {
        rank = one.target.kind == "ConfigMap" and UNTIDY or nil,
        way = "left over",
        key = title,
        title = title,
        lines = lines,
        mend = removal(one.target, patch),
      }
    end
  end
end

return M
