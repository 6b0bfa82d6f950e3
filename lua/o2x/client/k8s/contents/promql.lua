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

-- The place after the parenthesis that closes the one at `at`.
local function after_labels(text, at)
  local close = text:find(")", at, true)
  return close and close + 1 or #text + 1
end

local function set(words)
  local map = {}
  for word in words:gmatch "%S+" do
    map[word] = true
  end
  return map
end

local WORDS <const> = set "and or unless bool offset inf nan atan2"
local WITH_LABELS <const> = set "by without on ignoring group_left group_right"
local AGGREGATES <const> = set [[sum min max avg group stddev stdvar count count_values bottomk topk quantile limitk
  limit_ratio]]

-- A name at `at` -> the place to read on from, and whether it is a metric without braces: the series of everybody.
local function name(text, at)
  local word, after = text:match("^([%a_:][%w_:]*)%s*()", at)
  local mark, lower = text:sub(after, after), word:lower()
  if WITH_LABELS[lower] and mark == "(" then return after_labels(text, after) end
  if WORDS[lower] or WITH_LABELS[lower] or mark == "(" or mark == "{" then return after end
  local clause = AGGREGATES[lower] and text:match("^(%a+)%s*%(", after)
  if clause and WITH_LABELS[clause:lower()] then return after end
  return after, true
end

--- The selectors of an expression.
---@param text string
---@return { label: string, op: string, value: string }[][]? selectors one list of matchers for each pair of braces,
--- an empty one for a metric without braces; nil if the expression cannot be read
function M.selectors(text)
  local found, at = {}, 1
  while true do
    at = text:find("[{\"'`#%w_:%[]", at)
    if not at then return found end
    local char = text:sub(at, at)
    local after, bare
    if char == "[" then
      after = (text:find("]", at, true) or #text) + 1
    elseif char:find "%d" then
      after = text:match("^[%w.]+()", at)
    elseif char:find "[%a_:]" then
      after, bare = name(text, at)
      if bare then found[#found + 1] = {} end
    elseif char == "{" then
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
