--- Reads SQL text as PostgreSQL's own lexer does, with standard_conforming_strings on: names, strings, numbers,
--- parameters, operators. Comments and space are skipped. What the two could read differently is refused.

local M = {}

---@class o2x.pg.token
---@field kind "name"|"quoted"|"string"|"number"|"parameter"|"op"
---@field text string a name in lower case; a quoted name without its quotes; the content of a string as it is written
---@field at integer position in the text

local NAME <const> = "^[%a_\x80-\xff][%w_$\x80-\xff]*()"

-- The position after the quote that ends a text, or nil if it does not end.
local function end_of_quote(text, at, quote, escapes)
  while true do
    local found = text:find(escapes and "['\\]" or quote, at)
    if not found then return nil end
    if text:byte(found) == 92 then -- a backslash
      if found == #text then return nil end
      at = found + 2
    elseif text:sub(found + 1, found + 1) == quote then
      at = found + 2
    else
      return found + 1
    end
  end
end

-- Comments nest.
local function end_of_comment(text, at)
  local depth = 1
  at = at + 2
  while depth > 0 do
    local found = text:find("[/*][/*]", at)
    if not found then return nil end
    local mark = text:sub(found, found + 1)
    if mark == "/*" then depth = depth + 1 end
    if mark == "*/" then depth = depth - 1 end
    at = (mark == "/*" or mark == "*/") and found + 2 or found + 1
  end
  return at
end

-- The position of the next token. A line comment ends at a carriage return, too.
local function skip(text, at)
  while true do
    at = text:match("^[ \t\r\n\f]*()", at)
    local two = text:sub(at, at + 1)
    if two == "--" then
      at = text:match("^[^\r\n]*()", at)
    elseif two == "/*" then
      local after = end_of_comment(text, at)
      if not after then return at, "comment" end
      at = after
    else
      return at
    end
  end
end

local function quoted(text, at, from, kind, quote, escapes)
  local after = end_of_quote(text, from, quote, escapes)
  if not after then return nil, "open" end
  local content = text:sub(from, after - 2)
  if kind == "quoted" then content = content:gsub('""', '"') end
  return { kind = kind, text = content, at = at }, after
end

local function dollar(text, at)
  local parameter, after = text:match("^%$(%d+)()", at)
  if parameter then return { kind = "parameter", text = parameter, at = at }, after end
  local tag = text:match("^%$[%a_\x80-\xff]?[%w_\x80-\xff]*%$", at)
  if not tag then return nil, "$" end
  local first, last = text:find(tag, at + #tag, true)
  if not first then return nil, "open" end
  return { kind = "string", text = text:sub(at + #tag, first - 1), at = at }, last + 1
end

-- E'…', B'…', X'…', N'…' and U&'…' are strings; a name U&"…" hides its letters.
local function prefixed(text, at)
  local prefix = text:match("^[eEbBxXnN]'", at)
  if prefix then return quoted(text, at, at + 2, "string", "'", prefix:lower() == "e'") end
  if text:find("^[uU]&'", at) then return quoted(text, at, at + 3, "string", "'") end
  if text:find('^[uU]&"', at) then return nil, 'U&"' end
end

--- Reads the next token.
---@param text string
---@param at integer where to begin
---@return o2x.pg.token? token nil at the end of the text
---@return integer|string|nil after the position after it; without a token: "open" if the text ends within a string, a
---  quoted name or a comment, or the characters that no token begins with; nil at the end of the text
---@return integer from the position where reading has to begin again once there is more text
function M.next(text, at)
  local open
  at, open = skip(text, at)
  if open then return nil, "open", at end
  if at > #text then return nil, nil, at end
  local c = text:sub(at, at)
  local token, after
  if c == "'" then
    token, after = quoted(text, at, at + 1, "string", "'")
  elseif c == '"' then
    token, after = quoted(text, at, at + 1, "quoted", '"')
  elseif c == "$" then
    token, after = dollar(text, at)
  elseif c:find "[%a_\x80-\xff]" then
    token, after = prefixed(text, at)
    if not after then
      after = text:match(NAME, at)
      token = { kind = "name", text = text:sub(at, after - 1):lower(), at = at }
    end
  elseif c:find "%d" or text:find("^%.%d", at) then
    after = text:match("^%d*%.?%d*()", at)
    after = text:match("^[eE][+-]?%d+()", after) or after
    token = { kind = "number", text = text:sub(at, after - 1), at = at }
  elseif c:find "[%(%)%[%],;:%.%+%-%*/<>=~!@#%%%^&|`%?]" then
    token, after = { kind = "op", text = c, at = at }, at + 1
  else
    after = c
  end
  return token, after, at
end

--- All tokens of a text.
---@param text string
---@return o2x.pg.token[]? tokens nil if the text is not whole
---@return string? why not
function M.tokens(text)
  local list, at = {}, 1
  while true do
    local token, after = M.next(text, at)
    if token then
      list[#list + 1], at = token, after
    elseif after == nil then
      return list
    else
      return nil, after == "open" and "a string, a quoted name or a comment does not end" or "unexpected " .. after
    end
  end
end

return M
