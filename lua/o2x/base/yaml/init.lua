---YAML: decodes it as Helm and kubectl do, encodes it in the platform's usual style.

local compose = require "o2x.base.yaml.compose"
local emit = require "o2x.base.yaml.emit"
local json = require "o2x.base.json"
local ordered = require "o2x.base.ordered"
local scalar = require "o2x.base.yaml.scalar"

local M = {}

-- Limit for values expanded from aliases: enough for any values file, far below an alias bomb.
local MAX_EXPANDED = 10000
local MAX_DEPTH = 64

local TAG = "tag:yaml.org,2002:"

---A table that keeps the order of its pairs: `yaml.ordered { { "name", "x" }, { "value", 1 } }`.
M.ordered = ordered.new

---The keys of a table in its order (see `decode`'s option), sorted where there is none.
M.keys = ordered.keys

---The value of YAML's null, the same as JSON's.
M.null = json.null
---Marks a table as a sequence, so that an empty one is written `[]`.
M.array = json.array

local function tagged_scalar(state, node, kind)
  local value, is = scalar.resolve(node.text)
  if kind == "str" then return node.text end
  if kind == is then return value == nil and json.null or value end
  if kind == "float" and is == "int" then return value + 0.0 end
  compose.fail(state.source, node, ("%q is not a valid !!%s"):format(node.text, kind))
end

local function scalar_value(state, node)
  local kind = node.tag and node.tag:sub(1, #TAG) == TAG and node.tag:sub(#TAG + 1)
  if kind then return tagged_scalar(state, node, kind) end
  if node.tag and node.tag ~= "!" then compose.fail(state.source, node, "unknown tag " .. node.tag) end
  if node.style ~= "plain" or node.tag then return node.text end
  local value, is = scalar.resolve(node.text)
  if is == "range" then
    if state.exact then compose.fail(state.source, node, "integer does not fit in 64 bits: " .. node.text) end
    return value
  end
  if is == "float" and value - value ~= 0 then
    compose.fail(state.source, node, "number is not finite: " .. node.text)
  end
  if is == "null" then return json.null end
  return value
end

-- JSON has only string keys, so Helm converts keys to strings: `8080:` is "8080", and `on:` is "true".
local function key_text(state, node)
  local target = node.kind == "alias" and node.target or node
  if target.kind ~= "scalar" then compose.fail(state.source, node, "a key must be a scalar") end
  local value = scalar_value(state, target)
  if value == json.null then compose.fail(state.source, node, "a key must not be null") end
  if math.type(value) == "float" then return (json.encode(value)) end
  return tostring(value)
end

---The text of a mapping's key as Helm sees it.
---@param node table
---@param source string
---@return string
function M.key(node, source) return key_text({ source = source }, node) end

---Whether a mapping's key is the merge key `<<`.
---@param node table
---@return boolean
function M.is_merge(node)
  local plain = node.kind == "scalar" and node.style == "plain" and not node.tag
  return plain and node.text == "<<"
end

local value

local function merge_into(state, map, node, depth)
  local target = node.kind == "alias" and node.target or node
  if target.kind == "mapping" then
    for key, v in next, value(state, node, depth) do
      if map[key] == nil then map[key] = v end
    end
  elseif target.kind == "sequence" and node.kind ~= "alias" then
    for _, item in ipairs(target.items) do
      if (item.kind == "alias" and item.target or item).kind ~= "mapping" then
        compose.fail(state.source, item, "<< needs mappings")
      end
      merge_into(state, map, item, depth)
    end
  else
    compose.fail(state.source, node, "<< needs a mapping or a list of mappings")
  end
end

-- A merge inserts its keys at its place, as in Helm: they override the keys above it, and keys below override them. (In
-- YAML's own draft, the mapping's own keys would always win.)
local function mapping_value(state, node, depth)
  local map, keys, own = {}, {}, {}
  for _, entry in ipairs(node.entries) do
    if M.is_merge(entry.key) then
      local merged = {}
      merge_into(state, merged, entry.value, depth)
      for key, v in next, merged do
        map[key] = v
      end
    else
      local key = key_text(state, entry.key)
      if own[key] and not state.repeats then compose.fail(state.source, entry.key, ("duplicate key %q"):format(key)) end
      own[key] = true
      map[key] = value(state, entry.value, depth)
      keys[#keys + 1] = key
    end
  end
  if state.ordered then ordered.mark(map, keys) end
  return map
end

local function alias_value(state, node, depth)
  state.inside = state.inside + 1
  local result = value(state, node.target, depth)
  state.inside = state.inside - 1
  return result
end

function value(state, node, depth)
  if depth > MAX_DEPTH then compose.fail(state.source, node, "nested deeper than 64 levels") end
  if state.inside > 0 then
    state.expanded = state.expanded + 1
    if state.expanded > MAX_EXPANDED then
      compose.fail(state.source, node, "aliases expand to more than 10000 values")
    end
  end
  if node.kind == "scalar" then return scalar_value(state, node) end
  if node.kind == "alias" then return alias_value(state, node, depth) end
  if node.kind == "mapping" then return mapping_value(state, node, depth + 1) end
  local list = json.array {}
  for i, item in ipairs(node.items) do
    list[i] = value(state, item, depth + 1)
  end
  return list
end

---The value of a node of `o2x.yaml.compose`.
---@param node table
---@param source string
---@param options o2x.yaml.options?
---@return any
function M.value(node, source, options)
  options = options or {}
  local state = { source = source, inside = 0, expanded = 0 }
  for _, name in ipairs { "ordered", "exact", "repeats" } do
    state[name] = options[name]
  end
  return value(state, node, 0)
end

---@class o2x.yaml.options
---@field ordered boolean? tables remember the order of their keys
---@field first boolean? of several documents the first counts, as kubectl reads a kubeconfig
---@field exact boolean? a number beyond 64 bits is an error, as is right for a file that an operator wrote for o2x
---@field repeats boolean? a key may be there twice, and the last one counts, as for Helm in what a chart renders

---Decodes one YAML document. Mappings become tables with string keys, sequences become marked arrays, null and an empty
---text become `json.null`. As for Helm, an integer beyond 64 bits is the nearest float.
---@param text string
---@param source string? the file it is from, for messages ("yaml" if absent)
---@param options o2x.yaml.options?
---@return any
function M.decode(text, source, options)
  source = source or "yaml"
  local documents = compose.compose(text, source)
  if #documents > 1 and not (options and options.first) then
    compose.fail(source, documents[2], "expected one document, found more")
  end
  if not documents[1] then return json.null end
  return M.value(documents[1], source, options)
end

---Decodes one YAML document for a reader: what is null is absent.
---@param text string
---@param source string? the file it is from, for messages
---@param options o2x.yaml.options? as for decode
---@return any value nil for null and for an empty text
function M.read(text, source, options) return json.without_nulls(M.decode(text, source, options)) end

---Decodes any number of YAML documents; empty ones are skipped.
---@param text string
---@param source string?
---@param options o2x.yaml.options?
---@return any[]
function M.decode_all(text, source, options)
  local values = {}
  for _, node in ipairs(compose.compose(text, source or "yaml")) do
    local v = M.value(node, source or "yaml", options)
    if v ~= json.null then values[#values + 1] = v end
  end
  return values
end

---Encodes to YAML in block style: two spaces per level, lists not indented below their key, quotes only where needed.
---Keys follow the table's order if it has one (see `ordered`), else they are sorted. Secrets and functions are errors.
---@param v any
---@return string text that ends with a newline
M.encode = emit.encode

return M
