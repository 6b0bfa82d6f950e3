--- Amounts as people read them.

local M = {}

local SIZES <const> = { { 1 << 40, "TB" }, { 1 << 30, "GB" }, { 1 << 20, "MB" }, { 1 << 10, "KB" } }
local TIMES <const> = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" } }

--- Bytes: "8.9 MB".
---@param n integer
---@return string
function M.bytes(n)
  for _, size in ipairs(SIZES) do
    if n >= size[1] then return ("%.1f %s"):format(n / size[1], size[2]) end
  end
  return ("%d bytes"):format(n)
end

--- A time: "3 minutes", "1 hour", "40 seconds".
---@param seconds number
---@return string
function M.duration(seconds)
  for _, unit in ipairs(TIMES) do
    if seconds >= unit[1] then
      local n = math.floor(seconds / unit[1] + 0.5)
      return ("%d %s%s"):format(n, unit[2], n == 1 and "" or "s")
    end
  end
  local n = math.max(1, math.floor(seconds + 0.5))
  return ("%d second%s"):format(n, n == 1 and "" or "s")
end

return M
