---Parses YAML into a tree of nodes with their positions in the text. Values (`o2x.yaml`) and edits (`o2x.helm_values`)
---are based on it. The tree is made and read by host/yaml_tree.c and host/yaml_value.c; the limits and the words for
---what is wrong are here.

local core = require "o2x.core.yaml"
local errors = require "o2x.base.error"
local scalar = require "o2x.base.yaml.scalar"

local M = {}

local MAX_ALIASES <const> = 1000
-- Limit for values expanded from aliases: enough for any values file, far below an alias bomb.
local MAX_EXPANDED <const> = 10000

local LONGEST_DETAIL <const> = 200 -- bytes

-- What is wrong with a tree, by the codes of core.compose and tree:value. What is not here is no YAML: libyaml says it.
local MISTAKES <const> = {
  aliases = "more than 1000 aliases",
  anchor = "no anchor &%s before this alias",
  inside = "the alias *%s refers to a node that contains it",
  nested = "nested deeper than 64 levels",
  expanded = "aliases expand to more than 10000 values",
  key = "a key must be a scalar",
  ["null key"] = "a key must not be null",
  duplicate = "duplicate key %q",
  merge = "<< needs a mapping or a list of mappings",
  ["merge item"] = "<< needs mappings",
  tag = "unknown tag %s",
  type = "%q is not a valid !!%s",
  range = "integer does not fit in 64 bits: %s",
  infinite = "number is not finite: %s",
}

-- About the text as a whole.
local WHOLE <const> = { size = true, encoding = true }

-- What stands in the text may be as long as the text.
local function shortened(detail)
  if #detail <= LONGEST_DETAIL then return detail end
  return detail:sub(1, utf8.offset(detail, 0, LONGEST_DETAIL) - 1) .. "…"
end

local function raise(source, message, code, more)
  local place, detail = message:match "^(%d+:%d+): (.*)"
  detail, more = shortened(detail), more and shortened(more)
  local words = MISTAKES[code]
  errors.raise {
    kind = "input",
    module = "yaml",
    op = "decode",
    code = not words and code or nil,
    message = words and words:format(detail, more) or detail,
    where = WHOLE[code] and source or source .. ":" .. place,
  }
end

---Composes the tree of a YAML text.
---@param text string
---@param source string the file it is from, for messages
---@return userdata tree to be closed where it is not kept; its nodes are numbers (host/yaml.c)
function M.tree(text, source)
  local tree, message, code = core.compose(text, MAX_ALIASES)
  if not tree then raise(source, message, code) end
  return tree
end

---The value of a node, with anchors and merges resolved.
---@param tree userdata
---@param node integer
---@param source string the file it is from, for messages
---@param options o2x.yaml.options?
---@param orders table<table, string[]>? gets the keys of each map in their order
---@return any
function M.value(tree, node, source, options, orders)
  local exact, repeats = options and options.exact, options and options.repeats
  local value, message, code, more = tree:value(node, scalar.WORDS, MAX_EXPANDED, orders, exact, repeats)
  if message then raise(source, message, code, more) end
  return value
end

---The nodes of a YAML text as tables: `kind` ("scalar", "sequence", "mapping", "alias"), `first` and `last` byte,
---`line`, `column`, `style`, `anchor`, `tag`; a scalar's `text`, a sequence's `items`, a mapping's `entries` ({ key =,
---value = }), an alias's `target`. The `last` byte of a block collection is where the next node begins, not where its
---own text ends.
---@param text string
---@param source string the file it is from, for messages
---@return table[] nodes one a document
function M.compose(text, source)
  local tree <close> = M.tree(text, source)
  local nodes, node = {}, tree:document()
  while node do
    nodes[#nodes + 1] = tree:nodes(node)
    node = tree:document(node)
  end
  return nodes
end

return M
