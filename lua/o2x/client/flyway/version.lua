--- Versions of migrations: whole numbers of any size with dots between them, compared number by number.

local M = {}

-- The numbers as texts without leading zeros, because they may be larger than an integer. 1.0 is 1.
local function numbers(version)
  local parts = {}
  for part in version:gmatch "%d+" do
    parts[#parts + 1] = part:match "^0*(%d+)$"
  end
  while #parts > 1 and parts[#parts] == "0" do
    parts[#parts] = nil
  end
  return parts
end

local function compare_numbers(a, b)
  if #a ~= #b then return #a < #b and -1 or 1 end
  if a == b then return 0 end
  return a < b and -1 or 1
end

--- Compares two versions number by number.
---@param a string "1.10"
---@param b string
---@return integer below, at or above 0
function M.compare(a, b)
  local left, right = numbers(a), numbers(b)
  for i = 1, math.max(#left, #right) do
    local difference = compare_numbers(left[i] or "0", right[i] or "0")
    if difference ~= 0 then return difference end
  end
  return 0
end

--- The form of a version that equal versions share: "1" for "1.0" and "01".
---@param version string
---@return string
function M.canonical(version) return table.concat(numbers(version), ".") end

--- Reads the version in a file name, where an underscore may stand for a dot.
---@param text string "1_2"
---@return string? version "1.2", nil if it is none
function M.parse(text)
  local version = text:gsub("_", ".")
  if version:find "^%d[%d.]*$" and not version:find("..", 1, true) and not version:find "%.$" then return version end
  return nil
end

return M
