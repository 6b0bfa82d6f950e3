--- What becomes of a document when one place of it is something else: each node, the whole document too, replaced by
--- null, "", [], {}, 0 and false. A reader must get along with each, or refuse it with one line.

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local task = require "o2x.base.task"

local M = {}

local VALUES <const> = {
  { "null", function() return json.null end },
  { '""', function() return "" end },
  { "[]", function() return json.array {} end },
  { "{}", function() return {} end },
  { "0", function() return 0 end },
  { "false", function() return false end },
}

local function copy(value)
  if type(value) ~= "table" then return value end
  local result = json.is_array(value) and json.array {} or {}
  for key, item in pairs(value) do
    result[key] = copy(item)
  end
  return result
end

local function sorted(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

-- The paths of all nodes: lists of keys.
local function walk(value, path, paths)
  paths[#paths + 1] = path
  if type(value) ~= "table" then return paths end
  for _, key in ipairs(sorted(value)) do
    local below = table.move(path, 1, #path, 1, {})
    below[#below + 1] = key
    walk(value[key], below, paths)
  end
  return paths
end

local function replaced(document, path, value)
  if #path == 0 then return value end
  local result = copy(document)
  local at = result
  for i = 1, #path - 1 do
    at = at[path[i]]
  end
  at[path[#path]] = value
  return result
end

--- The variants of a document.
---@param document table decoded JSON or YAML
---@return { what: string, document: any }[] variants what: "clusters.1.cluster: null"
function M.of(document)
  local variants = {}
  for _, path in ipairs(walk(document, {}, {})) do
    for _, value in ipairs(VALUES) do
      variants[#variants + 1] = {
        what = ("%s: %s"):format(#path > 0 and table.concat(path, ".") or "all of it", value[1]),
        document = replaced(document, path, value[2]()),
      }
    end
  end
  return variants
end

--- What a reader says to each variant; it must not say an error of Lua, nor more than one line.
---@param document table
---@param read fun(variant: any) raises what it refuses
---@return string[] wrong one text a variant that broke the reader
---@return integer count of variants
function M.tried(document, read)
  local wrong, variants = {}, M.of(document)
  for _, variant in ipairs(variants) do
    local ok, err = xpcall(task.timeout, errors.handler, 20, read, variant.document)
    if not ok and (err.kind == "bug" or tostring(err):find "\n") then
      wrong[#wrong + 1] = ("%s\n  %s"):format(variant.what, tostring(err))
    end
  end
  return wrong, #variants
end

return M
