--- Values files as helm reads them: YAML 1.1, one map, later files win.

local compose = require "o2x.base.yaml.compose"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local ordered = require "o2x.base.ordered"

local M = {}

local function input(message, source, line, hint)
  errors.raise {
    kind = "input",
    module = "helm_values",
    message = message,
    where = source .. (line and ":" .. line or ""),
    hint = hint,
  }
end

local function is_empty(tree, node)
  local kind = tree:form(node)
  return kind == "scalar" and compose.value(tree, node, "") == json.null
end

--- The tree of a values file. helm reads only the first document, so that another one may only be empty, as in a file
--- that ends in a line of three dashes.
---@param text string
---@param source string the file, for messages
---@return userdata tree of `o2x.base.yaml.compose`
---@return integer? root node of the first document; nil if there is none
function M.tree(text, source)
  if text:find "^\xff\xfe" or text:find "^\xfe\xff" then
    input("is UTF-16, not UTF-8", source, nil, "save it as UTF-8: iconv -f UTF-16 -t UTF-8")
  end
  local tree = compose.tree(text, source)
  local root = tree:document()
  local another, line = tree:document(root)
  while root and another do
    if not is_empty(tree, another) then
      input(
        "a values file must have only one document: helm ignores this one",
        source,
        line,
        "remove the line --- above it, or make it a file of its own"
      )
    end
    another, line = tree:document(another)
  end
  return tree, root
end

--- The values of a file of which the tree is there, with the order of their keys.
---@param tree userdata of `tree`
---@param root integer?
---@param source string
---@return table|userdata values json.null if the file is empty
function M.value(tree, root, source)
  local value = root and compose.value(tree, root, source, nil, ordered.all) or json.null
  if value ~= json.null and (type(value) ~= "table" or json.is_array(value)) then
    local _, line = tree:document()
    input("a values file must be a map", source, line)
  end
  return value
end

--- The values of a file.
---@param text string
---@param source string the file, for messages
---@return table values empty if the file is
function M.values(text, source)
  local tree <close>, root = M.tree(text, source)
  local value = M.value(tree, root, source)
  return value == json.null and {} or value
end

local function is_map(value) return type(value) == "table" and value ~= json.null and not json.is_array(value) end

--- Adds the values of a later file: maps are merged, everything else is replaced, as helm does with several -f.
---@param into table
---@param values table
---@return table into
function M.merge(into, values)
  for key, item in pairs(values) do
    into[key] = is_map(item) and is_map(into[key]) and M.merge(into[key], item) or item
  end
  return into
end

return M
