--- Makes many copies of one piece of data in which words are exchanged: names, ids, uids. Where a word stands is found
--- once. A table in which no word stands is shared by all copies, so that a copy costs little memory and time.

local json = require "o2x.base.json"

local M = {}

local FIRST <const>, LAST <const> = "\1", "\2" -- around the number of a word, in text that is marked

local function escaped(word) return (word:gsub("%p", "%%%0")) end

--- A function that marks words in a text. A word counts where no letter and no digit is beside it; of two at one place
--- the longer one counts.
---@param words string[] letters, digits and punctuation
---@return fun(text: string): string
function M.marker(words)
  local order, patterns = {}, {}
  for i, word in ipairs(words) do
    order[i] = i
    patterns[i] = "%f[%w]" .. escaped(word) .. "%f[%W]"
  end
  table.sort(order, function(a, b) return #words[a] > #words[b] or #words[a] == #words[b] and a < b end)
  return function(text)
    for _, i in ipairs(order) do
      if text:find(words[i], 1, true) then text = text:gsub(patterns[i], FIRST .. i .. LAST) end
    end
    return text
  end
end

-- A marked text as its pieces: text and numbers of words in turn; nil if there is no word in it.
local function pieces(text)
  local list, from = {}, 1
  for at, number, after in text:gmatch "()\1(%d+)\2()" do
    list[#list + 1], list[#list + 2] = text:sub(from, at - 1), math.tointeger(tonumber(number))
    from = after
  end
  if from == 1 then return nil end
  list[#list + 1] = text:sub(from)
  return list
end

local cut

-- The fields of a table in which words stand: { key, part of the key or nil, part of the value or nil }.
local function fields_of(value, mark)
  local fields = {}
  for key, item in pairs(value) do
    local in_key, in_item = cut(key, mark), cut(item, mark)
    if in_key or in_item then fields[#fields + 1] = { key = key, in_key = in_key, in_item = in_item, item = item } end
  end
  return fields[1] and fields
end

function cut(value, mark)
  if type(value) == "string" then
    local list = pieces(mark(value))
    return list and { pieces = list }
  elseif type(value) == "table" then
    local fields = fields_of(value, mark)
    return fields and { fields = fields, value = value }
  end
end

--- Finds where words stand in data.
---@param value any strings, numbers, booleans, tables of these
---@param mark fun(text: string): string of M.marker
---@return table stencil for M.fill
function M.cut(value, mark) return cut(value, mark) or { constant = value } end

--- Finds where words stand in data, of which the copies are JSON text.
---@param value any
---@param mark fun(text: string): string of words that JSON does not escape
---@return table stencil for M.fill, which gives texts
function M.json(value, mark)
  local part = cut(value, mark)
  local text = part
      and json.encode(M.fill(part, setmetatable({}, { __index = function(_, i) return FIRST .. i .. LAST end })))
    or json.encode(value)
  return { pieces = pieces((text:gsub("\\u0001(%d+)\\u0002", "\1%1\2"))) or { text } }
end

local function filled_text(list, words)
  local copy = {}
  for i, piece in ipairs(list) do
    copy[i] = i % 2 == 1 and piece or words[piece]
  end
  return table.concat(copy)
end

--- A copy with other words.
---@param part table of M.cut
---@param words table<integer, string> in the order of those that the stencil was cut with
---@return any
function M.fill(part, words)
  if part.pieces then return filled_text(part.pieces, words) end
  if not part.fields then return part.constant end
  local copy = setmetatable({}, getmetatable(part.value))
  for key, item in pairs(part.value) do
    copy[key] = item
  end
  for _, field in ipairs(part.fields) do
    if field.in_key then copy[field.key] = nil end
  end
  for _, field in ipairs(part.fields) do
    local key = field.in_key and M.fill(field.in_key, words) or field.key
    copy[key] = field.in_item and M.fill(field.in_item, words) or field.item
  end
  return copy
end

return M
