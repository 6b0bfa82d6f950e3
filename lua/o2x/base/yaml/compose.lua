---Parses YAML into a tree of nodes with their positions in the text. Values (`o2x.yaml`) and edits (`o2x.helm_values`)
---are based on it.
---
---A node: `kind` ("scalar", "sequence", "mapping", "alias"), `first` and `last` byte, `line`, `column`, `style`,
---`anchor`, `tag`; a scalar's `text`, a sequence's `items`, a mapping's `entries` ({ key =, value = }), an alias's
---`target`. The `last` byte of a block collection is where the next node begins, not where its own text ends.

local core = require "o2x.core.yaml"
local errors = require "o2x.base.error"

local M = {}

local MAX_ALIASES = 1000

---Raises bad input at a place of a source.
---@param source string
---@param node { line: integer, column: integer }
---@param message string
function M.fail(source, node, message)
  errors.raise {
    kind = "input",
    module = "yaml",
    op = "decode",
    message = message,
    where = ("%s:%d:%d"):format(source, node.line, node.column),
  }
end

local function next_event(state)
  local kind, first, last, line, column, text, style, anchor, tag = state.parser:next()
  if not kind then
    local place, message = first:match "^(%d+:%d+): (.*)"
    errors.raise {
      kind = "input",
      module = "yaml",
      op = "decode",
      code = last,
      message = message,
      where = state.source .. ":" .. place,
    }
  end
  return {
    kind = kind,
    first = first,
    last = last,
    line = line,
    column = column,
    text = text,
    style = style,
    anchor = anchor,
    tag = tag,
  }
end

local node

local function alias(state, event)
  state.aliases = state.aliases + 1
  if state.aliases > MAX_ALIASES then M.fail(state.source, event, "more than 1000 aliases") end
  local target = state.anchors[event.text]
  if target == "open" then
    M.fail(state.source, event, "the alias *" .. event.text .. " refers to a node that contains it")
  end
  if not target then M.fail(state.source, event, "no anchor &" .. event.text .. " before this alias") end
  event.target = target
  return event
end

local function sequence(state, event)
  event.items = {}
  while true do
    local item = next_event(state)
    if item.kind == "sequence_end" then
      event.last = item.last
      return event
    end
    event.items[#event.items + 1] = node(state, item)
  end
end

local function mapping(state, event)
  event.entries = {}
  while true do
    local key = next_event(state)
    if key.kind == "mapping_end" then
      event.last = key.last
      return event
    end
    key = node(state, key)
    event.entries[#event.entries + 1] = { key = key, value = node(state, next_event(state)) }
  end
end

function node(state, event)
  if event.kind == "alias" then return alias(state, event) end
  if event.anchor then state.anchors[event.anchor] = "open" end
  if event.kind == "sequence" then
    sequence(state, event)
  elseif event.kind == "mapping" then
    mapping(state, event)
  end
  if event.anchor then state.anchors[event.anchor] = event end
  return event
end

--- Composes the nodes of a YAML text, with anchors and merges resolved.
---@param text string
---@param source string the file it is from, for messages
---@return table[] nodes one a document
function M.compose(text, source)
  local parser, message, code = core.parser(text)
  if not parser then
    errors.raise {
      kind = "input",
      module = "yaml",
      op = "decode",
      code = code,
      message = message:match "^[%d:]+ (.*)",
      where = source,
    }
  end
  local state <const> = { parser = parser, source = source, aliases = 0, anchors = {} }
  local documents = {}
  while true do
    local event = next_event(state)
    if event.kind == "stream_end" then return documents end
    if event.kind == "document" then
      state.anchors = {}
      documents[#documents + 1] = node(state, next_event(state))
    end
  end
end

return M
