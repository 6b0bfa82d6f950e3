--- Places in the order of a program in which tasks run at the same time. What is done at the same time is done in any
--- order; its places are in the order in which the program names it, so that two runs can be compared.
---
--- A place has one part for each task from the first to the one that does it: how many things that task's parent had
--- begun before, and which branch of the last one it is. Places are texts; as texts they are in the program's order.

local M = {}

local FORM <const> = ">I4I4"
local LENGTH <const> = string.packsize(FORM)

--- Counts one more thing that a task begins.
---@param context table of the task
---@return integer
function M.count(context)
  local begun = (rawget(context, "begun") or 0) + 1
  context.begun = begun
  return begun
end

--- The part of a place that one task has.
---@param number integer
---@param branch integer 0 if it is no branch of a group
---@return string
function M.part(number, branch) return FORM:pack(number, branch) end

--- The place of a task.
---@param context table of the task; its metatable leads to that of its parent
---@return string
function M.of(context)
  local known = rawget(context, "place")
  if known then return known end
  local metatable = getmetatable(context)
  local found = metatable and M.of(metatable.__index) .. M.part(context.group, context.branch) or ""
  context.place = found
  return found
end

--- Is what is done at one place always done before what is done at another one? Branches of a group are done at the
--- same time.
---@param one string
---@param other string
---@return boolean
function M.precedes(one, other)
  for at = 1, math.min(#one, #other), LENGTH do
    local number, branch = FORM:unpack(one, at)
    local its_number, its_branch = FORM:unpack(other, at)
    if number ~= its_number then return number < its_number end
    if branch ~= its_branch then return false end
  end
  return false
end

--- A place as records keep it: "3.0.1.2".
---@param place string
---@return string
function M.text(place)
  local numbers = {}
  for at = 1, #place, LENGTH do
    numbers[#numbers + 1] = ("%d.%d"):format(FORM:unpack(place, at))
  end
  return table.concat(numbers, ".")
end

--- The place that a record keeps.
---@param text string
---@return string place
function M.parse(text)
  local parts = {}
  for number, branch in text:gmatch "(%d+)%.(%d+)" do
    parts[#parts + 1] = M.part(tonumber(number), tonumber(branch))
  end
  return table.concat(parts)
end

return M
