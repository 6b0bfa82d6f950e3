---YAML: decodes it as Helm and kubectl do, encodes it in the platform's usual style.

local compose = require "o2x.base.yaml.compose"
local emit = require "o2x.base.yaml.emit"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local ordered = require "o2x.base.ordered"

local M = {}

---A table that keeps the order of its pairs: `yaml.ordered { { "name", "x" }, { "value", 1 } }`.
M.ordered = ordered.new

---The keys of a table in its order (see `decode`'s option), sorted where there is none.
M.keys = ordered.keys

---The value of YAML's null, the same as JSON's.
M.null = json.null
---Marks a table as a sequence, so that an empty one is written `[]`.
M.array = json.array

---@class o2x.yaml.options
---@field ordered boolean? tables remember the order of their keys
---@field first boolean? of several documents the first counts, as kubectl reads a kubeconfig
---@field exact boolean? a number beyond 64 bits is an error, as is right for a file that an operator wrote for o2x
---@field repeats boolean? a key may be there twice, and the last one counts, as for Helm in what a chart renders

local function value(tree, node, source, options)
  return compose.value(tree, node, source, options, options and options.ordered and ordered.all)
end

local function refuse_second(tree, first, source)
  local second, line, column = tree:document(first)
  if not second then return end
  errors.raise {
    kind = "input",
    module = "yaml",
    op = "decode",
    message = "expected one document, found more",
    where = ("%s:%d:%d"):format(source, line, column),
  }
end

---Decodes one YAML document. Mappings become tables with string keys, sequences become marked arrays, null and an empty
---text become `json.null`. As for Helm, an integer beyond 64 bits is the nearest float.
---@param text string
---@param source string? the file it is from, for messages ("yaml" if absent)
---@param options o2x.yaml.options?
---@return any
function M.decode(text, source, options)
  source = source or "yaml"
  local tree <close> = compose.tree(text, source)
  local first = tree:document()
  if not first then return json.null end
  if not (options and options.first) then refuse_second(tree, first, source) end
  return value(tree, first, source, options)
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
  source = source or "yaml"
  local tree <close> = compose.tree(text, source)
  local values, node = {}, tree:document()
  while node do
    local v = value(tree, node, source, options)
    if v ~= json.null then values[#values + 1] = v end
    node = tree:document(node)
  end
  return values
end

---Encodes to YAML in block style: two spaces per level, lists not indented below their key, quotes only where needed.
---Keys follow the table's order if it has one (see `ordered`), else they are sorted. Secrets and functions are errors.
---@param v any
---@return string text that ends with a newline
M.encode = emit.encode

return M
