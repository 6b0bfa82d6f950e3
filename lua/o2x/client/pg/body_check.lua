--- Looks into the body of a function that an archive brings. It runs later, with the rights of whoever causes it, which
--- may be the admin: what is about the server, other databases or roles is refused, and SQL that is put together.

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
  "copy program",
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

local function denied(words)
  local text = " " .. table.concat(words, " ") .. " "
  for _, sequence in ipairs(DENIED) do
    if text:find(" " .. sequence .. " ", 1, true) then return ("its body has %s"):format(sequence:upper()) end
  end
  if text:find " copy .* program " then return "its body has COPY … PROGRAM" end
end

local function called(tokens)
  for i, token in ipairs(tokens) do
    local next_one = tokens[i + 1]
    if (token.kind == "name" or token.kind == "quoted") and next_one and next_one.text == "(" then
      for _, pattern in ipairs(FUNCTIONS) do
        if token.text:find(pattern) then return ("its body calls %s"):format(token.text) end
      end
      if token.text == "set_config" then
        local first = tokens[i + 2]
        if not first or first.kind ~= "string" or first.text:lower() == "role" or first.text:lower():find "session" then
          return "its body calls set_config for a role"
        end
      end
    end
  end
end

local function begins_harmlessly(text)
  local first, second = text:lower():match "^%s*(%a+)%s*(%a*)"
  if not first then return false end
  return EXECUTED[first] or EXECUTED_ON[first .. " " .. second] or EXECUTED_ON[first] or false
end

-- EXECUTE 'text', EXECUTE format('text', …); in a trigger's definition EXECUTE FUNCTION.
local function put_together(tokens)
  for i, token in ipairs(tokens) do
    if token.kind == "name" and token.text == "execute" then
      local at = i + 1
      while tokens[at] and (tokens[at].text == "(" or tokens[at].text == "format") do
        at = at + 1
      end
      local text = tokens[at]
      local is_privilege = tokens[i - 1] and (tokens[i - 1].text == "grant" or tokens[i - 1].text == "revoke")
      if not is_privilege and (not text or text.kind ~= "string" or not begins_harmlessly(text.text)) then
        return "its body executes SQL that is put together"
      end
    end
  end
end

local function words_of(tokens)
  local words = {}
  for i, token in ipairs(tokens) do
    words[i] = (token.kind == "name" or token.kind == "quoted") and token.text or "\0"
  end
  return words
end

local function problem_of(tokens, depth)
  local problem = denied(words_of(tokens)) or called(tokens) or depth <= BODY and put_together(tokens)
  if problem then return problem end
  if depth == DEPTH then return nil end
  for _, token in ipairs(tokens) do
    if token.kind == "string" and token.text:find "%a%s*[%(%s]" then
      local inner = lexer.tokens(token.text:gsub("''", "'"))
      problem = inner and problem_of(inner, depth + 1)
      if problem then return problem end
    end
  end
end

--- What is wrong with a function, or nil.
---@param tokens o2x.pg.token[] of CREATE FUNCTION or CREATE PROCEDURE
---@return string? problem
function M.problem(tokens) return problem_of(tokens, 1) end

return M
