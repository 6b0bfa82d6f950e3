--- Replaces values that a plan cannot know yet by a placeholder text.

local value = require "o2x.base.value"

local M = {}

local function holds_unknown(v)
  if value.is_unknown(v) then return true end
  if type(v) ~= "table" then return false end
  for _, item in next, v do
    if holds_unknown(item) then return true end
  end
  return false
end

local function fill(v)
  if value.is_unknown(v) then return tostring(v) end
  if type(v) ~= "table" then return v end
  local out = setmetatable({}, getmetatable(v))
  for key, item in next, v do
    out[key] = fill(item)
  end
  return out
end

--- The value itself, or a copy in which unknown values are "(known after apply)".
---@param v any
---@return any
function M.fill(v) return holds_unknown(v) and fill(v) or v end

return M
