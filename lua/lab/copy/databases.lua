--- Copies a tenant's database, and its rows in others such as the registry. A database is copied as a file tree; the
--- words in it are exchanged by one script. Rows of all copies are added by one statement a table.

local errors = require "o2x.base.error"
local pg = require "o2x.client.pg"
local server = require "lab.pg_server"
local task = require "o2x.base.task"

local M = {}

local AT_ONCE <const> = 4 -- databases that are copied
local OWN_SCHEMA <const> = "o2x" -- the engine's: locks and marks of runs, which nobody made for a copy
local HEADROOM <const> = 1 << 30 -- bytes that stay free

local COPY <const> = "copy[0-9]+-" -- in the names of copies, and in their rows
-- An earlier copy's database has nothing of the tenant's.
local DATABASES <const> = [[
  select datname as name from pg_database
  where datallowconn and not datistemplate and datname !~ 'copy[0-9]+-']]

-- Columns that hold values which a client gave: no generated and no numbered ones.
local COLUMNS <const> = [[
  select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name, n.nspname as schema,
    quote_ident(a.attname) as column, format_type(a.atttypid, a.atttypmod) as type
  from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and a.attnum > 0
    and not a.attisdropped and a.attgenerated = '' and a.attidentity = ''
    and coalesce(pg_get_expr(d.adbin, d.adrelid) !~ '^nextval', true)
  order by 1, a.attnum]]

local function connect(lab, database)
  return server.connect(lab.port "postgres", "postgres", lab.state("postgres").superuser_password, database)
end

local ADD_ROWS <const> = [[
  insert into %s (%s) select %s from %s t cross join unnest(%s) as w(%s) where t::text ~ %s and t::text !~* %s]]

local function literal(text) return "'" .. text:gsub("'", "''") .. "'" end

-- A word where no letter and no digit is beside it.
local function pattern_of(word) return "(?<![A-Za-z0-9])" .. word:gsub("%p", "\\%0") .. "(?![A-Za-z0-9])" end

-- The pattern of any of the words.
local function any_of(words)
  local list = {}
  for i, word in ipairs(words) do
    list[i] = pattern_of(word)
  end
  return literal(table.concat(list, "|"))
end

-- The value of a column with words exchanged; `news` are SQL expressions.
local function exchanged(column, words, news)
  local text = column.column .. "::text"
  for i, word in ipairs(words) do
    text = ("regexp_replace(%s, %s, %s, 'g')"):format(text, literal(pattern_of(word)), news[i])
  end
  return ("(%s)::%s"):format(text, column.type)
end

-- The tables of a database in which the words stand: name, schema, columns, changed (the columns in which they do).
local function tables_with(db, words)
  local tables, by_name = {}, {}
  for _, column in ipairs(db:query(COLUMNS)) do
    local entry = by_name[column.name]
    if not entry then
      entry = { name = column.name, schema = column.schema, columns = {}, changed = {} }
      by_name[column.name], tables[#tables + 1] = entry, entry
    end
    entry.columns[#entry.columns + 1] = column
  end
  local found, pattern = {}, any_of(words)
  for _, entry in ipairs(tables) do
    local tests = {}
    for i, column in ipairs(entry.columns) do
      tests[i] = ("coalesce(bool_or(%s::text ~ %s), false) as c%d"):format(column.column, pattern, i)
    end
    local row = tests[1] and db:query(("select %s from %s"):format(table.concat(tests, ", "), entry.name))[1] or {}
    for i, column in ipairs(entry.columns) do
      if row["c" .. i] then entry.changed[#entry.changed + 1] = column end
    end
    if entry.changed[1] then found[#found + 1] = entry end
  end
  return found
end

-- ---- rows of other databases ----

-- One INSERT … SELECT a table for all copies. Triggers and foreign keys are those of rows that are right already.
local function add_rows(db, entry, plan)
  local names, values, changed, arrays = {}, {}, {}, {}
  for _, column in ipairs(entry.changed) do
    changed[column] = true
  end
  for i in ipairs(plan.names) do
    local list = {}
    for j, copy in ipairs(plan.copies) do
      list[j] = literal(copy.words[i])
    end
    arrays[i] = ("array[%s]"):format(table.concat(list, ","))
  end
  local news = {}
  for i in ipairs(plan.names) do
    news[i] = "w" .. i
  end
  for i, column in ipairs(entry.columns) do
    names[i] = column.column
    values[i] = changed[column] and exchanged({ column = "t." .. column.column, type = column.type }, plan.names, news)
      or "t." .. column.column
  end
  db:query(
    (ADD_ROWS):format(
      entry.name,
      table.concat(names, ", "),
      table.concat(values, ", "),
      entry.name,
      table.concat(arrays, ", "),
      table.concat(news, ", "),
      any_of(plan.names),
      literal(COPY)
    )
  )
end

local function copy_rows(lab, database, plan)
  local db <close> = connect(lab, database)
  db:query "set session_replication_role = replica"
  for _, entry in ipairs(tables_with(db, plan.names)) do
    if entry.schema ~= OWN_SCHEMA then add_rows(db, entry, plan) end
  end
end

-- ---- the tenant's own ----

local function script_of(tables, plan, copy)
  local lines, news = { "set session_replication_role = replica" }, {}
  for i, word in ipairs(copy.words) do
    news[i] = literal(word)
  end
  for _, entry in ipairs(tables) do
    local sets = {}
    for i, column in ipairs(entry.changed) do
      sets[i] = column.column .. " = " .. exchanged(column, plan.names, news)
    end
    lines[#lines + 1] = ("update %s set %s where %s.*::text ~ %s"):format(
      entry.name,
      table.concat(sets, ", "),
      entry.name:match "[^.]+$",
      any_of(plan.names)
    )
  end
  return table.concat(lines, ";\n")
end

local PRIVILEGES <const> = [[
  select a.privilege_type as privilege, case when a.grantee = 0 then 'public' else quote_ident(r.rolname) end as role
  from pg_database d cross join aclexplode(d.datacl) a left join pg_roles r on r.oid = a.grantee
  where d.datname = $1 and a.grantee <> d.datdba]]

-- What CREATE DATABASE does not take from its template.
local function statements_of(db, name)
  local found = db:one(
    "select quote_ident(pg_get_userbyid(datdba)) as owner, datconnlimit as limit from pg_database where datname = $1",
    name
  )
  local grants = db:query(PRIVILEGES, name)
  return function(copy)
    local to, list = pg.quote(copy), {}
    list[1] = ("create database %s template %s owner %s connection limit %d strategy file_copy"):format(
      to,
      pg.quote(name),
      found.owner,
      found.limit
    )
    list[2] = ("revoke all on database %s from public"):format(to)
    for _, grant in ipairs(grants) do
      list[#list + 1] = ("grant %s on database %s to %s"):format(grant.privilege, to, grant.role)
    end
    return list
  end
end

local function copy_database(lab, plan)
  local tables
  do
    local db <close> = connect(lab, plan.database)
    tables = tables_with(db, plan.names)
  end
  local shared <close> = connect(lab, "postgres")
  local statements = statements_of(shared, plan.database)
  task.each(plan.copies, function(copy)
    local name = plan.replace(copy, plan.database)
    do
      local db <close> = connect(lab, "postgres")
      for _, statement in ipairs(statements(name)) do
        db:query(statement)
      end
    end
    local db <close> = connect(lab, name)
    db:script(script_of(tables, plan, copy))
  end, { limit = AT_ONCE })
end

-- ---- room, ids ----

--- Fails if the copies of a database would not leave room where the server keeps its data.
---@param lab table
---@param plan table
---@param free integer bytes that are free there
function M.check_room(lab, plan, free)
  local db <close> = connect(lab, "postgres")
  local size = db:one("select pg_database_size($1) as size", plan.database).size
  if size * #plan.copies + HEADROOM <= free then return end
  errors.input(
    ("lab copy: %d copies of %s take %d MB, and there are %d MB free"):format(
      #plan.copies,
      plan.database,
      size * #plan.copies >> 20,
      free >> 20
    ),
    "make fewer, or free some room"
  )
end

--- The greatest number at the end of ids with these letters, in the columns of all databases in which an id stands.
---@param lab table
---@param id string such as TIDLT-100008
---@return integer
function M.greatest_number(lab, id)
  local prefix, greatest = id:match "^(.-)%d+$", 0
  local shared <close> = connect(lab, "postgres")
  for _, row in ipairs(shared:query(DATABASES)) do
    local db <close> = connect(lab, row.name)
    for _, entry in ipairs(tables_with(db, { id })) do
      for _, column in ipairs(entry.changed) do
        local query = "select max(substring(%s::text from %s)::bigint) as n from %s"
        local found = db:one(query:format(column.column, literal("^" .. prefix .. "(\\d+)$"), entry.name)).n
        greatest = math.max(greatest, found or 0)
      end
    end
  end
  return greatest
end

--- Copies the tenant's database, and its rows in the others.
---@param lab table
---@param plan { database: string, names: string[], copies: { name: string, words: string[] }[],
---  replace: fun(copy: table, text: string): string }
function M.run(lab, plan)
  copy_database(lab, plan)
  local others, db <close> = {}, connect(lab, "postgres")
  for _, row in ipairs(db:query(DATABASES)) do
    if row.name ~= plan.database then others[#others + 1] = row.name end
  end
  task.each(others, function(name) copy_rows(lab, name, plan) end, { limit = AT_ONCE })
end

return M
