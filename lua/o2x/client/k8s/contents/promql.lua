--- Reads the selectors of a PromQL expression: what stands in its braces.

local M = {}

local ESCAPES <const> = { n = "\n", t = "\t", r = "\r" }

-- A quoted string that begins at `at` -> its text, and the place after it; nil if it does not end.
local function quoted(text, at)
  local mark, parts, i = text:sub(at, at), {}, at + 1
  while i <= #text do
    local char = text:sub(i, i)
    if char == mark then return table.concat(parts), i + 1 end
    if char == "\\" and mark ~= "`" then
      i = i + 1
      char = text:sub(i, i)
      char = ESCAPES[char] or char
    end
    parts[#parts + 1] = char
    i = i + 1
  end
end

local function matcher(text, at)
  local label, op, start = text:match("^%s*([%a_][%w_]*)%s*([=!~]+)%s*()[\"'`]", at)
  if not label then return nil end
  local value, after = quoted(text, start)
  return value and { label = label, op = op, value = value }, after
end

-- What follows a brace -> its matchers, and the place after the closing brace.
local function braces(text, at)
  local found = {}
  while true do
    local close = text:match("^%s*,?%s*}()", at)
    if close then return found, close end
    local one, after = matcher(text, text:match("^%s*,?()", at))
    if not one then return nil end
    found[#found + 1], at = one, after
  end
end

--- The selectors of an expression.
---@param text string
---@return { label: string, op: string, value: string }[][]? selectors one list of matchers for each pair of braces;
--- nil if the expression cannot be read
function M.selectors(text)
  local found, at = {}, 1
  while true do
    at = text:find("[{\"'`#]", at)
    if not at then return found end
    local char = text:sub(at, at)
    local after
    if char == "{" then
      found[#found + 1], after = braces(text, at + 1)
    elseif char == "#" then
      after = text:find("\n", at, true) or #text + 1
    else
      after = select(2, quoted(text, at))
    end
    if not after then return nil end
    at = after
  end
end

return M
