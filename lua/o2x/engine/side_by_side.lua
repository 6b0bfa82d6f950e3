--- Three values beside each other, for the operator who decides: what was there before, what this run wants or wrote,
--- what is there now. Of large values only what differs is shown.

local diff = require "o2x.base.diff"
local mask = require "o2x.base.mask"
local value = require "o2x.base.value"

local M = {}

local LONGEST <const> = 300 -- bytes of a value in a message

--- A text of at most so many bytes.
---@param text string
---@param most integer
---@return string
function M.cut(text, most)
  return #text > most and text:sub(1, (utf8.offset(text, 0, most) or most) - 1) .. "…" or text
end

local function shown(v)
  v = value.displayed(v)
  return M.cut(mask.text(v == nil and "nothing" or type(v) == "string" and v or diff.inline(v)), LONGEST)
end

local function is_record(v) return type(v) == "table" and v[1] == nil and not value.has_reference(v) end

-- The fields in which two values differ, as a tree; true: as wholes. nil: they are equal.
local function differing(a, b)
  if not (is_record(a) and is_record(b)) then return not value.equal(a, b) or nil end
  local tree = {}
  for _, one in ipairs { a, b } do
    for name in pairs(one) do
      tree[name] = differing(a[name], b[name])
    end
  end
  return next(tree) ~= nil and tree or nil
end

local function only(v, tree)
  if type(tree) ~= "table" or type(v) ~= "table" then return v end
  local part = {}
  for name, below in pairs(tree) do
    part[name] = only(v[name], below)
  end
  return part
end

-- A text from the line in which it differs from the other.
local function from_difference(text, other)
  if type(text) ~= "string" or type(other) ~= "string" then return text end
  local line = 1
  for at = 1, math.min(#text, #other) do
    if text:byte(at) ~= other:byte(at) then break end
    if text:byte(at) == 10 then line = at + 1 end
  end
  return (line > 1 and "… " or "") .. text:sub(line)
end

---@class o2x.three
---@field before string
---@field ours string
---@field now string

--- The three values as texts, where ours and now differ.
---@param before any plain data, as the journal has it
---@param ours any
---@param now any
---@param foreign string? what is there now, where the value does not show it
---@return o2x.three
function M.of(before, ours, now, foreign)
  local tree = differing(ours, now)
  return {
    before = shown(only(from_difference(before, now), tree)),
    ours = shown(only(from_difference(ours, now), tree)),
    now = shown(foreign or only(from_difference(now, ours), tree)),
  }
end

--- The three values as lines.
---@param three o2x.three
---@return string[]
function M.lines(three)
  local before, ours, now = "  before: " .. three.before, "  ours:   " .. three.ours, "  now:    " .. three.now
  return { before, ours, now }
end

return M
