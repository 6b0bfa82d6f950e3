--- Kubernetes quantities: "1000m", "1", "2Gi", "1e3". The API server gives them back in canonical form.

local M = {}

local FACTORS = {
  [""] = 1,
  n = 1e-9,
  u = 1e-6,
  m = 1e-3,
  k = 1e3,
  M = 1e6,
  G = 1e9,
  T = 1e12,
  P = 1e15,
  E = 1e18,
  Ki = 2 ^ 10,
  Mi = 2 ^ 20,
  Gi = 2 ^ 30,
  Ti = 2 ^ 40,
  Pi = 2 ^ 50,
  Ei = 2 ^ 60,
}

--- The value of a quantity.
---@param text string|number
---@return number? value nil if it is none
function M.value(text)
  if type(text) == "number" then return text end
  if type(text) ~= "string" then return nil end
  local digits, suffix = text:match("^([+-]?[%d.]+)(%a*)$")
  local number = digits and tonumber(digits)
  if number and FACTORS[suffix] then return number * FACTORS[suffix] end
  if text:match("^[+-]?[%d.]+[eE][+-]?%d+$") then return tonumber(text) end
end

--- Whether two quantities mean the same amount, however they are written.
---@param a string|number
---@param b string|number
---@return boolean
function M.equal(a, b)
  local x, y = M.value(a), M.value(b)
  if not x or not y then return false end
  return x == y or math.abs(x - y) <= 1e-12 * math.max(math.abs(x), math.abs(y))
end

return M
