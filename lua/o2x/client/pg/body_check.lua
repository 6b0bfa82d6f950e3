--- Looks into the body of a function that an archive brings. It runs later, with the rights of whoever causes it, which
--- may be the admin: what is about the server, other databases or roles is refused, and SQL that is put together.

local functions = require "o2x.client.pg.functions"
local lexer = require "o2x.client.pg.lexer"

local M = {}

local DEPTH <const> = 4 -- texts within texts: 1 is the statement, 2 the body, 3 a text in it
local BODY <const> = 2

-- Words in a row that have no place in a function of a tenant's database.
local DENIED <const> = {
  "alter database",
  "alter role",
  "alter user",
  "alter group",
  "alter system",
  "alter default",
  "alter extension",
  "create database",
  "create role",
  "create user",
  "create group",
  "create extension",
  "create event",
  "create server",
  "create foreign",
  "create language",
  "create subscription",
  "create publication",
  "create tablespace",
  "drop database",
  "drop role",
  "drop user",
  "drop owned",
  "reassign owned",
  "import foreign",
  "set role",
  "set local role",
  "set session role",
  "set session authorization",
  "set local session authorization",
  "reset role",
  "reset session",
  "security definer",
  "security label",
  "copy program",
  "language c",
  "language internal",
  "session_replication_role",
}

-- And in its body: another function, which nobody looks into.
local DENIED_INSIDE <const> =
  { "create function", "create or replace function", "create procedure", "create or replace procedure" }

-- They write the server's own tables. pg_temp is where a session's temporary ones are.
local CATALOG <const> = {
  " update (pg_[%w_]+)",
  " update only (pg_[%w_]+)",
  " insert into (pg_[%w_]+)",
  " delete from (pg_[%w_]+)",
  " delete from only (pg_[%w_]+)",
  " merge into (pg_[%w_]+)",
  " truncate (pg_[%w_]+)",
  " truncate table (pg_[%w_]+)",
}

local FUNCTIONS <const> = {
  "^dblink",
  "^pg_read_",
  "^pg_ls_",
  "^pg_stat_file",
  "^lo_import",
  "^lo_export",
  "^pg_terminate",
  "^pg_cancel",
  "^pg_reload",
  "^pg_rotate",
  "^query_to_xml",
  "^pg_file_",
  "^pg_logical_",
  "^pg_create_",
}

-- What the services' own functions may do, though it acts: in their database, or until they end.
local OWN_WORK <const> = {}
for name in
  ([[currval lastval nextval setval setseed pg_notify pg_sleep pg_sleep_for pg_sleep_until txid_current
  pg_current_xact_id pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all
  pg_advisory_unlock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock
  pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared set_config ts_rewrite
  ts_stat]]):gmatch "%S+"
do
  OWN_WORK[name] = true
end

-- EXECUTE may run a text that begins like this.
local EXECUTED <const> = {
  select = true,
  insert = true,
  update = true,
  delete = true,
  analyze = true,
  truncate = true,
  lock = true,
  refresh = true,
}
local EXECUTED_ON <const> = {
  ["create table"] = true,
  ["create index"] = true,
  ["create unique"] = true,
  ["alter table"] = true,
  ["drop table"] = true,
  ["drop index"] = true,
  ["drop view"] = true,
  ["create view"] = true,
  ["create schema"] = true,
  ["create sequence"] = true,
  ["alter sequence"] = true,
  ["comment on"] = true,
  ["grant select"] = true,
  ["create temp"] = true,
  ["create temporary"] = true,
  ["create materialized"] = true,
  ["notify"] = true,
  ["vacuum"] = true,
}

local function has_one_of(text, sequences)
  for _, sequence in ipairs(sequences) do
    if text:find(" " .. sequence .. " ", 1, true) then return ("its body has %s"):format(sequence:upper()) end
  end
end

local function denied(words, depth)
  local text = " " .. table.concat(words, " ") .. " "
  local problem = has_one_of(text, DENIED) or depth > 1 and has_one_of(text, DENIED_INSIDE)
  if problem then return problem end
  for _, pattern in ipairs(CATALOG) do
    local name = text:match(pattern)
    if name and name ~= "pg_temp" then return ("its body writes %s"):format(name) end
  end
  if text:find " copy .* program " then return "its body has COPY … PROGRAM" end
end

local function is_name(token) return token ~= nil and (token.kind == "name" or token.kind == "quoted") end

local function acts(name)
  if functions.acting[name] and not OWN_WORK[name] then return true end
  for _, pattern in ipairs(FUNCTIONS) do
    if name:find(pattern) then return true end
  end
  return false
end

local function sets_role(tokens, i)
  local first, after = tokens[i + 2], tokens[i + 3]
  if not first or first.kind ~= "string" or not after or after.text ~= "," then return true end
  local name = first.text:lower()
  return name == "role" or name:find "session" ~= nil
end

local function called(tokens)
  for i, token in ipairs(tokens) do
    local is_call = tokens[i + 1] and tokens[i + 1].text == "("
    -- alias.name calls a function, too, where the alias is a function's value
    local is_field = tokens[i - 1] and tokens[i - 1].text == "." and functions.acting[token.text]
    if is_name(token) and (is_call or is_field) then
      if acts(token.text) then return ("its body calls %s"):format(token.text) end
      if is_call and token.text == "set_config" and sets_role(tokens, i) then
        return "its body calls set_config for a role"
      end
    end
  end
end

-- Reads on to the end of a statement.
local function until_semicolon(tokens, i)
  return function(_, at)
    at = at + 1
    local token = tokens[at]
    if token and token.text ~= ";" then return at, token end
  end,
    nil,
    i
end

-- GRANT role TO role has no ON.
local function grants_role(tokens, i)
  for _, token in until_semicolon(tokens, i) do
    if token.kind == "name" and token.text == "on" then return false end
    if token.kind == "name" and token.text == "to" then return true end
    if not is_name(token) and token.text ~= "," then return false end
  end
  return false
end

-- COPY with a file of the server.
local function copies_file(tokens, i)
  for at, token in until_semicolon(tokens, i) do
    local is_way = token.kind == "name" and (token.text == "from" or token.text == "to")
    if is_way and tokens[at + 1] and tokens[at + 1].kind == "string" then return true end
  end
  return false
end

local STARTS <const> = { [";"] = true, begin = true, ["then"] = true, ["else"] = true, loop = true }

local function about_the_server(tokens)
  for i, token in ipairs(tokens) do
    local before = tokens[i - 1]
    if token.kind == "name" and (not before or STARTS[before.text]) then
      if token.text == "grant" and grants_role(tokens, i) then return "its body has GRANT of a role" end
      if token.text == "copy" and copies_file(tokens, i) then return "its body has COPY with a file of the server" end
      if token.text == "load" and tokens[i + 1] and tokens[i + 1].kind == "string" then return "its body has LOAD" end
    end
  end
end

local function begins_harmlessly(text)
  local first, second = text:lower():match "^%s*(%a+)%s*(%a*)"
  if not first then return false end
  return EXECUTED[first] or EXECUTED_ON[first .. " " .. second] or EXECUTED_ON[first] or false
end

-- The texts that EXECUTE begins with: EXECUTE 'text', EXECUTE format('text', …); not GRANT EXECUTE. fn gets each, and
-- what follows it.
local function each_executed(tokens, fn)
  for i, token in ipairs(tokens) do
    local before = tokens[i - 1] and tokens[i - 1].text
    if token.kind == "name" and token.text == "execute" and before ~= "grant" and before ~= "revoke" then
      local at = i + 1
      while tokens[at] and (tokens[at].text == "(" or tokens[at].text == "format") do
        at = at + 1
      end
      local problem = fn(tokens[at], tokens[at + 1])
      if problem then return problem end
    end
  end
end

local function put_together(tokens)
  return each_executed(tokens, function(text)
    if text and text.kind == "string" and begins_harmlessly(text.text) then return nil end
    return "its body executes SQL that is put together"
  end)
end

local function several(tokens)
  return each_executed(tokens, function(text, after)
    local goes_on = after and after.text == "|" and text.text:find ";%s*$"
    if goes_on or text.text:find ";%s*%S" then return "its body executes several statements at once" end
  end)
end

local function words_of(tokens)
  local words = {}
  for i, token in ipairs(tokens) do
    words[i] = (token.kind == "name" or token.kind == "quoted") and token.text or "\0"
  end
  return words
end

local function words_in(text)
  local words = {}
  for word in text:lower():gmatch "[%w_]+" do
    words[#words + 1] = word
  end
  return words
end

-- The texts of a body in one: EXECUTE may join them, or put one into another.
local function joined(tokens)
  local parts = {}
  for _, token in ipairs(tokens) do
    if token.kind == "string" then parts[#parts + 1] = token.text end
  end
  return denied(words_in(table.concat(parts)), BODY) or denied(words_in(table.concat(parts, " ")), BODY)
end

-- E'…' and U&'…' can write a letter as a number.
local function hides_letters(tokens, text)
  for _, token in ipairs(tokens) do
    local prefix = token.kind == "string" and text:sub(token.at, token.at):lower()
    local hidden = prefix == "e" and token.text:find "\\[0-7xuU]" or prefix == "u" and token.text:find "\\"
    if hidden then return "a text in it hides its letters" end
  end
end

-- What nobody can read here is not restored. BEGIN ATOMIC has no text.
local function unreadable(tokens, text)
  for i, token in ipairs(tokens) do
    local body = token.kind == "name" and token.text == "as" and tokens[i + 1]
    if body and body.kind == "string" then
      local quote, after = text:sub(body.at, body.at), tokens[i + 2]
      if quote ~= "'" and quote ~= "$" or after and after.kind == "string" then
        return "its body is not one plain text"
      end
      local inner, why = lexer.tokens(quote == "'" and body.text:gsub("''", "'") or body.text)
      if not inner then return ("its body cannot be read: %s"):format(why) end
    end
  end
end

local function problem_of(tokens, depth, text)
  local problem = denied(words_of(tokens), depth) or called(tokens) or hides_letters(tokens, text)
  if not problem and depth == 1 then problem = unreadable(tokens, text) end
  if not problem and depth <= BODY then problem = put_together(tokens) end
  if not problem and depth == BODY then problem = joined(tokens) or several(tokens) end
  if not problem and depth > 1 then problem = about_the_server(tokens) end
  if problem then return problem end
  if depth == DEPTH then return nil end
  for _, token in ipairs(tokens) do
    if token.kind == "string" and token.text:find "%a%s*[%(%s]" then
      local content = token.text:gsub("''", "'")
      local inner = lexer.tokens(content)
      problem = inner and problem_of(inner, depth + 1, content)
      if problem then return problem end
    end
  end
end

--- What is wrong with a function, or nil.
---@param tokens o2x.pg.token[] of CREATE FUNCTION or CREATE PROCEDURE
---@param text string the statement
---@return string? problem
function M.problem(tokens, text) return problem_of(tokens, 1, text) end

--- What is wrong with the expressions of a statement (defaults, checks, views, rules), or nil: they run later, like
--- functions, with the rights of whoever uses the table.
---@param tokens o2x.pg.token[]
---@param by_name boolean functions stand there without a parenthesis, as in CREATE AGGREGATE
---@return string? problem
function M.expression(tokens, by_name)
  for _, token in ipairs(by_name and tokens or {}) do
    if is_name(token) and acts(token.text) then return ("it names %s"):format(token.text) end
  end
  local problem = called(tokens)
  return problem and problem:gsub("^its body", "it")
end

return M
