---What a plain scalar means. The rules are those of the library by which Helm and kubectl read YAML 1.1
---(sigs.k8s.io/yaml): yes, no, on, off and their likes are booleans, 0777 is octal, 1_000 and 1e3 are numbers; there
---are no base-60 numbers, and dates stay strings.

local M = {}

local words = {}
for value, list in pairs {
  [true] = "y Y yes Yes YES true True TRUE on On ON",
  [false] = "n N no No NO false False FALSE off Off OFF",
} do
  for word in list:gmatch "%S+" do
    words[word] = { value, "bool" }
  end
end
for word in ("~ null Null NULL"):gmatch "%S+" do
  words[word] = { nil, "null" }
end
words[""] = { nil, "null" }
for word in (".nan .NaN .NAN"):gmatch "%S+" do
  words[word] = { 0 / 0, "float" }
end
for word in (".inf .Inf .INF"):gmatch "%S+" do
  words[word] = { math.huge, "float" }
  words["+" .. word] = { math.huge, "float" }
  words["-" .. word] = { -math.huge, "float" }
end

local radix = { x = 16, X = 16, b = 2, B = 2, o = 8, O = 8 }
local digits = { [16] = "^%x+$", [10] = "^%d+$", [8] = "^[0-7]+$", [2] = "^[01]+$" }

-- Digits that 64 bits without a sign can hold.
local unsigned = {
  [16] = "^0*" .. ("%x?"):rep(16) .. "$",
  [8] = "^0*1?" .. ("[0-7]?"):rep(21) .. "$",
  [2] = "^0*" .. ("[01]?"):rep(64) .. "$",
}

-- The float that Helm makes of a number of another base that needs all 64 bits.
local function beyond(sign, base, rest)
  if sign ~= "" or not unsigned[base] or not rest:match(unsigned[base]) then return nil end
  local value = 0.0
  for digit in rest:gmatch "." do
    value = value * base + tonumber(digit, 16)
  end
  return value
end

-- -> integer; or nil, "range", float if it does not fit in 64 bits; or nil if it is not an integer
local function integer(text)
  local sign, body = text:match "^([-+]?)(.+)$"
  if not body then return nil end
  local base, rest = 10, body
  if body:match "^0[xXbBoO]" then
    base, rest = radix[body:sub(2, 2)], body:sub(3)
  elseif body:match "^0%d" then
    base, rest = 8, body:sub(2)
  end
  if not rest:match(digits[base]) then return nil end
  local value = 0
  for digit in rest:gmatch "." do
    local d = tonumber(digit, 16)
    -- Negative from the start: -2^63 has no positive counterpart.
    if value < (math.mininteger + d) // base + ((math.mininteger + d) % base == 0 and 0 or 1) then
      return nil, "range", beyond(sign, base, rest)
    end
    value = value * base - d
  end
  if sign == "-" then return value end
  if value == math.mininteger then return nil, "range", beyond(sign, base, rest) end
  return -value
end

local function float(text)
  local mantissa = text:gsub("[eE][-+]?%d+$", "", 1)
  if not (mantissa:match "^[-+]?%.%d+$" or mantissa:match "^[-+]?%d+$" or mantissa:match "^[-+]?%d+%.%d*$") then
    return nil
  end
  local value = tonumber((text:gsub("^%+", "")))
  if not value then return nil end
  value = value + 0.0
  if value - value ~= 0 then return nil end -- too large: stays a string
  return value
end

--- The value of a plain scalar, typed as Helm types it.
---@param text string
---@return any value nil for null
---@return string kind "string", "null", "bool", "int", "float", or "range": an integer beyond 64 bits, whose value is
---  the nearest float, or the text itself if Helm takes it for one
function M.resolve(text)
  local word = words[text]
  if word then return word[1], word[2] end
  local first = text:sub(1, 1)
  if first == "." then
    local value = float(text)
    if value then return value, "float" end
  elseif first:match "[-+%d]" then
    local plain = text:gsub("_", "")
    local value, problem, inexact = integer(plain)
    if problem then return inexact or float(plain) or text, problem end
    if value then return value, "int" end
    value = float(plain)
    if value then return value, "float" end
  end
  return text, "string"
end

---Would an unquoted string be read as another type: by Helm, or by a parser that knows dates, base-60 numbers or the
---keys `<<` and `=`?
---@param text string
---@return boolean
function M.ambiguous(text)
  local _, kind = M.resolve(text)
  return kind ~= "string"
    or text == "<<"
    or text == "="
    or text:match "^[-+]?%d[%d_]*:[0-5]?%d" ~= nil
    or text:match "^%d%d%d%d%-%d%d?%-%d%d?" ~= nil
end

return M
