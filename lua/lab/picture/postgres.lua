--- The part of a picture that is in PostgreSQL: roles, databases, and in each its schemas, tables, sequences,
--- functions, privileges and rows. The server computes it, one row an item.

local databases = require "lab.moment.databases"
local json = require "o2x.base.json"
local pg = require "o2x.client.pg"
local properties = require "o2x.client.pg.properties"
local rules = require "lab.picture.rules"
local server = require "lab.pg_server"

local M = {}

local literal <const> = properties.literal

local SERVER <const> = [[
  select 'role ' || r.rolname as name, jsonb_build_object(
    'rights', concat_ws(' ', case when rolsuper then 'superuser' end, case when rolcreatedb then 'createdb' end,
      case when rolcreaterole then 'createrole' end, case when rolcanlogin then 'login' end,
      case when rolinherit then 'inherit' end, case when rolbypassrls then 'bypassrls' end),
    'limit', rolconnlimit, 'settings', rolconfig,
    'password', (select rolpassword is not null from pg_authid a where a.oid = r.oid),
    'member of', (select array_agg(g.rolname order by 1) from pg_auth_members m join pg_roles g on g.oid = m.roleid
      where m.member = r.oid))::text as value
  from pg_roles r where rolname !~ '^pg_'
  union all
  select 'database ' || d.datname, jsonb_build_object('owner', pg_get_userbyid(datdba), 'limit', datconnlimit,
    'encoding', pg_encoding_to_char(encoding), 'collate', datcollate, 'connect', datallowconn,
    'template', datistemplate,
    'acl', (select array_agg(a::text order by a::text) from unnest(datacl) a),
    'settings', (select array_agg(s::text order by s::text) from pg_db_role_setting x, unnest(x.setconfig) s
      where x.setdatabase = d.oid))::text
  from pg_database d]]

-- %s is the database's name, quoted.
-- Who holds a tenant at the moment, and the highest number of a holder, is left out: each run leaves another one.
local OBJECTS <const> = [[
  with own as (select oid, nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema')
  select %s || ' schema ' || nspname as name, jsonb_build_object('owner', pg_get_userbyid(nspowner),
    'acl', (select array_agg(a::text order by a::text) from unnest(nspacl) a))::text as value
  from pg_namespace where oid in (select oid from own)
  union all
  select %s || ' ' || case c.relkind when 'S' then 'sequence' when 'v' then 'view' when 'm' then 'view' else 'table' end
      || ' ' || nspname || '.' || relname,
    jsonb_build_object('owner', pg_get_userbyid(relowner), 'settings', reloptions,
      'acl', (select array_agg(a::text order by a::text) from unnest(relacl) a),
      'definition', case when relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
      'columns', (select array_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod),
        case when attnotnull then 'not null' end, pg_get_expr(d.adbin, d.adrelid), attacl::text) order by attnum)
        from pg_attribute left join pg_attrdef d on d.adrelid = attrelid and d.adnum = attnum
        where attrelid = c.oid and attnum > 0 and not attisdropped and relkind <> 'S'),
      'constraints', (select array_agg(conname || ' ' || pg_get_constraintdef(k.oid) order by conname)
        from pg_constraint k where conrelid = c.oid),
      'indexes', (select array_agg(pg_get_indexdef(indexrelid) order by pg_get_indexdef(indexrelid))
        from pg_index where indrelid = c.oid),
      'triggers', (select array_agg(pg_get_triggerdef(t.oid) order by tgname)
        from pg_trigger t where tgrelid = c.oid and not tgisinternal),
      'last value', case when relkind = 'S' then coalesce(pg_sequence_last_value(c.oid)::text, 'none') end)::text
  from pg_class c join own on own.oid = relnamespace where relkind in ('r', 'p', 'v', 'm', 'S', 'f')
    and (nspname || '.' || relname) not in ('o2x.lock', 'o2x.fence')
  union all
  select %s || ' function ' || nspname || '.' || p.oid::regprocedure::text, jsonb_build_object(
    'owner', pg_get_userbyid(proowner), 'definition', md5(prosrc || coalesce(probin, '')),
    'acl', (select array_agg(a::text order by a::text) from unnest(proacl) a))::text
  from pg_proc p join own on own.oid = pronamespace
  where not exists (select from pg_depend where objid = p.oid and deptype = 'e')
  union all
  select %s || ' extension ' || extname, extversion from pg_extension
  union all
  select %s || ' type ' || nspname || '.' || typname, jsonb_build_object('owner', pg_get_userbyid(typowner),
    'labels', (select array_agg(enumlabel order by enumsortorder) from pg_enum where enumtypid = t.oid))::text
  from pg_type t join own on own.oid = typnamespace where typtype in ('e', 'd')]]

local COLUMNS <const> = [[
  select n.nspname as schema, c.relname as table, attname as column, format_type(atttypid, null) as type,
    relpersistence <> 'p' as unlogged,
    exists (select from pg_index where indrelid = c.oid and indisprimary and attnum = any(indkey)) as key
  from pg_attribute a join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace
  where relkind in ('r', 'p') and not relispartition and attnum > 0 and not attisdropped
    and nspname !~ '^pg_' and nspname <> 'information_schema'
    and (nspname || '.' || relname) not in ('o2x.lock', 'o2x.fence')
  order by 1, 2, attnum]]

--- Connects as the superuser.
---@param lab table
---@param database string
---@return o2x.pg.Connection
local function connect(lab, database)
  return pg.connect {
    host = lab.host,
    port = lab.port "postgres",
    user = "postgres",
    password = lab.state("postgres").superuser_password,
    dbname = database,
    sslmode = "disable",
    application_name = "o2x lab",
  }
end

-- The text of a column as SQL: what differs between two honest runs only as "is it set".
local function column_text(row)
  local quoted = pg.quote(row.column)
  local full = ("%s.%s"):format(row.schema, row.table)
  local short = ("%s.%s"):format(row.table, row.column)
  local left_out = rules.POSTGRES.types[row.type]
    or rules.POSTGRES.columns[full .. "." .. row.column]
    or rules.POSTGRES.columns[short]
  local value = left_out and ("case when %s is null then null else 'set' end"):format(quoted) or quoted .. "::text"
  return ("%s, %s"):format(literal(row.column), value)
end

-- "schema.table" → the SQL of a row's text; the names in order; whether a table's rows are not in the log of changes.
local function tables_of(db)
  local tables, order, unlogged = {}, {}, false
  for _, row in ipairs(db:rows(COLUMNS)) do
    unlogged = unlogged or row.unlogged
    local name = ("%s.%s"):format(pg.quote(row.schema), pg.quote(row.table))
    if not tables[name] then
      tables[name], order[#order + 1] = { plain = row.schema .. "." .. row.table, key = {} }, name
    end
    table.insert(tables[name], column_text(row))
    if row.key then table.insert(tables[name].key, pg.quote(row.column)) end
  end
  return tables, order, unlogged
end

-- Rows by their key; without one, by a hash of their text and how many there are.
local ROWS <const> = [[select %s || ' rows ' || %s as name, (select coalesce(jsonb_object_agg(k, t), '{}')::text
  from (select 'row ' || %s as k, jsonb_agg(t) as t from (select jsonb_build_object(%s) as t, * from %s) x
  group by 1) y) as value]]
local CONCAT <const> = "concat_ws(' ', %s)"
local HASHES <const> = [[select %s || ' rows ' || %s as name, (select md5(coalesce(string_agg(t, ',' order by t), ''))
  from (select jsonb_build_object(%s)::text as t from %s) x) as value]]

-- Values come as JSON, hashes and versions as plain text.
local function data_of(value)
  if value:find "^{" then return json.without_nulls(json.decode(value)) end
  return { text = value }
end

local function add_rows(db, database, tables, order, full, add)
  local parts = {}
  for i, name in ipairs(order) do
    local columns, key = table.concat(tables[name], ", "), table.concat(tables[name].key, ", ")
    local what, plain = literal(database), literal(tables[name].plain)
    parts[i] = full and ROWS:format(what, plain, key == "" and "md5(t::text)" or CONCAT:format(key), columns, name)
      or HASHES:format(what, plain, columns, name)
  end
  if #parts == 0 then return end
  for _, row in ipairs(db:rows(table.concat(parts, "\nunion all\n"))) do
    add(row.name, row.value)
  end
end

-- The items of a database, and whether a change in it is found in the server's log of changes.
local function read_database(lab, database, full)
  local db <close> = connect(lab, database)
  local name, items = literal(database), {}
  local function add(item, value) items[#items + 1] = { name = item, value = data_of(value) } end
  for _, row in ipairs(db:rows(OBJECTS:format(name, name, name, name, name))) do
    add(row.name, row.value)
  end
  local tables, order, unlogged = tables_of(db)
  add_rows(db, database, tables, order, full, add)
  return items, not unlogged
end

-- Of databases that are as at the moment to which the server was put back, the items are remembered.
local function items_of(lab, row, changed, full)
  local kept = lab.postgres and lab.postgres.pictures
  local key = ("%s %s %s"):format(row.oid, row.name, full)
  local same = changed and kept and not changed.databases[row.oid]
  if same and kept[key] then return kept[key] end
  local items, logged = read_database(lab, row.name, full)
  if same and logged then kept[key] = items end
  return items
end

--- Everything.
---@param lab table
---@param add fun(name: string, value: any, constant: boolean?)
---@param full boolean whether rows are wanted, not only a hash of them
function M.postgres(lab, add, full)
  local list, changed
  server.with_session(lab.postgres, lab.port "postgres", lab.state("postgres").superuser_password, function(db)
    for _, row in ipairs(db:rows(SERVER)) do
      add(row.name, data_of(row.value))
    end
    list = db:rows "select oid::text, datname as name from pg_database where datallowconn order by 2"
    changed = databases.changed(lab.postgres, db)
  end)
  for _, row in ipairs(list) do
    for _, item in ipairs(items_of(lab, row, changed, full)) do
      add(item.name, item.value, true)
    end
  end
end

return M
