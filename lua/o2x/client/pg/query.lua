--- Checks the SQL of a read before it is sent: one statement that reads, and calls only functions that change nothing.
--- It is the first of several walls; reader.lua has the others.

local errors = require "o2x.base.error"
local functions = require "o2x.client.pg.functions"
local lexer = require "o2x.client.pg.lexer"

local M = {}

local LONGEST <const> = 100000 -- bytes

local READS <const> = "SELECT, WITH, VALUES, TABLE, SHOW or EXPLAIN"
local FIRST <const> = { select = true, with = true, values = true, table = true, show = true, explain = true }
local EXPLAINED <const> = { select = true, with = true, values = true, table = true }

local WRITE_HINT <const> =
  "rows and one cannot write; use an ensure_… function, so that the plan and the journal record it"
local FUNCTION_HINT <const> = "lua/o2x/client/pg/functions.lua lists the functions that a read may call; "
  .. "a function of the platform that only reads: pg.functions in o2x.yaml"

local function refuse(message, hint)
  errors.raise {
    kind = "refused",
    module = "pg",
    op = "read",
    code = "EREFUSED",
    message = "a read may not " .. message,
    hint = hint,
  }
end

---@class o2x.pg.tokens a list of tokens with questions
local Tokens = {}
Tokens.__index = Tokens

--- The unquoted name at a place, or "".
---@param i integer
---@return string
function Tokens:word(i)
  local token = self[i]
  return token and token.kind == "name" and token.text or ""
end

--- Is this character at the place?
---@param i integer
---@param op string
---@return boolean
function Tokens:is(i, op)
  local token = self[i]
  return token ~= nil and token.kind == "op" and token.text == op
end

--- Is a name at the place, in quotes or not?
---@param i integer
---@return boolean
function Tokens:is_name(i)
  local token = self[i]
  return token ~= nil and (token.kind == "name" or token.kind == "quoted")
end

--- The place of the parenthesis that closes the one at i.
---@param i integer
---@return integer?
function Tokens:closing(i)
  local depth = 0
  for at = i, #self do
    if self:is(at, "(") then depth = depth + 1 end
    if self:is(at, ")") then depth = depth - 1 end
    if depth == 0 then return at end
  end
end

-- ---- the statement ----

local function tokens_of(sql)
  if #sql > LONGEST then
    refuse(("have more than %d bytes of SQL"):format(LONGEST), "hand long values over as $1, $2 …")
  end
  local list, problem = lexer.tokens(sql)
  if not list then
    refuse(("be sent: %s"):format(problem), 'write "name" instead of U&"name"; end what begins with a quote')
  end
  while list[1] and list[#list].kind == "op" and list[#list].text == ";" do
    list[#list] = nil
  end
  return setmetatable(list, Tokens)
end

-- EXPLAIN [ANALYZE] [VERBOSE], or EXPLAIN (options)
local function after_explain(list, i)
  i = i + 1
  if list:is(i, "(") then return (list:closing(i) or #list) + 1 end
  while list:word(i) == "analyze" or list:word(i) == "verbose" or list:word(i) == "analyse" do
    i = i + 1
  end
  return i
end

local function check_start(list)
  local i, allowed = 1, FIRST
  while list:is(i, "(") do
    i = i + 1
  end
  if list:word(i) == "explain" then
    i, allowed = after_explain(list, i), EXPLAINED
    while list:is(i, "(") do
      i = i + 1
    end
  end
  if allowed[list:word(i)] then return end
  refuse(
    ("begin with %s: only with %s"):format(list[i] and list[i].text:upper():sub(1, 40) or "nothing", READS),
    WRITE_HINT
  )
end

-- ---- writes and locks ----

local WRITES <const> = { insert = true, update = true, delete = true, merge = true }
local LOCKS <const> = { update = true, share = true, no = true, key = true }

-- A write stands at the beginning of a parenthesis or after the last one of WITH; elsewhere the word is a column.
local function is_write(list, i)
  if not WRITES[list:word(i)] or not (list:is(i - 1, "(") or list:is(i - 1, ")")) then return false end
  return list:is_name(i + 1)
end

local function check_clause(list, i)
  local word, after = list:word(i), list:word(i + 1)
  if word == "into" then refuse("have INTO: it would make a table", WRITE_HINT) end
  if is_write(list, i) then refuse(word:upper(), WRITE_HINT) end
  if word == "for" and LOCKS[after] and not (after == "key" and list:word(i + 2) ~= "share") then
    refuse(("lock rows (FOR %s)"):format(after:upper()), "read without FOR; a write locks what it needs")
  end
end

-- ---- calls ----

-- name (column, …) AS [[NOT] MATERIALIZED] (SELECT …: a common table expression with columns.
local function is_cte(list, i)
  local before = list:word(i - 1)
  if not (before == "with" or before == "recursive" or list:is(i - 1, ",")) then return false end
  local at = list:closing(i + 1)
  if not at or list:word(at + 1) ~= "as" then return false end
  at = at + 2
  while list:word(at) == "not" or list:word(at) == "materialized" do
    at = at + 1
  end
  local first = list:word(at + 1)
  return list:is(at, "(")
    and (first == "select" or first == "with" or first == "table" or first == "values" and list:is(at + 2, "("))
end

local function qualifier(list, i) return list:is(i - 1, ".") and list[i - 2] or nil end

-- A name before a parenthesis calls a function, unless it is syntax or names columns.
local function check_call(list, i, more)
  local token, schema = list[i], qualifier(list, i)
  local name = token.text
  if schema then
    if list:is_name(i - 2) and schema.text == "pg_catalog" and not list:is(i - 3, ".") and functions.allowed(name) then
      return
    end
    local full = schema.text .. "." .. name
    if more[full] then return end
    refuse(("call %s"):format(full), FUNCTION_HINT)
  end
  if functions.allowed(name) or more[name] then return end
  if token.kind == "name" and functions.is_syntax(name) then return end
  if list:word(i - 1) == "as" or is_cte(list, i) then return end
  refuse(("call %s"):format(name), FUNCTION_HINT .. "; before a list of columns write AS: FROM t AS x (a, b)")
end

-- PostgreSQL takes (value).name for name(value), too; and alias.name where FROM gives a function's value that alias.
local function check_attribute(list, i)
  local origin = list[i - 2]
  if not origin then return end
  if list:is_name(i - 2) then
    if not functions.acting[list[i].text] or list:is(i + 1, "(") then return end
    refuse(("call %s in the form of a column"):format(list[i].text), FUNCTION_HINT)
  end
  refuse(
    ("have .%s after a value: it could call a function"):format(list[i].text),
    "give the value a name in FROM, and write name.column"
  )
end

-- ---- what nobody reads ----

-- They have passwords, of roles and of other servers. A role that may read all data may read these, too.
local CREDENTIALS <const> = {
  pg_authid = true,
  pg_shadow = true,
  pg_subscription = true,
  pg_user_mapping = true,
  pg_user_mappings = true,
  user_mapping_options = true,
  _pg_user_mappings = true,
}

local function check_relation(list, i)
  if not CREDENTIALS[list[i].text] then return end
  refuse(("name %s: it has passwords"):format(list[i].text), "pg_roles lists the roles without their passwords")
end

--- Checks the SQL of a read.
---@param sql string
---@param more table<string, boolean>? further functions that a read may call, with their schemas
---@return string sql; raises "refused"
function M.check(sql, more)
  local list = tokens_of(sql)
  check_start(list)
  for i, token in ipairs(list) do
    if list:is(i, ";") then refuse("have more than one statement", "read with one rows or one for each") end
    if token.kind == "name" and not list:is(i - 1, ".") then check_clause(list, i) end
    if list:is_name(i) then
      check_relation(list, i)
      if list:is(i + 1, "(") then check_call(list, i, more or {}) end
      if list:is(i - 1, ".") then check_attribute(list, i) end
    end
  end
  return sql
end

return M
