--- The canonical form of quantities (`500m`, `1.5Gi`, `1e3`), as the API server returns them. Their values are those of
--- o2x.client.k8s.quantity.
local M = {}

local DECIMAL = { n = -9, u = -6, m = -3, [""] = 0, k = 3, M = 6, G = 9, T = 12, P = 15, E = 18 }
local BINARY = { Ki = 1, Mi = 2, Gi = 3, Ti = 4, Pi = 5, Ei = 6 }
local DECIMAL_SUFFIX, BINARY_SUFFIX = {}, {}
for suffix, exponent in pairs(DECIMAL) do
  DECIMAL_SUFFIX[exponent] = suffix
end
for suffix, power in pairs(BINARY) do
  BINARY_SUFFIX[power] = suffix
end

--- The API server's message for an invalid quantity.
M.message = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"

-- "1.50" → 150, -2
local function parse_number(text)
  local whole, fraction = text:match("^(%d*)%.?(%d*)$")
  if not whole or whole .. fraction == "" then return nil end
  fraction = fraction:gsub("0+$", "")
  local n = math.tointeger(tonumber(whole .. fraction))
  return n, -#fraction
end

local function format_decimal(n, exponent, suffixed)
  if n == 0 then return "0" end
  while n % 10 == 0 do
    n, exponent = n // 10, exponent + 1
  end
  while exponent < -9 do
    n, exponent = -(-n // 10), exponent + 1
  end
  while exponent % 3 ~= 0 do
    n, exponent = n * 10, exponent - 1
  end
  while exponent > 18 do
    n, exponent = n * 1000, exponent - 3
  end
  if suffixed then return n .. DECIMAL_SUFFIX[exponent] end
  return exponent == 0 and tostring(n) or n .. "e" .. exponent
end

local function format_binary(n, exponent, power)
  n = n << (10 * power)
  while exponent < 0 and n % 10 == 0 do
    n, exponent = n // 10, exponent + 1
  end
  if exponent < 0 or n < 1024 then return format_decimal(n, exponent, true) end
  power = 0
  while n % 1024 == 0 and power < 6 do
    n, power = n // 1024, power + 1
  end
  return n .. (BINARY_SUFFIX[power] or "")
end

--- The canonical form of a quantity.
---@param value string|number
---@return string? canonical nil: not a quantity
function M.canonical(value)
  local text = tostring(value)
  if math.type(value) == "float" and value == math.floor(value) then text = ("%d"):format(value) end
  local sign, number, suffix = text:match("^([+-]?)([%d%.]+)(.*)$")
  if not number then return nil end
  local n, exponent = parse_number(number)
  if not n then return nil end
  sign = sign == "-" and n ~= 0 and "-" or ""
  if DECIMAL[suffix] then return sign .. format_decimal(n, exponent + DECIMAL[suffix], true) end
  if BINARY[suffix] then return sign .. format_binary(n, exponent, BINARY[suffix]) end
  local power = suffix:match("^[eE]([+-]?%d+)$")
  if power then return sign .. format_decimal(n, exponent + math.tointeger(tonumber(power)), false) end
  return nil
end

return M
