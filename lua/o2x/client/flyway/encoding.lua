--- The encodings that a script's configuration may name, turned into UTF-8.

local M = {}

-- What windows-1252 has in place of the control characters 0x80 to 0x9F; 0: nothing.
-- stylua: ignore
local WINDOWS = {
  0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0,
  0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178,
}

local function check_utf8(text)
  local length, at = utf8.len(text)
  return length and text, at
end

local function ascii(text)
  local at = text:find "[\x80-\xff]"
  return not at and text, at
end

local function latin1(text)
  return (text:gsub("[\x80-\xff]", function(c) return utf8.char(c:byte()) end))
end

local function windows(text)
  local bad
  local out = text:gsub("()([\x80-\xff])", function(at, c)
    local code = WINDOWS[c:byte() - 0x7F] or c:byte()
    if code == 0 then bad = bad or at end
    return utf8.char(code)
  end)
  return not bad and out, bad
end

-- Where ISO-8859-15 differs from ISO-8859-1.
local LATIN9 = {
  ["\xA4"] = "€",
  ["\xA6"] = "Š",
  ["\xA8"] = "š",
  ["\xB4"] = "Ž",
  ["\xB8"] = "ž",
  ["\xBC"] = "Œ",
  ["\xBD"] = "œ",
  ["\xBE"] = "Ÿ",
}

local function latin9(text)
  return (text:gsub("[\x80-\xff]", function(c) return LATIN9[c] or utf8.char(c:byte()) end))
end

-- -> the code point at a position, its length in bytes; nil: none begins there
local function utf16_character(text, at, format)
  if at + 1 > #text then return nil end
  local unit = string.unpack(format, text, at)
  if unit < 0xD800 or unit > 0xDFFF then return unit, 2 end
  if unit > 0xDBFF or at + 3 > #text then return nil end
  local second = string.unpack(format, text, at + 2)
  if second < 0xDC00 or second > 0xDFFF then return nil end
  return 0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00), 4
end

local function utf16(format)
  return function(text)
    local parts, at = {}, 1
    while at <= #text do
      local code, length = utf16_character(text, at, format)
      if not code then return false, at end
      parts[#parts + 1] = utf8.char(code)
      at = at + length
    end
    return table.concat(parts)
  end
end

-- The byte order mark decides; without one the high byte comes first.
local function utf16_marked(text)
  if text:sub(1, 2) == "\xFF\xFE" then return utf16 "<I2"(text:sub(3)) end
  return utf16 ">I2"((text:gsub("^\xFE\xFF", "")))
end

-- The names that Java knows them by, in lower case.
local NAMES = {
  { check_utf8, "utf-8", "utf8", "unicode-1-1-utf-8" },
  { ascii, "us-ascii", "ascii", "ascii7", "iso646-us", "646", "cp367" },
  { latin1, "iso-8859-1", "iso_8859-1", "iso_8859_1", "iso8859-1", "iso8859_1", "8859_1", "latin1", "l1", "cp819" },
  { latin9, "iso-8859-15", "iso_8859-15", "iso8859-15", "iso8859_15", "8859_15", "latin9", "latin-9", "l9", "cp923" },
  { windows, "windows-1252", "cp1252", "ibm-1252", "ibm1252" },
  { utf16_marked, "utf-16", "utf16", "utf_16", "unicode" },
  { utf16 "<I2", "utf-16le", "utf_16le", "unicodelittleunmarked" },
  { utf16 ">I2", "utf-16be", "utf_16be", "unicodebigunmarked" },
}

local DECODERS = {}
for _, one in ipairs(NAMES) do
  for i = 2, #one do
    DECODERS[one[i]] = one[1]
  end
end

--- Turns a text into UTF-8.
---@param text string
---@param name string? the encoding; nil: UTF-8
---@return string? decoded nil if it is not valid
---@return string? problem
function M.decode(text, name)
  local decoder = DECODERS[(name or "utf-8"):lower()]
  if not decoder then
    return nil,
      ("the encoding '%s' is not known (UTF-8, UTF-16, ISO-8859-1, ISO-8859-15, windows-1252 and US-ASCII are)"):format(
        name
      )
  end
  local decoded, at = decoder(text)
  if decoded then return decoded end
  local line = 1 + select(2, text:sub(1, at):gsub("\n", ""))
  return nil, ("line %d is not %s: byte 0x%02X"):format(line, name or "UTF-8", text:byte(at))
end

return M
