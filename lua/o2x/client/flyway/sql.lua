--- Splits a migration script into statements, as psql and Flyway do: quoted text, comments, parentheses and the bodies
--- of SQL-standard functions may have semicolons of their own, and COPY … FROM STDIN is followed by its data.

local M = {}

local WORDS <const> = 11 -- how many bare words of a statement say what it is

-- The position after the quote that ends a text; nil: it does not end.
local function end_of_quote(text, at, quote, escapes)
  while true do
    local found = text:find(escapes and "['\\]" or quote, at)
    if not found then return nil end
    if text:byte(found) == 92 or text:sub(found + 1, found + 1) == quote then
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

-- Passes space and comments. -> the position of the next token; nil and where a comment begins that does not end
local function skip(text, at)
  while true do
    if at > #text then return at end
    at = text:match("^[ \t\r\n\f\v]*()", at)
    local two = text:sub(at, at + 1)
    if two == "--" then
      at = text:match("^[^\r\n]*()", at)
    elseif two == "/*" then
      local after = end_of_comment(text, at)
      if not after then return nil, at end
      at = after
    else
      return at
    end
  end
end

-- What Java takes for space beyond ASCII.
local SPACES =
  { ["\u{1680}"] = true, ["\u{2028}"] = true, ["\u{2029}"] = true, ["\u{205F}"] = true, ["\u{3000}"] = true }
for code = 0x2000, 0x200A do
  if code ~= 0x2007 then SPACES[utf8.char(code)] = true end
end

-- Passes what may stand between statements: space, comments, control characters such as the ^Z of old editors.
-- A comment that does not end is the end of the script, as for Flyway.
local function skip_between(text, at)
  local from
  repeat
    from = at
    at = skip(text, text:match("^[\0-\x20]*()", at) or at) or #text + 1
    if SPACES[text:sub(at, at + 2)] then at = at + 3 end
  until at == from
  return at
end

local function dollar(text, at)
  local tag = text:match("^%$[%a_\x80-\xff]?[%w_\x80-\xff]*%$", at)
  if not tag or tag:find "^%$%d" then return at + 1 end
  local _, last = text:find(tag, at + #tag, true)
  return last and last + 1
end

-- -> the position after the token, and the word if it is a bare one; nil: it does not end
local function token(text, at)
  local c = text:sub(at, at)
  if c == "'" then return end_of_quote(text, at + 1, "'") end
  if c == '"' then return end_of_quote(text, at + 1, '"') end
  if c == "$" then return dollar(text, at) end
  local prefix = text:match("^[eEbBxXnN]'", at) or text:match("^[uU]&['\"]", at)
  if prefix then return end_of_quote(text, at + #prefix, prefix:sub(-1), prefix:lower() == "e'") end
  local word = text:match("^[%a_\x80-\xff][%w_$\x80-\xff]*", at)
  if word then return at + #word, word:upper() end
  return text:match("^%d[%w_.]*()", at) or at + 1
end

-- A word of a name with dots says nothing about the statement.
local function keyword(text, at, after, word)
  return word:find "^[%a_]+$" and text:sub(at - 1, at - 1) ~= "." and text:sub(after, after) ~= "."
end

-- What a statement is inside of: parentheses, and BEGIN ATOMIC … END, where CASE … END may be.
local function follow(inside, c, word, previous)
  if c == "(" then inside.parentheses = inside.parentheses + 1 end
  if c == ")" then inside.parentheses = math.max(0, inside.parentheses - 1) end
  if inside.parentheses > 0 or not word then return end
  if inside.blocks == 0 then
    if word == "ATOMIC" and previous == "BEGIN" then inside.blocks = 1 end
  elseif word == "CASE" then
    inside.blocks = inside.blocks + 1
  elseif word == "END" then
    inside.blocks = inside.blocks - 1
  end
end

local function line_of(text, at) return 1 + select(2, text:sub(1, at - 1):gsub("\n", "")) end

local function open(text, at, what) return nil, ("%s does not end"):format(what), line_of(text, at) end

-- Reads one statement. -> statement, the position after its semicolon; nil, problem, line
local function read(text, first, line)
  local inside, words, previous = { parentheses = 0, blocks = 0 }, {}, nil
  local at, last = first, first - 1
  while true do
    local comment
    at, comment = skip(text, at)
    if not at then return open(text, comment, "a comment") end
    local c = text:sub(at, at)
    local nested = inside.parentheses > 0 or inside.blocks > 0
    if c == "" and nested then
      return open(text, first, inside.blocks > 0 and "BEGIN ATOMIC" or "a parenthesis in the statement")
    end
    if c == "" or c == ";" and not nested then break end
    local after, word = token(text, at)
    if not after then return open(text, at, "a quoted text or name") end
    follow(inside, c, word, previous)
    if word and inside.parentheses == 0 and #words < WORDS and keyword(text, at, after, word) then
      words[#words + 1] = word
    end
    at, last, previous = after, after - 1, word
  end
  local code = table.concat(words, " ")
  local statement = text:sub(first, last):gsub("[\0-\x20]+$", "")
  local zero = statement:find("\0", 1, true)
  if zero then return nil, "a byte of zero, which PostgreSQL takes nowhere", line_of(text, first + zero - 1) end
  return { text = statement, line = line, code = code }, at + 1
end

-- The data of a COPY begin on the line after it and end with a line of backslash and dot.
local function read_data(text, at)
  at = text:match("^[^\n]*\n()", at)
  local first = at
  while at and at <= #text do
    local line, after = text:match("^([^\n]*)()", at)
    if line:match "^%s*(.-)%s*$" == "\\." then return text:sub(first, at - 1), after + 1 end
    at = after + 1
  end
  return nil
end

---@class o2x.flyway.statement
---@field text string without the semicolon
---@field line integer where it begins
---@field code string its first bare words in capitals: "CREATE INDEX CONCURRENTLY"
---@field data string? what COPY … FROM STDIN gets

--- Splits a script into statements.
---@param text string
---@return o2x.flyway.statement[]? statements nil if one does not end
---@return string? problem
---@return integer? line
function M.statements(text)
  local list, at, line, counted = {}, 1, 1, 1
  while true do
    at = skip_between(text, at)
    if at > #text then return list end
    if text:sub(at, at) == ";" then
      at = at + 1
    else
      line, counted = line + select(2, text:sub(counted, at - 1):gsub("\n", "")), at
      local statement, after, bad = read(text, at, line)
      if not statement then return nil, after, bad end
      if (statement.code .. " "):find "^COPY .*FROM STDIN " then
        statement.data, after = read_data(text, after)
        if not after then return nil, "the data of COPY do not end with a line of \\. alone", statement.line end
      end
      list[#list + 1] = statement
      at = after
    end
  end
end

local function starts(statement, words)
  for _, one in ipairs(words) do
    if (statement.code .. " "):sub(1, #one + 1) == one .. " " then return true end
  end
  return false
end

-- What PostgreSQL runs outside a transaction only, as far as Flyway knows it.
local OUTSIDE = {
  "CREATE DATABASE",
  "DROP DATABASE",
  "CREATE TABLESPACE",
  "DROP TABLESPACE",
  "CREATE SUBSCRIPTION",
  "DROP SUBSCRIPTION",
  "ALTER SYSTEM",
  "CREATE INDEX CONCURRENTLY",
  "CREATE UNIQUE INDEX CONCURRENTLY",
  "DROP INDEX CONCURRENTLY",
  "REINDEX SCHEMA",
  "REINDEX DATABASE",
  "REINDEX SYSTEM",
  "REINDEX VERBOSE SCHEMA",
  "REINDEX VERBOSE DATABASE",
  "REINDEX VERBOSE SYSTEM",
  "VACUUM",
  "DISCARD ALL",
}

local BEGINS = { "BEGIN", "START TRANSACTION" }
local COMMITS = { "COMMIT", "END", "PREPARE TRANSACTION" }
local ROLLS_BACK = { "ROLLBACK", "ABORT" }

--- Must the statement run outside a transaction?
---@param statement o2x.flyway.statement
---@return boolean
function M.outside(statement) return starts(statement, OUTSIDE) end

--- What the statement does to the transaction that it is in.
---@param statement o2x.flyway.statement
---@return "begin"|"commit"|"roll back"|nil
---@return boolean? chained another transaction begins at once
function M.control(statement)
  local code = statement.code .. " "
  local chained = code:find(" AND CHAIN ", 1, true) ~= nil
  if starts(statement, BEGINS) then return "begin" end
  if code:find "^%a+ PREPARED " or code:find "^ROLLBACK .*TO " then return nil end
  if starts(statement, COMMITS) then return "commit", chained end
  if starts(statement, ROLLS_BACK) then return "roll back", chained end
  return nil
end

return M
