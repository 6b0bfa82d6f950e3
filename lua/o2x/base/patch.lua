--- A unified diff of two texts, as patch takes it: one hunk, from the first line that differs to the last.

local M = {}

local CONTEXT <const> = 3
local NO_NEWLINE <const> = "\\ No newline at end of file"

-- The lines of a text; does its last one end with a line break?
local function lines_of(text)
  local lines = {}
  for line in text:gmatch "([^\n]*)\n?" do
    lines[#lines + 1] = line
  end
  return lines, text == "" or text:sub(-1) == "\n"
end

-- How many lines at the beginning, and how many of the rest at the end, are the same.
local function same_ends(old, new, both_end)
  local first, last, least = 0, 0, math.min(#old, #new)
  while first < least and old[first + 1] == new[first + 1] do
    first = first + 1
  end
  while both_end and last < least - first and old[#old - last] == new[#new - last] do
    last = last + 1
  end
  return first, last
end

local function range(first, count) return ("%d,%d"):format(count == 0 and first or first + 1, count) end

--- The diff of two texts that differ.
---@param path string that the diff names
---@param before string
---@param after string
---@return string diff ends with a line break
---@return integer count of its lines
function M.unified(path, before, after)
  local old, old_ends = lines_of(before)
  local new, new_ends = lines_of(after)
  -- A last line without its line break is another line.
  local first, last = same_ends(old, new, old_ends and new_ends)
  if not (old_ends and new_ends) then first = math.min(first, #old - 1, #new - 1) end
  first = math.max(first, 0)
  local from, till = math.max(first - CONTEXT, 0), math.max(last - CONTEXT, 0)
  local list = { "--- " .. path, "+++ " .. path }
  list[3] = ("@@ -%s +%s @@"):format(range(from, #old - till - from), range(from, #new - till - from))
  local function add(sign, lines, low, high, ends)
    for i = low, high do
      list[#list + 1] = sign .. lines[i]
      if i == #lines and not ends then list[#list + 1] = NO_NEWLINE end
    end
  end
  add(" ", old, from + 1, first, true)
  add("-", old, first + 1, #old - last, old_ends)
  add("+", new, first + 1, #new - last, new_ends)
  add(" ", old, #old - last + 1, #old - till, true)
  return table.concat(list, "\n") .. "\n", #list
end

return M
