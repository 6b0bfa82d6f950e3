---Edits YAML text at the positions of its nodes. Each function returns the new text; bytes outside of the edit do not
---change. The caller parses the new text to check the result.

local emit = require "o2x.base.yaml.emit"

local M = {}

local function line_start(text, at)
  while at > 1 and text:sub(at - 1, at - 1) ~= "\n" do
    at = at - 1
  end
  return at
end

-- The last byte of the line that contains `at`, without the line ending.
local function line_end(text, at)
  local newline = text:find("\n", math.max(at, 1), true)
  local last = newline and newline - 1 or #text
  return text:sub(last, last) == "\r" and last - 1 or last
end

local function eol(text) return text:find("\r\n", 1, true) and "\r\n" or "\n" end

-- Generated lines have \n; the file may have \r\n.
local function native(text, lines) return (lines:gsub("\n", eol(text))) end

local function splice(text, first, last, new) return text:sub(1, first - 1) .. new .. text:sub(last + 1) end

-- Replaces a value by lines; a comment after the value stays on its line.
local function splice_lines(text, first, last, lines)
  lines = native(text, lines)
  local tail = text:sub(last + 1, line_end(text, last)):match "^%s+#.*$"
  local break_at = lines:find "\r?\n"
  if not (tail and break_at) then return splice(text, first, last, lines) end
  return splice(text, first, last + #tail, lines:sub(1, break_at - 1) .. tail .. lines:sub(break_at))
end

---The last byte of a node's own text. (libyaml ends a block collection where the next node begins.)
---@param text string
---@param node table
---@return integer
function M.content_end(text, node)
  if node.kind == "mapping" and node.style == "block" then
    return M.content_end(text, node.entries[#node.entries].value)
  elseif node.kind == "sequence" and node.style == "block" then
    return M.content_end(text, node.items[#node.items])
  elseif node.style == "literal" or node.style == "folded" then
    local body = text:sub(node.first, node.last)
    -- "+" keeps the blank lines at the end, so they are part of the value.
    return body:match "^[|>]%d*%+" and node.last or node.first + #body:gsub("%s+$", "") - 1
  end
  return node.last
end

-- The first byte after a node's anchor and tag.
local function value_first(text, node)
  local at = node.first
  if not (node.anchor or node.tag) then return at end
  while text:sub(at, at):find "[&!]" do
    at = text:match("^%S+%s*()", at)
  end
  return at
end

-- The last byte to replace for a node.
local function visible_end(text, node)
  local last = M.content_end(text, node)
  while last >= node.first and text:sub(last, last):find "%s" do
    last = last - 1
  end
  return last
end

-- The position after the colon of an entry's key.
local function after_colon(text, entry) return text:match("^%s*:()", entry.key.last + 1) or entry.value.first end

-- The position of an item's dash.
local function dash(text, item)
  local at = item.first - 1
  while at > 0 and text:sub(at, at):find "%s" do
    at = at - 1
  end
  return at
end

local BYTE_ORDER_MARK <const> = "^\xef\xbb\xbf"

local function column_blanks(text, at)
  local before = text:sub(line_start(text, at), at - 1):gsub(BYTE_ORDER_MARK, "")
  return (" "):rep(utf8.len(before) or #before)
end

local function entry_text(key, v, indent) return emit.block({ [key] = v }, indent):sub(#indent + 1) end

---A scalar, a string in the quoting style of the old value.
---@param v any
---@param style string? of the old value
---@param indent string? of the lines of a text with several lines
---@param flow boolean? within brackets
---@return string
function M.styled(v, style, indent, flow)
  if type(v) ~= "string" then return emit.scalar(v) end
  if style == "double" then return emit.double_quoted(v) end
  if style == "single" and not v:find "[%c\x80-\xff]" then return emit.single_quoted(v) end
  if flow then return emit.string(v, true) end
  return emit.scalar(v, indent)
end

local function is_filled(v) return type(v) == "table" and next(v) ~= nil end

-- Replaces an entry's value by a non-empty table, on the lines below the key.
local function put_block(text, place, v)
  local node = place.node
  local last = visible_end(text, node)
  if place.entry then
    local indent = column_blanks(text, place.entry.key.first)
    local deeper = emit.shape(v) == "list" and indent or indent .. "  "
    return splice_lines(text, after_colon(text, place.entry), last, "\n" .. emit.block(v, deeper))
  elseif place.list then
    local at = dash(text, node)
    local indent = column_blanks(text, at) .. "  "
    return splice_lines(text, at + 1, last, " " .. emit.block(v, indent):sub(#indent + 1))
  end
  return splice_lines(text, node.first, last, emit.block(v, ""))
end

-- The old value's tag is removed with it; its anchor stays.
local function first_of(text, node) return node.tag and not node.anchor and node.first or value_first(text, node) end

---Replaces a value.
---@param text string
---@param place table node, and entry or list (what it is in), flow (whether within brackets)
---@param v any
---@return string
function M.put(text, place, v)
  local node = place.node
  if place.flow then
    local new = node.kind == "scalar" and type(v) ~= "table" and M.styled(v, node.style, nil, true) or emit.flow(v)
    return splice(text, first_of(text, node), node.last, new)
  elseif is_filled(v) then
    return put_block(text, place, v)
  end
  local start = place.entry and place.entry.key.first or place.list and dash(text, node)
  local indent = start and column_blanks(text, start) or ""
  local new = type(v) == "table" and emit.flow(v) or M.styled(v, node.style, indent .. "  ")
  local last = visible_end(text, node)
  if node.kind == "scalar" and node.style == "plain" and node.text == "" then
    local first = first_of(text, node)
    return splice_lines(text, first, first - 1, " " .. new)
  elseif place.entry and node.style == "block" then
    return splice_lines(text, after_colon(text, place.entry), last, " " .. new)
  end
  return splice_lines(text, first_of(text, node), last, new)
end

-- The entry after which a new key belongs: its alphabetical place where the keys are in order, else the end. -> 0:
-- before the first
local function predecessor(entries, key)
  local place = 0
  for i, entry in ipairs(entries) do
    local own = entry.key.text or ""
    if own == "<<" or (i > 1 and own < (entries[i - 1].key.text or "")) then return #entries end
    if own < key then place = i end
  end
  return #entries > 1 and place or #entries
end

-- The node that ends last in a node's text.
local function innermost(node)
  if node.style == "flow" then return node end
  local last = node.entries and node.entries[#node.entries].value or node.items and node.items[#node.items]
  return last and innermost(last) or node
end

-- Does a node end the file, as a text block without a final newline? What follows would give it one.
local function is_open(text, node)
  local last = innermost(node)
  return (last.style == "literal" or last.style == "folded") and last.last >= #text and text:sub(-1) ~= "\n"
end

---Adds a key to a non-empty mapping.
---@param text string
---@param node table mapping
---@param key string
---@param v any
---@return string
function M.add_entry(text, node, key, v)
  if node.style == "flow" then
    local last = node.entries[#node.entries].value.last
    return splice(text, last + 1, last, (", %s: %s"):format(emit.string(key, true), emit.flow(v)))
  end
  local first = node.entries[1].key.first
  local indent = column_blanks(text, first)
  local after = predecessor(node.entries, key)
  if after > 0 and is_open(text, node.entries[after].value) then after = after - 1 end
  if after == 0 then
    return splice(text, first, first - 1, native(text, entry_text(key, v, indent) .. "\n") .. indent)
  end
  local at = line_end(text, M.content_end(text, node.entries[after].value))
  return splice(text, at + 1, at, native(text, "\n" .. indent .. entry_text(key, v, indent)))
end

---Appends an element to a non-empty list.
---@param text string
---@param node table sequence
---@param v any
---@return string
function M.add_item(text, node, v)
  local last_item = node.items[#node.items]
  if node.style == "flow" then return splice(text, last_item.last + 1, last_item.last, ", " .. emit.flow(v)) end
  local indent = column_blanks(text, dash(text, last_item))
  local at = line_end(text, M.content_end(text, last_item))
  return splice(text, at + 1, at, native(text, "\n" .. emit.block({ v }, indent)))
end

-- Cuts out a child of a block collection: whole lines if it begins a line, else up to the next child.
local function cut(text, first, last, next_first)
  local start = line_start(text, first)
  if not text:sub(start, first - 1):find "^ *$" then return splice(text, first, next_first - 1, "") end
  local stop = text:find("\n", line_end(text, last) + 1, true) or #text
  return splice(text, start, stop, "")
end

---Removes an entry of a block mapping that has more.
---@param text string
---@param node table mapping
---@param i integer
---@return string
function M.remove_entry(text, node, i)
  local entry, following = node.entries[i], node.entries[i + 1]
  return cut(text, entry.key.first, M.content_end(text, entry.value), following and following.key.first)
end

---Removes an element of a block list that has more.
---@param text string
---@param node table sequence
---@param i integer
---@return string
function M.remove_item(text, node, i)
  local following = node.items[i + 1]
  return cut(text, dash(text, node.items[i]), M.content_end(text, node.items[i]), following and dash(text, following))
end

---Replaces the bytes of a string.
---@param text string
---@param node table scalar
---@param change fun(text: string): string
---@param flow boolean
---@return string
function M.rewrite(text, node, change, flow)
  local new = change(node.text)
  if new == node.text then return text end
  local first = value_first(text, node)
  local raw = text:sub(first, node.last)
  if node.style == "double" and raw:find("\\", 1, true) then
    return splice(text, first, node.last, emit.double_quoted(new))
  elseif node.style == "plain" and not emit.plain(new, flow) then
    return splice(text, first, node.last, emit.string(new, flow))
  elseif node.style == "literal" or node.style == "folded" then
    -- The header line may hold a comment.
    local header, body = raw:match "^([^\n]*\n)(.*)$"
    return header and splice(text, first, node.last, header .. change(body)) or text
  end
  return splice(text, first, node.last, change(raw))
end

return M
