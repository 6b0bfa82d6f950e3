--- Decides what happens with each statement of an archive. What pg_dump writes for the contents of a database is run as
--- the role that owns only the restored copy; statements about anything outside of it are refused by name.

local body_check = require "o2x.client.pg.body_check"
local errors = require "o2x.base.error"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

---@alias o2x.pg.dump.action "run"|"rows"|"skip"|"owner"|"rights"|"extension"
---  rows: COPY; owner, rights: for the admin, once the contents are there; extension: the admin creates it

---@class o2x.pg.dump.rules
---@field path string of the archive, for messages
---@field functions table<string, boolean> functions that are trusted, whatever is in them
---@field roles table<string, boolean> roles that may own objects and get privileges
---@field extensions table<string, boolean> extensions beyond those that every platform may have

-- They add types and functions, and reach nothing outside the database.
local EXTENSIONS <const> = {}
for name in
  ([[plpgsql pgcrypto uuid-ossp citext hstore pg_trgm btree_gin btree_gist unaccent ltree intarray tablefunc
  fuzzystrmatch cube earthdistance isn seg dict_int tsm_system_rows pg_stat_statements]]):gmatch "%S+"
do
  EXTENSIONS[name] = true
end

-- ---- what a statement says ----

local function word(s, i)
  local token = s.tokens[i]
  return token and token.kind == "name" and token.text or ""
end

local function is(s, i, op)
  local token = s.tokens[i]
  return token ~= nil and token.kind == "op" and token.text == op
end

local function is_name(s, i)
  local token = s.tokens[i]
  return token ~= nil and (token.kind == "name" or token.kind == "quoted")
end

-- The first words in capitals: "CREATE EVENT TRIGGER".
local function head(s, most)
  local words = {}
  for i = 1, most do
    if word(s, i) == "" then break end
    words[i] = word(s, i):upper()
  end
  return table.concat(words, " ")
end

-- Are there these words in a row, from place i on?
local function follows(s, i, ...)
  for n, text in ipairs { ... } do
    if word(s, i + n - 1) ~= text then return false end
  end
  return true
end

-- The place of these words anywhere in the statement.
local function find(s, ...)
  for i = 1, #s.tokens do
    if follows(s, i, ...) then return i end
  end
end

-- A name with or without a schema from place i on. -> its parts, the place after it
local function qualified(s, i)
  local parts = {}
  while is_name(s, i) do
    parts[#parts + 1] = s.tokens[i].text
    i = i + 1
    if not is(s, i, ".") then break end
    i = i + 1
  end
  return parts, i
end

local function refuse(s, what, why)
  errors.raise {
    kind = "refused",
    module = "archive",
    code = "EREFUSED",
    op = "check",
    where = s.path,
    hint = (
      "to see it: pg_restore -f - --no-tablespaces %s | sed -n %dp; "
      .. "use an archive without it, or restore by hand"
    ):format(shell.quote(s.path), s.line),
    message = ("%s is not restored: %s (line %d of its SQL%s)"):format(
      what,
      why,
      s.line,
      s.entry and ", entry " .. s.entry:gsub("%c", "?"):sub(1, 80) or ""
    ),
  }
end

-- ---- SET and SELECT ----

-- Encodings in which a byte of a longer character may look like a quote or a backslash are not read as the server does.
local SINGLE_BYTE <const> =
  { "^utf%-?8$", "^unicode$", "^sql_ascii$", "^latin%d+$", "^win%d+$", "^iso_8859_%d$", "^koi8[ru]$" }

local function is_encoding(value)
  for _, pattern in ipairs(SINGLE_BYTE) do
    if value:find(pattern) then return true end
  end
  return false
end

local ANY <const> = function() return true end
local function one_of(...)
  local map = {}
  for _, value in ipairs { ... } do
    map[value] = true
  end
  return function(value) return map[value] or false end
end

local SETTINGS <const> = {
  statement_timeout = one_of "0",
  lock_timeout = one_of "0",
  idle_in_transaction_session_timeout = one_of "0",
  transaction_timeout = one_of "0",
  client_encoding = is_encoding,
  standard_conforming_strings = one_of "on",
  check_function_bodies = one_of("false", "off"),
  xmloption = one_of("content", "document"),
  client_min_messages = ANY,
  row_security = one_of("off", "on"),
  default_tablespace = one_of "",
  default_table_access_method = one_of "heap",
  default_with_oids = one_of "false",
  bytea_output = ANY,
  extra_float_digits = ANY,
  intervalstyle = ANY,
  datestyle = ANY,
}

local function check_set(s)
  local allowed, value = SETTINGS[word(s, 2)], s.tokens[4]
  if #s.tokens == 4 and is(s, 3, "=") and allowed and allowed(value.text:lower()) then return "run" end
  refuse(s, head(s, 3), "a setting that pg_dump does not write")
end

local function check_select(s)
  local name = word(s, 2) == "pg_catalog" and is(s, 3, ".") and word(s, 4)
  local t = s.tokens
  if name == "set_config" and #t == 11 and t[6].text == "search_path" and t[8].text == "" and t[10].text == "false" then
    return "run"
  end
  if name == "setval" and #t == 11 and t[6].kind == "string" and t[8].kind == "number" then return "run" end
  if name and name:find "^lo" then
    refuse(s, "a large object", "it belongs to no table; leave large objects out (pg_dump --no-blobs)")
  end
  refuse(s, "SELECT", "a statement that pg_dump does not write")
end

-- ---- CREATE ----

local CREATED <const> = {
  "SCHEMA",
  "TABLE",
  "UNLOGGED TABLE",
  "SEQUENCE",
  "VIEW",
  "RECURSIVE VIEW",
  "OR REPLACE VIEW",
  "MATERIALIZED VIEW",
  "INDEX",
  "UNIQUE INDEX",
  "DOMAIN",
  "TRIGGER",
  "CONSTRAINT TRIGGER",
  "RULE",
  "POLICY",
  "AGGREGATE",
  "COLLATION",
  "STATISTICS",
  "TEXT SEARCH CONFIGURATION",
  "TEXT SEARCH DICTIONARY",
}

local function starts_with_one_of(text, list)
  for _, one in ipairs(list) do
    if text == one or text:sub(1, #one + 1) == one .. " " then return true end
  end
  return false
end

local TRUST <const> = "; database.functions in platform.yaml lists functions that are trusted"
local LANGUAGES <const> = { sql = true, plpgsql = true }

local function check_function(s, rules)
  local what = ("%s %s"):format(head(s, 2), table.concat((qualified(s, 3)), "."))
  if rules.functions[table.concat((qualified(s, 3)), ".")] then return "run" end
  local i = find(s, "language")
  local language = i and s.tokens[i + 1]
  if not language or not LANGUAGES[language.text:lower()] then refuse(s, what, "its language is not sql or plpgsql") end
  if find(s, "security", "definer") then
    refuse(s, what, "it is SECURITY DEFINER, so whoever calls it has the rights of its owner" .. TRUST)
  end
  for n, token in ipairs(s.tokens) do
    if token.kind == "name" and (token.text == "support" or token.text == "transform") and is_name(s, n + 1) then
      refuse(s, what, "it names a support function")
    end
  end
  local problem = body_check.problem(s.tokens, s.text)
  if problem then refuse(s, what, problem .. TRUST) end
  return "run"
end

local function check_type(s)
  local _, i = qualified(s, 3)
  if word(s, i) == "as" and (is(s, i + 1, "(") or word(s, i + 1) == "enum" or word(s, i + 1) == "range") then
    return "run"
  end
  refuse(s, "CREATE TYPE", "only enumerations, ranges and composite types are")
end

local function check_cast(s)
  if find(s, "with", "inout") then return "run" end
  refuse(s, "CREATE CAST", "it names a function that would run unseen")
end

-- CREATE EXTENSION IF NOT EXISTS name WITH SCHEMA schema
local function check_extension(s, rules)
  local name, schema = s.tokens[6], s.tokens[9]
  if
    #s.tokens ~= 9
    or not follows(s, 3, "if", "not", "exists")
    or not is_name(s, 6)
    or not follows(s, 7, "with", "schema")
  then
    refuse(s, "CREATE EXTENSION", "a statement that pg_dump does not write")
  end
  if not EXTENSIONS[name.text] and not rules.extensions[name.text] then
    refuse(
      s,
      "extension " .. name.text,
      "it is not one that is harmless; database.extensions in platform.yaml lists further ones"
    )
  end
  s.name, s.schema = name.text, schema.text
  return "extension"
end

-- Expressions run with the rights of whoever uses the table, which may be the admin.
local function check_expressions(s, by_name)
  local problem = body_check.expression(s.tokens, by_name or false)
  if problem then refuse(s, head(s, 2), problem) end
  return "run"
end

local function check_create(s, rules)
  if s.tokens[2] == nil then refuse(s, "CREATE", "it is not whole") end
  if word(s, 2) == "extension" then return check_extension(s, rules) end
  if word(s, 2) == "function" or word(s, 2) == "procedure" then return check_function(s, rules) end
  if word(s, 2) == "type" then return check_type(s) end
  if word(s, 2) == "cast" then return check_cast(s) end
  if word(s, 2) == "operator" and word(s, 3) ~= "class" and word(s, 3) ~= "family" then
    return check_expressions(s, true)
  end
  local kind = head(s, 6):sub(#"CREATE " + 1)
  if find(s, "tablespace") then refuse(s, "CREATE … TABLESPACE", "tablespaces belong to the server") end
  if starts_with_one_of(kind, CREATED) then return check_expressions(s, word(s, 2) == "aggregate") end
  refuse(s, head(s, 3), "it is not about the contents of a database")
end

-- ---- ALTER ----

local ALTERED <const> = { "TABLE", "SEQUENCE", "INDEX" } -- the others change their owner only
local OWNED <const> = {
  "TABLE",
  "SEQUENCE",
  "VIEW",
  "MATERIALIZED VIEW",
  "FUNCTION",
  "PROCEDURE",
  "ROUTINE",
  "AGGREGATE",
  "TYPE",
  "DOMAIN",
  "SCHEMA",
  "COLLATION",
  "OPERATOR",
  "STATISTICS",
  "TEXT SEARCH CONFIGURATION",
  "TEXT SEARCH DICTIONARY",
}

local function role_at(s, i)
  local token = s.tokens[i]
  if is_name(s, i) then return token.text end
  refuse(s, head(s, 2), "it names no role")
end

local function check_role(s, role, rules, what)
  if rules.roles[role] then return end
  refuse(
    s,
    ("%s %s"):format(what, role),
    ("the platform's roles are %s; database.roles in platform.yaml lists further ones"):format(
      table.concat(sorted_keys(rules.roles), ", ")
    )
  )
end

-- ALTER DEFAULT PRIVILEGES FOR ROLE r [IN SCHEMA s] GRANT|REVOKE … ON kind TO|FROM r
local function check_default_rights(s, rules)
  if not follows(s, 4, "for", "role") then refuse(s, "ALTER DEFAULT PRIVILEGES", "it names no role") end
  check_role(s, role_at(s, 6), rules, "ALTER DEFAULT PRIVILEGES FOR ROLE")
  local verb = word(s, 7)
  if verb ~= "in" and verb ~= "grant" and verb ~= "revoke" then
    refuse(s, "ALTER DEFAULT PRIVILEGES", "a statement that pg_dump does not write")
  end
  local last = s.tokens[#s.tokens]
  local before = word(s, #s.tokens - 1)
  if before ~= "to" and before ~= "from" then refuse(s, "ALTER DEFAULT PRIVILEGES", "it does not end with one role") end
  if last.text ~= "public" then check_role(s, last.text, rules, "GRANT TO") end
  return "rights"
end

local PLAIN <const> = { [","] = true, ["."] = true, ["["] = true, ["]"] = true, ["("] = true, [")"] = true }

-- The place after a list of arguments that only names types.
local function after_types(s, i)
  local depth = 0
  for at = i, #s.tokens do
    local token = s.tokens[at]
    if token.kind == "op" and not PLAIN[token.text] or token.kind == "string" then return nil end
    if is(s, at, "(") then depth = depth + 1 end
    if is(s, at, ")") then depth = depth - 1 end
    if depth == 0 then return at + 1 end
  end
end

-- Is it exactly ALTER kind name[(types)] OWNER TO role? The admin runs it, so nothing else may be in it.
local function only_owner(s, kind)
  local n = #s.tokens
  if not follows(s, n - 2, "owner", "to") or not is_name(s, n) then return false end
  for _, one in ipairs(OWNED) do
    local i = 2 + select(2, one:gsub("%S+", ""))
    if kind == one or kind:sub(1, #one + 1) == one .. " " then
      local _, after = qualified(s, i)
      if is(s, after, "(") then after = after_types(s, after) end
      if after == n - 2 then return true end
    end
  end
  return word(s, 2) == "operator"
end

local function check_alter(s, rules)
  if follows(s, 2, "default", "privileges") then return check_default_rights(s, rules) end
  local kind = head(s, 5):sub(#"ALTER " + 1)
  if only_owner(s, kind) then
    s.owner = s.tokens[#s.tokens].text
    return word(s, 2) == "operator" and "skip" or "owner"
  end
  if find(s, "owner", "to") then refuse(s, head(s, 3), "it changes an owner in an unusual way") end
  if find(s, "tablespace") then refuse(s, head(s, 2) .. " … TABLESPACE", "tablespaces belong to the server") end
  if starts_with_one_of(kind, ALTERED) then return check_expressions(s) end
  if follows(s, 2, "text", "search", "configuration") and find(s, "add", "mapping") then return "run" end
  refuse(s, head(s, 3), "it is not about the contents of a database")
end

-- ---- the others ----

local function check_copy(s)
  local parts, i = qualified(s, 2)
  if #parts ~= 2 or not is(s, i, "(") then refuse(s, "COPY", "a statement that pg_dump does not write") end
  local columns = {}
  i = i + 1
  while is_name(s, i) do
    columns[#columns + 1] = s.tokens[i].text
    i = i + 1
    if is(s, i, ",") then i = i + 1 end
  end
  if is(s, i, ")") and follows(s, i + 1, "from", "stdin") and #s.tokens == i + 2 then
    s.table, s.columns = parts, columns
    return "rows"
  end
  refuse(
    s,
    "COPY",
    find(s, "program") and "it runs a PROGRAM on the server" or "rows come from the archive, not from elsewhere"
  )
end

local GRANTED <const> = { "TABLE", "SEQUENCE", "SCHEMA", "FUNCTION", "PROCEDURE", "ROUTINE", "TYPE", "DOMAIN" }

-- GRANT privileges ON kind name TO role [WITH GRANT OPTION]
local function check_grant(s, rules)
  local verb, on = word(s, 1):upper(), find(s, "on")
  if not on then refuse(s, verb .. " of a role", "roles belong to the server") end
  local kind = word(s, on + 1):upper()
  if not starts_with_one_of(kind, GRANTED) then
    refuse(s, ("%s ON %s"):format(verb, kind), "it is not about the contents")
  end
  local last = #s.tokens
  if follows(s, last - 2, "with", "grant", "option") then last = last - 3 end
  local before = word(s, last - 1)
  if before ~= "to" and before ~= "from" or not is_name(s, last) then refuse(s, verb, "it does not name one role") end
  local token = s.tokens[last]
  if not (token.kind == "name" and token.text == "public") then check_role(s, token.text, rules, verb .. " TO") end
  return "run"
end

local COMMENTED <const> = {
  "TABLE",
  "COLUMN",
  "SEQUENCE",
  "VIEW",
  "MATERIALIZED VIEW",
  "INDEX",
  "CONSTRAINT",
  "TRIGGER",
  "RULE",
  "POLICY",
  "FUNCTION",
  "PROCEDURE",
  "AGGREGATE",
  "TYPE",
  "DOMAIN",
  "SCHEMA",
  "COLLATION",
  "OPERATOR",
  "STATISTICS",
  "CAST",
  "TEXT SEARCH CONFIGURATION",
  "TEXT SEARCH DICTIONARY",
}

local function check_comment(s)
  local kind = head(s, 6):match "^COMMENT ON (.*)" or ""
  if starts_with_one_of(kind, { "EXTENSION" }) or follows(s, 3, "schema", "public") then return "skip" end
  if starts_with_one_of(kind, COMMENTED) then return "run" end
  refuse(s, head(s, 3), "it is not about the contents of a database")
end

local function check_refresh(s)
  if follows(s, 2, "materialized", "view") then return "run" end
  refuse(s, head(s, 3), "a statement that pg_dump does not write")
end

local CHECKS <const> = {
  set = check_set,
  select = check_select,
  create = check_create,
  alter = check_alter,
  copy = check_copy,
  grant = check_grant,
  revoke = check_grant,
  comment = check_comment,
  refresh = check_refresh,
}

--- What to do with a statement.
---@param s o2x.pg.dump.statement gets `table` and `columns` (rows), `owner`, `name` and `schema` (extension)
---@param rules o2x.pg.dump.rules
---@return o2x.pg.dump.action action; raises "refused"
function M.action(s, rules)
  s.path = rules.path
  local check = CHECKS[word(s, 1)]
  if check then return check(s, rules) end
  if word(s, 1) == "insert" then
    refuse(s, "INSERT", "rows are restored from COPY; make the archive without --inserts")
  end
  refuse(s, head(s, 3) ~= "" and head(s, 3) or "a statement", "it is not about the contents of a database")
end

return M
