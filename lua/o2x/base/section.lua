--- Sections of a Markdown file that several owners share: each begins with a heading of the second level.

local M = {}

local function is_heading(line) return line:find("^##? ") ~= nil end

--- The lines outside of one owner's sections, without blank ones.
---@param text string
---@param heading string how the owner's headings begin: "## newclient ("
---@return string[] lines
function M.outside(text, heading)
  local lines, own = {}, false
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    if is_heading(line) then own = line:sub(1, #heading) == heading end
    if not own and line:find "%S" then lines[#lines + 1] = line end
  end
  return lines
end

-- A file that is made has a title of its own.
local function without_title(lines)
  local first = lines[1] and lines[1]:find "^# " and 2 or 1
  return table.move(lines, first, #lines, 1, {})
end

--- The first line outside of the owner's sections that a change touches.
---@param before string? nil: there is no file yet
---@param after string
---@param heading string
---@return string? line nil if the change is confined to the owner's sections
function M.strayed(before, after, heading)
  local old, new = M.outside(before or "", heading), M.outside(after, heading)
  if not before then new = without_title(new) end
  for i = 1, math.max(#old, #new) do
    if old[i] ~= new[i] then return old[i] or new[i] end
  end
end

return M
