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

-- Lines as a text that ends with one newline; "" if there are none.
local function text_of(lines)
  local text = table.concat(lines, "\n"):gsub("%s*$", "")
  return text == "" and "" or text .. "\n"
end

-- The lines before the owner's first section, those of the sections, and those behind the first that are others'.
local function parts(text, heading)
  local before, own, after, inside = {}, {}, {}, false
  for line in (text:gsub("\n$", "") .. "\n"):gmatch "([^\n]*)\n" do
    if is_heading(line) then inside = line:sub(1, #heading) == heading end
    local list = inside and own or #own > 0 and after or before
    list[#list + 1] = line
  end
  return before, own, after
end

--- One owner's sections.
---@param text string
---@param heading string
---@return string? text nil if there are none
function M.own(text, heading)
  local _, own = parts(text, heading)
  return #own > 0 and text_of(own) or nil
end

--- The same text with other sections of one owner, where the first one was or at the end. All else stays.
---@param text string
---@param heading string
---@param own string? nil: without them
---@return string
function M.replace(text, heading, own)
  local before, _, after = parts(text, heading)
  local pieces = {}
  for _, piece in ipairs { text_of(before), own or "", text_of(after) } do
    if piece ~= "" then pieces[#pieces + 1] = piece end
  end
  return table.concat(pieces, "\n")
end

--- The title of a text: its first line, if that is a heading of the first level.
---@param text string
---@return string?
function M.title(text) return text:match "^# [^\n]*\n" end

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
