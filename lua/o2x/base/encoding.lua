--- Texts of files that people wrote, of whatever editor. A byte order mark is left out; UTF-16 and other encodings are
--- bad input with the line, because nothing else would say what is wrong with such a file. (YAML: host/yaml.c.)

local errors = require "o2x.base.error"

local M = {}

local BOM <const> = "\xef\xbb\xbf"
local SAVE <const> = "save it as UTF-8"

-- First bytes → encoding. UTF-32 begins as UTF-16 does.
local MARKS <const> = {
  { "\xff\xfe\0\0", "UTF-32" },
  { "\0\0\xfe\xff", "UTF-32" },
  { "\xff\xfe", "UTF-16" },
  { "\xfe\xff", "UTF-16" },
}

local function line_of(text, position)
  local _, breaks = text:sub(1, position - 1):gsub("\n", "")
  return breaks + 1
end

local function wide(text)
  for _, mark in ipairs(MARKS) do
    if text:sub(1, #mark[1]) == mark[1] then return mark[2] end
  end
  return (text:find "^%z[^%z]" or text:find "^[^%z]%z") and "UTF-16" or nil
end

--- A text that may have bytes beyond ASCII in any encoding: source of Lua.
---@param text string
---@param where string the file, for the error
---@return string text without a byte order mark
function M.source(text, where)
  local encoding = wide(text)
  if encoding then errors.input("the file is " .. encoding, SAVE, where) end
  local zero = text:find("\0", 1, true)
  if zero then errors.input("a NUL byte", "remove it", ("%s:%d"):format(where, line_of(text, zero))) end
  return text:sub(1, 3) == BOM and text:sub(4) or text
end

--- A text that must be UTF-8.
---@param text string
---@param where string the file, for the error
---@return string text without a byte order mark
function M.utf8(text, where)
  text = M.source(text, where)
  local fine, position = utf8.len(text)
  if fine then return text end
  errors.input("not UTF-8", SAVE, ("%s:%d"):format(where, line_of(text, position)))
end

return M
