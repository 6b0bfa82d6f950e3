--- Splits the SQL text of an archive, as `pg_restore --file=-` writes it, into statements and rows of COPY. What is
--- checked and what is sent to the server are the same strings: nothing else reads the text.

local errors = require "o2x.base.error"
local lexer = require "o2x.client.pg.lexer"
local shell = require "o2x.base.shell"

local M = {}

local LONGEST <const> = 16 * 1024 * 1024 -- bytes of one statement; rows do not count

---@class o2x.pg.dump.statement
---@field text string without its semicolon
---@field tokens o2x.pg.token[]
---@field line integer of the text, where it begins
---@field entry string? what the archive calls it: "public.f(integer) (FUNCTION)"

---@class o2x.pg.dump
local Dump = {}
Dump.__index = Dump

--- A splitter.
---@param path string of the archive, for messages
---@param sink {statement: fun(statement: o2x.pg.dump.statement): boolean?, row: fun(line: string), rows_end: fun()}
---  statement returns true if rows follow
---@return o2x.pg.dump
function M.new(path, sink)
  return setmetatable(
    { path = path, sink = sink, number = 0, buffer = "", at = 1, tokens = {}, depth = 0, atomic = 0 },
    Dump
  )
end

local function refuse(self, message)
  errors.raise {
    kind = "refused",
    module = "archive",
    code = "EREFUSED",
    where = self.path,
    message = ("line %d of its SQL: %s"):format(self.first or self.number, message),
    hint = ("pg_restore -f - --no-tablespaces %s shows it; nothing was changed"):format(shell.quote(self.path)),
  }
end

local function reset(self)
  self.buffer, self.at, self.tokens, self.first, self.depth, self.atomic = "", 1, {}, nil, 0, 0
end

local function finish(self, last)
  local statement = {
    text = self.buffer:sub(1, last - 1),
    tokens = self.tokens,
    line = self.first,
    entry = self.entry,
  }
  local rest = self.buffer:sub(last + 1)
  reset(self)
  if #statement.tokens == 0 then return rest end
  self.copying = self.sink.statement(statement) == true
  if self.copying and rest:find "%S" then refuse(self, "something follows COPY on its line") end
  return rest
end

-- BEGIN ATOMIC … END in the body of a function has semicolons of its own; CASE ends with END, too.
local function count_atomic(self, token)
  local before = self.tokens[#self.tokens]
  if token.kind ~= "name" then return end
  if token.text == "atomic" and before and before.kind == "name" and before.text == "begin" then
    self.atomic = 1
  elseif self.atomic > 0 and (token.text == "case" or token.text == "begin") then
    self.atomic = self.atomic + 1
  elseif self.atomic > 0 and token.text == "end" then
    self.atomic = self.atomic - 1
  end
end

local function unexpected(text, at, characters)
  local command = text:match("^\\%g+", at)
  if command then return ("%s is a command of psql, not SQL"):format(command:sub(1, 40)) end
  return ("unexpected %q"):format(characters):gsub("%c", "?")
end

-- Reads tokens up to the end of the buffer or of the statement. -> the place of the semicolon
local function scan(self)
  while true do
    local token, after, from = lexer.next(self.buffer, self.at)
    self.at = from
    if not token then
      if after and after ~= "open" then refuse(self, unexpected(self.buffer, from, after)) end
      return nil
    end
    self.first = self.first or self.number
    if token.kind == "op" and token.text == ";" and self.depth == 0 and self.atomic == 0 then return token.at end
    if token.kind == "op" and (token.text == "(" or token.text == ")") then
      self.depth = self.depth + (token.text == "(" and 1 or -1)
    end
    count_atomic(self, token)
    self.tokens[#self.tokens + 1], self.at = token, after
  end
end

-- pg_restore tells psql by \restrict to take no other command that begins with a backslash.
local function is_restrict(line) return line:find "^\\restrict %w+$" or line:find "^\\unrestrict %w+$" end

local function note_entry(self, line)
  local name, kind, schema = line:match "^%-%- .-Name: (.-); Type: (.-); Schema: (.-);"
  if name then self.entry = ("%s%s (%s)"):format(schema ~= "-" and schema .. "." or "", name, kind) end
end

--- Takes the next line, without its end.
---@param line string
function Dump:line(line)
  self.number = self.number + 1
  if self.copying then
    if line ~= "\\." then return self.sink.row(line) end
    self.copying = false
    return self.sink.rows_end()
  end
  if #self.tokens == 0 and self.buffer:find "^%s*$" then
    if is_restrict(line) then return end
    note_entry(self, line)
    self.buffer, self.at = "", 1
  end
  self.buffer = self.buffer .. line .. "\n"
  if #self.buffer > LONGEST then refuse(self, "a statement is longer than 16 MiB") end
  while true do
    local last = scan(self)
    if not last then break end
    self.buffer = finish(self, last)
    if self.copying then
      self.buffer = ""
      break
    end
  end
  if #self.tokens == 0 and self.at > #self.buffer then reset(self) end
end

--- Ends the text.
function Dump:finish()
  if self.copying then refuse(self, "the rows of a COPY do not end") end
  if #self.tokens > 0 or self.buffer:find "%S" then refuse(self, "the last statement does not end") end
end

return M
