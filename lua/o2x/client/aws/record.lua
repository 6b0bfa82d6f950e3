--- DNS records as Route 53 writes them: names with octal escapes, texts in quoted strings of at most 255 bytes.
--- Whatever means the same has one canonical form, and what Route 53 would refuse is refused here, so that a plan
--- refuses it too.

local rdata = require "o2x.client.aws.rdata"

local M = {}

local LONGEST_NAME <const>, LONGEST_LABEL <const> = 255, 63
local LONGEST_STRING <const>, LONGEST_VALUE <const> = 255, 4000
local LONGEST_TTL <const> = 2147483647
local MOST_VALUES <const> = 400

-- ---- names ----

--- The canonical form of a name.
---@param name string
---@return string
M.name = rdata.name

local function problem_of_name(name)
  if #name > LONGEST_NAME then return ("the name has %d bytes, at most %d are allowed"):format(#name, LONGEST_NAME) end
  for label in (name .. "."):gmatch "([^.]*)%." do
    if label == "" then return "the name has an empty label" end
    if #label > LONGEST_LABEL then
      return ("%s… in the name has %d bytes, at most %d are allowed between dots"):format(
        label:sub(1, 10),
        #label,
        LONGEST_LABEL
      )
    end
  end
end

-- ---- texts ----

-- The bytes of the quoted strings of a text; nil if it is not made of quoted strings alone.
local function strings_of(text)
  local strings, at = {}, 1
  while at <= #text do
    local parts = {}
    if text:sub(at, at) ~= '"' then return nil end
    at = at + 1
    while text:sub(at, at) ~= '"' do
      local plain, after = text:match('^([^"\\]+)()', at)
      if not plain then
        local digits, beyond = text:match("^\\([0-7][0-7][0-7])()", at)
        if digits and tonumber(digits, 8) < 256 then
          plain, after = string.char(tonumber(digits, 8)), beyond
        else
          plain, after = text:match("^\\(.)()", at)
        end
      end
      if not plain then return nil end
      parts[#parts + 1], at = plain, after
    end
    strings[#strings + 1] = table.concat(parts)
    at = text:match("^%s*()", at + 1)
  end
  return strings[1] and strings or nil
end

local function escape(byte)
  if byte == '"' or byte == "\\" then return "\\" .. byte end
  return ("\\%03o"):format(byte:byte())
end

local function quote(strings)
  local quoted = {}
  for i, each in ipairs(strings) do
    quoted[i] = '"' .. each:gsub('["\\\0-\31\127-\255]', escape) .. '"'
  end
  return table.concat(quoted, " ")
end

-- A text without quotation marks is split where it must be.
local function cut(text)
  local strings = {}
  for at = 1, math.max(#text, 1), LONGEST_STRING do
    strings[#strings + 1] = text:sub(at, at + LONGEST_STRING - 1)
  end
  return strings
end

local function canonical_text(text)
  if text:sub(1, 1) ~= '"' then return quote(cut(text)) end
  local strings = strings_of(text)
  return strings and quote(strings) or text
end

-- ---- values ----

-- An address of IPv6 in full: eight groups without leading zeros.
local function full_address(text)
  text = text:lower()
  local left, right = text:match "^(.-)::(.*)$"
  local groups, tail = {}, {}
  for group in (left or text):gmatch "%x+" do
    groups[#groups + 1] = group
  end
  for group in (right or ""):gmatch "%x+" do
    tail[#tail + 1] = group
  end
  if left then
    for _ = #groups + #tail + 1, 8 do
      groups[#groups + 1] = "0"
    end
  end
  table.move(tail, 1, #tail, #groups + 1, groups)
  for i, group in ipairs(groups) do
    groups[i] = group:gsub("^0+(%x)", "%1")
  end
  return table.concat(groups, ":")
end

--- The canonical form of a value.
---@param kind string of the record: "TXT"
---@param text string
---@return string
function M.value(kind, text) return kind == "TXT" and canonical_text(text) or rdata.canonical(kind, text) end

-- Readers of a TXT record join its strings: how it is split means nothing.
local function meaning(kind, text)
  text = M.value(kind, text)
  if kind == "TXT" then return table.concat(strings_of(text) or { text }) end
  return kind == "AAAA" and full_address(text) or text
end

--- Do two lists of values mean the same, in any order?
---@param kind string
---@param a string[]
---@param b string[]
---@return boolean
function M.same_values(kind, a, b)
  if #a ~= #b then return false end
  local counts = {}
  for _, text in ipairs(a) do
    counts[meaning(kind, text)] = (counts[meaning(kind, text)] or 0) + 1
  end
  for _, text in ipairs(b) do
    local key = meaning(kind, text)
    if (counts[key] or 0) == 0 then return false end
    counts[key] = counts[key] - 1
  end
  return true
end

local function problem_of_text(text)
  if text:sub(1, 1) ~= '"' then return nil end
  local strings = strings_of(text)
  if not strings then return "a text in quotation marks that does not end, or something between two of them" end
  for _, each in ipairs(strings) do
    if #each > LONGEST_STRING then
      return ("a string of %d bytes, at most %d are allowed; without quotation marks it is split"):format(
        #each,
        LONGEST_STRING
      )
    end
  end
end

local function problem_of_values(kind, values)
  if kind == "CNAME" and #values > 1 then return "a CNAME has one value" end
  if #values > MOST_VALUES then return ("%d values, at most %d are allowed"):format(#values, MOST_VALUES) end
  local seen = {}
  for i, text in ipairs(values) do
    local key = meaning(kind, text)
    if seen[key] then return ("values[%d] is the same as values[%d]"):format(i, seen[key]) end
    seen[key] = i
    local value = M.value(kind, text)
    local problem = kind == "TXT" and problem_of_text(text)
      or #value > LONGEST_VALUE and ("%d characters, at most %d are allowed"):format(#text, LONGEST_VALUE)
      or rdata.problem(kind, value)
    if problem then return ("values[%d]: %s"):format(i, problem) end
  end
end

--- What Route 53 would refuse about a record set.
---@param record { name: string, type: string, ttl: any, values: string[] }
---@return string? problem nil if there is none
function M.problem(record)
  local ttl = math.tointeger(record.ttl)
  if not ttl or ttl < 0 or ttl > LONGEST_TTL then
    return ("ttl must be a whole number of seconds from 0 to %d"):format(LONGEST_TTL)
  end
  return problem_of_name(record.name) or problem_of_values(record.type, record.values)
end

return M
