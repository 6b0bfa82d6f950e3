--- Placeholders of migrations: ${name} is replaced by its value wherever it stands, in comments and strings too. Case
--- does not matter in the name, and a value is not looked at again. As Flyway reads them, a dollar sign takes the
--- character after it along, so $${name} stays as it is.

local M = {}

-- The position of the next ${; nil: there is none.
local function next_placeholder(text, at)
  while true do
    at = text:find("$", at, true)
    if not at or text:sub(at + 1, at + 1) == "{" then return at end
    at = at + 2
  end
end

--- Replaces the placeholders of a text.
---@param text string
---@param values table<string, string> name in lower case → value
---@return string? replaced nil if a placeholder has no value
---@return string? problem
---@return integer? line of the placeholder
function M.replace(text, values)
  local parts, at = {}, 1
  while true do
    local first = next_placeholder(text, at)
    if not first then break end
    local last = text:find("}", first, true)
    local name = text:sub(first + 2, (last or #text + 1) - 1)
    local value = last and values[name:lower()]
    if not value then
      local line = 1 + select(2, text:sub(1, first):gsub("\n", ""))
      local problem = last and ("no value for the placeholder ${%s}"):format(name)
        or "a placeholder ${ that does not end"
      return nil, problem, line
    end
    parts[#parts + 1] = text:sub(at, first - 1)
    parts[#parts + 1] = value
    at = last + 1
  end
  parts[#parts + 1] = text:sub(at)
  return table.concat(parts)
end

return M
