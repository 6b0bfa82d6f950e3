---Base64 as JSON bodies carry it.
local M = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local CHARS, VALUES = {}, {}
for i = 0, 63 do
  local c = ALPHABET:sub(i + 1, i + 1)
  CHARS[i], VALUES[c:byte()] = c, i
end
-- two characters for twelve bits: half the work for long texts
local PAIRS = {}
for i = 0, 4095 do PAIRS[i] = CHARS[i >> 6] .. CHARS[i & 63] end

---@param bytes string
---@return string
function M.encode(bytes)
  local out, n, whole = {}, 0, #bytes - #bytes % 3
  for i = 1, whole, 3 do
    local a, b, c = bytes:byte(i, i + 2)
    out[n + 1] = PAIRS[a << 4 | b >> 4]
    out[n + 2] = PAIRS[(b & 15) << 8 | c]
    n = n + 2
  end
  local a, b = bytes:byte(whole + 1, whole + 2)
  if b then
    out[n + 1] = PAIRS[a << 4 | b >> 4] .. CHARS[(b & 15) << 2] .. "="
  elseif a then
    out[n + 1] = PAIRS[a << 4] .. "=="
  end
  return table.concat(out)
end

---@param text string
---@return string? bytes nil: not base64
function M.decode(text)
  text = text:gsub("[\r\n]", "")
  if #text % 4 ~= 0 then return nil end
  local body, padding = text:match("^([%w+/]*)(=*)$")
  if not body or #padding > 2 then return nil end
  local out, n = {}, 0
  for i = 1, #body, 4 do
    local a, b, c, d = body:byte(i, i + 3)
    local bits = VALUES[a] << 18 | VALUES[b] << 12 | (VALUES[c] or 0) << 6 | (VALUES[d] or 0)
    n = n + 1
    out[n] = string.char(bits >> 16, bits >> 8 & 255, bits & 255)
  end
  return (table.concat(out):sub(1, -1 - #padding))
end

return M
