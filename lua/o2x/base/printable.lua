--- Text made safe to show. What a terminal or a reader's eye would obey instead of show is written out: control
--- characters, direction marks (a file name could be read backwards), characters of no width, broken UTF-8. Colours
--- of o2x itself are marks that nobody else can write, and become colours at the end.

local is_plain = require("o2x.core.tty").is_plain

local M = {}

-- Unguessable, so that a text cannot contain a mark of its own.
local NONCE <const> = ("%016x"):format(math.random(0))
local MARK <const> = "\27{" .. NONCE .. ";(%d+)}"

-- First and last code points of what is written out. Spaces of a width of their own are shown.
local HIDDEN <const> = {
  { 0x00, 0x1F }, -- control characters
  { 0x7F, 0x9F }, -- delete, and the second set of control characters
  { 0xAD, 0xAD }, -- soft hyphen
  { 0x34F, 0x34F }, -- grapheme joiner
  { 0x61C, 0x61C }, -- Arabic letter mark
  { 0x115F, 0x1160 }, -- Hangul fillers
  { 0x17B4, 0x17B5 }, -- Khmer vowels without a shape
  { 0x180B, 0x180F }, -- Mongolian selectors and vowel separator
  { 0x200B, 0x200F }, -- no width, joiners, left-to-right and right-to-left marks
  { 0x2028, 0x202E }, -- line and paragraph separators, embeddings and overrides of direction
  { 0x2060, 0x206F }, -- word joiner, invisible operators, isolates of direction
  { 0x3164, 0x3164 }, -- Hangul filler
  { 0xD800, 0xDFFF }, -- halves of characters
  { 0xFE00, 0xFE0F }, -- variation selectors
  { 0xFEFF, 0xFEFF }, -- byte order mark
  { 0xFFA0, 0xFFA0 }, -- Hangul filler
  { 0xFFF0, 0xFFFF }, -- annotations, unassigned
  { 0x1BCA0, 0x1BCA3 }, -- shorthand controls
  { 0x1D173, 0x1D17A }, -- musical controls
  { 0xE0000, 0x10FFFF }, -- tags, selectors, private use
}

local SHORT <const> = { [0x07] = "\\a", [0x08] = "\\b", [0x09] = "\\t", [0x0A] = "\\n", [0x0D] = "\\r" }

-- The first range that ends at the code point or after it.
local function range_of(code)
  local low, high = 1, #HIDDEN
  while low < high do
    local middle = (low + high) // 2
    if HIDDEN[middle][2] < code then
      low = middle + 1
    else
      high = middle
    end
  end
  return HIDDEN[low]
end

local function is_hidden(code)
  local range = range_of(code)
  return code >= range[1] and code <= range[2]
end

local function written_out(code)
  if code < 0x80 then return SHORT[code] or ("\\x%02x"):format(code) end
  return ("\\u{%04x}"):format(code)
end

-- A character of valid UTF-8, as it is shown.
local function shown(character)
  local code = utf8.codepoint(character)
  return is_hidden(code) and written_out(code) or nil
end

-- All of a text without marks, written out.
local function escape(text)
  if is_plain(text) then return text end
  local parts, at = {}, 1
  while at <= #text do
    local length, broken = utf8.len(text, at)
    local last = length and #text or broken - 1
    parts[#parts + 1] = text:sub(at, last):gsub(utf8.charpattern, shown)
    if broken then parts[#parts + 1] = ("\\x%02x"):format(text:byte(broken)) end
    at = last + (broken and 2 or 1)
  end
  return table.concat(parts)
end

-- Escapes what is between the marks; render gives what stands for a mark of a colour.
local function between_marks(text, render)
  local parts, at = {}, 1
  for first, code, after in text:gmatch("()" .. MARK .. "()") do
    parts[#parts + 1] = escape(text:sub(at, first - 1))
    parts[#parts + 1] = render(code)
    at = after
  end
  parts[#parts + 1] = escape(text:sub(at))
  return table.concat(parts)
end

local function colour(code) return ("\27[%sm"):format(code) end
local function mark(code) return ("\27{%s;%s}"):format(NONCE, code) end
local function one_line(text) return between_marks(text, colour) end

--- One line, whatever is in the text: a line break is written out too.
---@param text string may have marks of colour
---@return string
function M.line(text)
  if is_plain(text) then return text end
  return one_line(text)
end

--- A text whose line breaks are its own: help, a document, lines that o2x put together.
---@param text string may have marks of colour
---@return string
function M.lines(text)
  if is_plain(text, true) then return text end
  return (text:gsub("[^\n]+", one_line))
end

--- One line that keeps its marks: to be measured, put together with others, and made printable again.
---@param text string
---@return string
function M.marked(text)
  if is_plain(text) then return text end
  return between_marks(text, mark)
end

--- Marks a text with a colour.
---@param code string of ANSI: "31"
---@param text string
---@return string
function M.colour(code, text) return mark(code) .. text .. mark "0" end

--- A text without its marks and colours.
---@param text string
---@return string
function M.plain(text)
  if is_plain(text) then return text end
  return (text:gsub(MARK, ""):gsub("\27%[%d+m", ""))
end

--- JSON in which nothing is hidden either: the same values, but the characters are escaped as JSON does.
---@param json string valid JSON
---@return string
function M.json(json)
  if is_plain(json, true) or not utf8.len(json) then return json end
  return (
    json:gsub(utf8.charpattern, function(character)
      local code = utf8.codepoint(character)
      if code < 0x7F or not is_hidden(code) then return nil end
      if code < 0x10000 then return ("\\u%04x"):format(code) end
      code = code - 0x10000
      return ("\\u%04x\\u%04x"):format(0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF))
    end)
  )
end

return M
