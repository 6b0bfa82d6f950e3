--- The values of records, type by type: their canonical form, and what Route 53 takes. It says of the rest only that it
--- is invalid, and only when a run writes it.

local M = {}

--- The types of records that o2x writes.
M.TYPES = { "A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT" }

-- ---- what a value is made of ----

local function is_ipv4(text)
  local octets = { text:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$" }
  for _, each in ipairs(octets) do
    if each:find "^0%d" or #each > 3 or tonumber(each) > 255 then return false end
  end
  return octets[1] ~= nil
end

local function is_ipv6(text)
  local left, right = text:match "^(.-)::(.*)$"
  local count = 0
  for _, side in ipairs { left or text, right } do
    for group in (side == "" and "" or side .. ":"):gmatch "([^:]*):" do
      if not group:find "^%x%x?%x?%x?$" then return false end
      count = count + 1
    end
  end
  if left then return count < 8 end
  return count == 8
end

local function is_name(s) return s == "." or s:find '^[^%s%c/:@"]+$' ~= nil and not s:find("..", 1, true) end

local function is_number(text, most)
  return text:find "^%d+$" ~= nil and #text <= 5 and math.tointeger(tonumber(text)) <= most
end

local function words_of(text)
  local words = {}
  for word in text:gmatch "%S+" do
    words[#words + 1] = word
  end
  return words
end

-- `count` numbers of 16 bits, and a name.
local function numbers_and_name(text, count)
  local words = words_of(text)
  for i = 1, count do
    if not is_number(words[i] or "", 65535) then return false end
  end
  return #words == count + 1 and is_name(words[#words])
end

local function is_authority(text)
  local flags, tag, value = text:match '^(%d+) (%w+) "([^"]*)"$'
  return flags ~= nil and #tag <= 15 and is_number(flags, 255) and not value:find "%c"
end

local function is_mail(text) return numbers_and_name(text, 1) end

local function is_service(text) return numbers_and_name(text, 3) end

-- Type → whether a value is one of it, and what people are told to write. TXT has rules of its own (record.lua).
local NAME <const> = { is_name, "a host name, such as www.example.com" }
local KINDS <const> = {
  A = { is_ipv4, "an address of four numbers without leading zeros, such as 192.0.2.1" },
  AAAA = { is_ipv6, "an address of IPv6 in hexadecimal, such as 2001:db8::1" },
  CNAME = NAME,
  NS = NAME,
  PTR = NAME,
  MX = { is_mail, "a priority and a host name, such as 10 mail.example.com" },
  SRV = { is_service, "priority, weight, port and a host name, such as 10 5 443 www.example.com" },
  CAA = { is_authority, 'flags, a tag and a text in quotation marks, such as 0 issue "ca.example.com"' },
}

--- Does o2x write records of this type?
---@param kind string
---@return boolean
function M.supports(kind)
  for _, each in ipairs(M.TYPES) do
    if each == kind then return true end
  end
  return false
end

--- What Route 53 would refuse about a value.
---@param kind string of the record: "MX"
---@param text string in its canonical form
---@return string? problem nil if there is none
function M.problem(kind, text)
  local rule = KINDS[kind]
  if not rule or rule[1](text) then return nil end
  return ("expected %s, not %q"):format(rule[2], text)
end

-- ---- canonical forms ----

-- "\052" is "*"; an escaped dot or backslash stays so, because it is no separator.
local function unescape(digits)
  local byte = tonumber(digits, 8)
  if not byte or byte > 255 or byte == 46 or byte == 92 then return nil end
  return string.char(byte)
end

--- The canonical form of a name: lower case, no final dot, nothing escaped that need not be.
---@param name string
---@return string
function M.name(name) return (name:gsub("\\([0-7][0-7][0-7])", unescape):lower():gsub("%.$", "")) end

-- A lone dot means that there is nothing: no mail for this name.
local function host(text) return text == "." and text or M.name(text) end

-- The last word is a name, the others are numbers.
local function with_name(text)
  local words = words_of(text)
  for i = 1, #words - 1 do
    words[i] = words[i]:gsub("^0+(%d)", "%1")
  end
  words[#words] = words[1] and host(words[#words])
  return table.concat(words, " ")
end

local function authority(text)
  local flags, tag, value = text:match "^0*(%d+)%s+(%w+)%s+(.*)$"
  if not flags then return text end
  if not value:find '[%s"]' then value = '"' .. value .. '"' end
  return ("%s %s %s"):format(flags, tag:lower(), value)
end

local CANONICAL <const> =
  { CNAME = host, NS = host, PTR = host, MX = with_name, SRV = with_name, CAA = authority, AAAA = string.lower }

--- The canonical form of a value, without blanks around it.
---@param kind string of the record: "MX"
---@param text string
---@return string
function M.canonical(kind, text)
  text = text:match "^%s*(.-)%s*$"
  return CANONICAL[kind] and (CANONICAL[kind](text)) or text
end

return M
