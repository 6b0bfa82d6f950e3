--- A scanner for migration scripts: where a statement ends, and whether it may run in a transaction.

local errors = require "o2x.base.error"

local M = {}

local function finish_quote(text, at, backslash)
  local quote = text:sub(at, at)
  at = at + 1
  while true do
    local found = text:find(backslash and "[\\'\"]" or quote, at)
    if not found then return #text + 1 end
    local c = text:sub(found, found)
    if c == "\\" and backslash then
      at = found + 2
    elseif c ~= quote then
      at = found + 1
    elseif text:sub(found + 1, found + 1) == quote then
      at = found + 2
    else
      return found + 1
    end
  end
end

local function finish_comment(text, at)
  local depth = 1
  at = at + 2
  while depth > 0 do
    local found, _, mark = text:find("([/*][*/])", at)
    if not found then return #text + 1 end
    if mark == "/*" then
      depth = depth + 1
    elseif mark == "*/" then
      depth = depth - 1
    end
    at = found + ((mark == "/*" or mark == "*/") and 2 or 1)
  end
  return at
end

-- Skips a quoted text or comment that begins at `at`, where a semicolon means nothing. -> position after it, is it a
-- comment
local function opaque(text, at)
  local two = text:sub(at, at + 1)
  if two == "--" then return (text:find("\n", at, true) or #text) + 1, true end
  if two == "/*" then return finish_comment(text, at), true end
  local c = two:sub(1, 1)
  if c == "'" then return finish_quote(text, at, text:find("^[^%w_][eE]'", at - 2) ~= nil), false end
  if c == '"' then return finish_quote(text, at, false), false end
  if c == "$" then
    local tag = text:match("^%$[%a_\x80-\xff]?[%w_\x80-\xff]*%$", at)
    if not tag or text:find("^[%w_]", at - 1) and at > 1 then return nil end
    local _, last = text:find(tag, at + #tag, true)
    return (last or #text) + 1, false
  end
  return nil
end

local function line_of(text, at) return 1 + select(2, text:sub(1, at):gsub("\n", "")) end

--- Splits a script into statements.
---@param text string
---@return table[] list of { text, line, code }: code is in capitals, without comments, what is quoted as ''
function M.statements(text)
  local list, first, at, code = {}, 1, 1, {}
  local function cut(last)
    local words = table.concat(code):upper():gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
    if words ~= "" then
      local skipped = text:match("^%s*()", first)
      list[#list + 1] = { text = text:sub(first, last), line = line_of(text, skipped - 1), code = words }
    end
    first, code = last + 2, {}
  end
  while at <= #text do
    local found = text:find("[;'\"$/%-]", at)
    if not found then break end
    code[#code + 1] = text:sub(at, found - 1)
    local after, comment = opaque(text, found)
    if after then
      code[#code + 1] = comment and " " or "''"
      at = after
    elseif text:sub(found, found) == ";" then
      cut(found - 1)
      at = found + 1
    else
      code[#code + 1] = text:sub(found, found)
      at = found + 1
    end
  end
  code[#code + 1] = text:sub(at)
  cut(#text)
  return list
end

-- Statements that PostgreSQL does not allow inside a transaction block.
local OUTSIDE = {
  "^CREATE INDEX CONCURRENTLY",
  "^CREATE UNIQUE INDEX CONCURRENTLY",
  "^DROP INDEX CONCURRENTLY",
  "^REINDEX .*CONCURRENTLY",
  "^REINDEX SCHEMA",
  "^REINDEX DATABASE",
  "^REINDEX SYSTEM",
  "^VACUUM",
  "^ALTER SYSTEM",
  "^DISCARD ALL",
  "^CREATE DATABASE",
  "^DROP DATABASE",
  "^CREATE TABLESPACE",
  "^DROP TABLESPACE",
  "^CREATE SUBSCRIPTION",
  "^DROP SUBSCRIPTION",
  "^ALTER TABLE .* DETACH PARTITION .* CONCURRENTLY",
}

local CONTROL = {
  ["^COMMIT"] = true,
  ["^ROLLBACK$"] = true,
  ["^ROLLBACK WORK"] = true,
  ["^ROLLBACK TRANSACTION"] = true,
  ["^ABORT"] = true,
  ["^END$"] = true,
  ["^END TRANSACTION"] = true,
  ["^END WORK"] = true,
  ["^BEGIN$"] = true,
  ["^BEGIN TRANSACTION"] = true,
  ["^BEGIN WORK"] = true,
  ["^BEGIN ISOLATION"] = true,
  ["^START TRANSACTION"] = true,
  ["^PREPARE TRANSACTION"] = true,
}

local function any(code, patterns)
  for _, pattern in ipairs(patterns) do
    if code:find(pattern) then return true end
  end
  return false
end

local function refuse(script, line, message)
  errors.raise { kind = "input", module = "flyway", message = message, where = ("%s:%d"):format(script, line) }
end

local function check(statement, script, in_atomic)
  for pattern in pairs(CONTROL) do
    if statement.code:find(pattern) and not in_atomic then
      refuse(script, statement.line, "a migration runs in one transaction and must not begin or end one")
    end
  end
  if statement.code:find("^COPY .* FROM STDIN") then
    refuse(script, statement.line, "COPY FROM STDIN is not supported in a migration; use INSERT")
  end
end

--- May the script run in a transaction? Raises for one that can run neither way.
---@param text string
---@param script string its name, for messages
---@param conf string? the text of Flyway's NAME.sql.conf beside it
---@return boolean
function M.transactional(text, script, conf)
  local statements = M.statements(text)
  local inside, outside = nil, nil
  local atomic = text:upper():find("BEGIN%s+ATOMIC") ~= nil -- SQL-standard function bodies have semicolons of their own
  for _, statement in ipairs(statements) do
    check(statement, script, atomic)
    if any(statement.code, OUTSIDE) then
      outside = outside or statement
    else
      inside = inside or statement
    end
  end
  if conf and conf:find("executeInTransaction%s*=%s*false") then return false end
  if inside and outside then
    local later = math.max(inside.line, outside.line)
    refuse(script, later, "a statement that cannot run in a transaction needs a migration of its own")
  end
  return outside == nil
end

--- The name of the index that a statement builds concurrently.
---@param statement {text: string, code: string}
---@return string|nil name as written, possibly with quotes
function M.concurrent_index(statement)
  if not statement.code:find("^CREATE %a* ?INDEX CONCURRENTLY") then return nil end
  local rest = statement.text:match("[cC][oO][nN][cC][uU][rR][rR][eE][nN][tT][lL][yY]%s+(.*)")
  rest = rest and rest:gsub("^[iI][fF]%s+[nN][oO][tT]%s+[eE][xX][iI][sS][tT][sS]%s+", "")
  local name = rest and (rest:match('^("[^"]+")') or rest:match("^([%w_$]+)"))
  return name and name:upper() ~= "ON" and name or nil
end

return M
