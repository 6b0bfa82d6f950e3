--- A lexer of Lua for o2x check. The source has already been compiled, so it has no syntax errors.

local M = {}

local KEYWORDS = {}
for word in
  ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
  until while]]):gmatch("%a+")
do
  KEYWORDS[word] = true
end

local SYMBOLS = { -- longest first
  "...",
  "<<",
  ">>",
  "//",
  "==",
  "~=",
  "<=",
  ">=",
  "::",
  "..",
}

local ESCAPES = { n = "\n", t = "\t", r = "\r", a = "\a", b = "\b", f = "\f", v = "\v" }

-- The end of a long bracket that begins at i, or nil.
local function long_bracket(text, i)
  local level = text:match("^%[(=*)%[", i)
  if not level then return nil end
  local close = "]" .. level .. "]"
  local from = i + #level + 2
  local at = text:find(close, from, true)
  return text:sub(from, at - 1):gsub("^\r?\n", ""), at + #close
end

local function quoted(text, i)
  local quote, at = text:sub(i, i), i + 1
  while true do
    local char = text:sub(at, at)
    if char == quote then break end
    at = at + (char == "\\" and 2 or 1)
  end
  local body = text:sub(i + 1, at - 1):gsub("\\z%s*", ""):gsub("\\(.)", function(c) return ESCAPES[c] or c end)
  return body, at + 1
end

local function number(text, i)
  local digits = text:match("^0[xX][%x.]*[pP]?[+-]?%x*", i)
    or text:match("^[%d.]+[eE][+-]?%d+", i)
    or text:match("^[%d.]+", i)
  return digits, i + #digits
end

local function symbol(text, i)
  for _, candidate in ipairs(SYMBOLS) do
    if text:sub(i, i + #candidate - 1) == candidate then return candidate end
  end
  return text:sub(i, i)
end

-- Skips white space and comments.
local function skip(text, i)
  while true do
    i = text:find("%S", i) or #text + 1
    if text:sub(i, i + 1) ~= "--" then return i end
    local _, after = long_bracket(text, i + 2)
    i = after or text:find("\n", i, true) or #text + 1
  end
end

local function one(text, i)
  local char = text:sub(i, i)
  if char:match("[%a_]") then
    local word = text:match("^[%w_]+", i)
    return KEYWORDS[word] and word or "name", word, i + #word
  elseif char == '"' or char == "'" then
    local value, after = quoted(text, i)
    return "string", value, after
  elseif char == "[" and text:match("^%[=*%[", i) then
    local value, after = long_bracket(text, i)
    return "string", value, after
  elseif char:match("%d") or char == "." and text:match("^%.%d", i) then
    local value, after = number(text, i)
    return "number", value, after
  end
  local found = symbol(text, i)
  return found, found, i + #found
end

--- The tokens of a text: { kind, value, line }; the last one has the kind "end of file".
---@param text string
---@return table[]
function M.tokens(text)
  local tokens, line, counted = {}, 1, 1
  local i = text:sub(1, 1) == "#" and (text:find("\n", 1, true) or #text + 1) or 1
  while true do
    i = skip(text, i)
    for _ in text:sub(counted, i - 1):gmatch("\n") do
      line = line + 1
    end
    counted = i
    if i > #text then break end
    local kind, value, after = one(text, i)
    tokens[#tokens + 1] = { kind = kind, value = value, line = line }
    i = after
  end
  tokens[#tokens + 1] = { kind = "end of file", line = line }
  return tokens
end

return M
