---Formats sizes and durations for people, and parses durations that they type.

local M = {}

local SIZES <const> = { { 1 << 40, "TB" }, { 1 << 30, "GB" }, { 1 << 20, "MB" }, { 1 << 10, "KB" } }
local TIMES <const> = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } }
local SECONDS <const> = { s = 1, m = 60, h = 3600, d = 86400 }

---A size: "8.9 MB", "512 bytes".
---@param bytes integer
---@return string
function M.bytes(bytes)
  for _, size in ipairs(SIZES) do
    if bytes >= size[1] then return ("%.1f %s"):format(bytes / size[1], size[2]) end
  end
  return ("%d bytes"):format(bytes)
end

---A duration: "0.4 s", "12 s", "3 min 20 s", "2 h", "3 d 4 h". Integer seconds are shown without a fraction.
---@param seconds number
---@return string
function M.duration(seconds)
  if seconds < 10 and math.type(seconds) == "float" then return ("%.1f s"):format(seconds) end
  local whole = math.floor(seconds + 0.5)
  for i, unit in ipairs(TIMES) do
    local smaller = TIMES[i + 1]
    if not smaller then return ("%d %s"):format(whole, unit[2]) end
    if whole >= unit[1] then
      local rest = whole % unit[1] // smaller[1]
      local text = ("%d %s"):format(whole // unit[1], unit[2])
      return rest > 0 and ("%s %d %s"):format(text, rest, smaller[2]) or text
    end
  end
end

---Parses a duration: "90s", "30m", "2h", "7d".
---@param text string
---@return integer? seconds nil if the text is not a duration
function M.parse_duration(text)
  local count, unit = text:match "^(%d+)([smhd])$"
  local number = count and math.tointeger(tonumber(count))
  return number and number * SECONDS[unit]
end

return M
