--- Commands of pg_dump, pg_restore and psql that do what the effects of o2x.archive do, for people.

local command = require "o2x.client.aws.command"
local copies = require "o2x.client.pg.copies"
local pg = require "o2x.client.pg"
local properties = require "o2x.client.pg.properties"
local psql = require "o2x.effects.pg.psql"
local fs = require "o2x.base.fs"
local shell = require "o2x.base.shell"

local M = {}

--- Dumps a database into a file.
---@param ctx table
---@param target { path: string, database: string, server: string? } server: a temporary one of RDS
---@return string[] lines
function M.dump(ctx, target)
  local words = { "pg_dump", "--format=custom", "--file=" .. target.path, "-d", target.database }
  if target.server then
    local ask = command.rds(ctx.config or {}, "describe-db-instances", "--db-instance-identifier", target.server)
    local function told(field) return ("%s --query DBInstances[0].Endpoint.%s --output text"):format(ask, field) end
    table.move({ "-h", ctx:variable("RESTORED_HOST", told "Address") }, 1, 2, #words + 1, words)
    table.move({ "-p", ctx:variable("RESTORED_PORT", told "Port") }, 1, 2, #words + 1, words)
  end
  return {
    shell.command { "mkdir", "-p", "--", fs.folder(target.path) },
    ("(umask 077 && %s)"):format(shell.command(words)),
    shell.command { "pg_restore", "--list", target.path } .. " | tail -n 3",
  }
end

--- Removes an archive and its note.
---@param path string
---@param note string
---@return string[] lines
function M.remove(path, note) return { shell.command { "rm", "-f", "--", path, note } } end

-- A database with owner, encoding and locale of another one.
local LIKE <const> = [[SELECT format('CREATE DATABASE %%I TEMPLATE template0 OWNER %%I ENCODING %%L LC_COLLATE %%L '
  'LC_CTYPE %%L', %s, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype)
FROM pg_database WHERE datname = %s \gexec]]

--- Restores an archive into a new database beside the tenant's. One that an attempt before has left goes first.
---@param admin string the database to connect to
---@param target { name: string, database: string, path: string, defaults: table }
---@param only string? a table of it, "schema.table"
---@return (string|{ comment: string, line: string })[]
function M.restore(admin, target, only)
  local name = pg.quote(target.name, "database name")
  local create = LIKE:format(properties.literal(target.name), properties.literal(target.database))
  local grant = ("GRANT CONNECT ON DATABASE %s TO %s;"):format(name, pg.quote(target.defaults.user, "role name"))
  local function restore(...) return shell.command { "pg_restore", "--exit-on-error", "-d", target.name, ... } end
  local drop = ("DROP DATABASE IF EXISTS %s;"):format(name)
  local lines = { psql.command(admin, table.concat({ drop, create, grant }, "\n")) }
  if only then
    local schema, relation = only:gsub('"', ""):match "^(.-)%.(.*)$"
    lines[2] = restore("--section=pre-data", target.path)
    lines[3] = restore("--data-only", "-n", schema, "-t", relation, target.path)
  else
    lines[2] = restore(target.path)
  end
  lines[#lines + 1] = psql.command(target.name, "SET client_min_messages TO error;\nANALYZE;")
  return lines
end

--- Drops the restored copy.
---@param admin string
---@param name string
---@return string[] lines
function M.drop(admin, name)
  return { psql.command(admin, ("DROP DATABASE IF EXISTS %s WITH (FORCE);"):format(pg.quote(name, "database name"))) }
end

-- What a checklist keeps is named after the moment at which that is done: a checklist may be followed again.
local MOMENT <const> = [[FROM (SELECT to_char(t, 'YYYYMMDD-HH24MISS') AS moment,
  to_char(t, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at FROM (SELECT now() AT TIME ZONE 'UTC' AS t) AS n) AS m \gset]]
local LIKE_A_MOMENT <const> = "00000000-000000"

local KEPT_DATABASE <const> = [[SELECT %s || moment AS kept,
  json_build_object('o2x', 'before', 'of', %s, 'run', %s || moment, 'at', at) AS note
]] .. MOMENT

-- The name and the note that the old database gets, in variables of psql.
local function name_kept(database, run)
  local name = copies.before(database, run .. "-" .. LIKE_A_MOMENT)
  local head = name:sub(1, -#LIKE_A_MOMENT - 1)
  local literal = properties.literal
  return KEPT_DATABASE:format(literal(head), literal(database), literal(run .. "-"))
end

local ENDED <const> = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity\nWHERE datname IN (%s, %s) "
  .. "AND pid <> pg_backend_pid();"

local function ended(database, copy) return ENDED:format(properties.literal(database), properties.literal(copy)) end

local function rename(from, to) return ("ALTER DATABASE %s RENAME TO %s;"):format(from, to) end

--- Replaces a database with the restored copy, in one transaction; the old one is kept.
---@param admin string
---@param target { database: string, copy: string, defaults: { connection_limit: integer } }
---@param run string? with which the name of the one that is kept begins; nil: there is none
---@return string[] lines
function M.swap(admin, target, run)
  local database, list = pg.quote(target.database), { ended(target.database, target.copy) }
  local function add(line) list[#list + 1] = line end
  if run then add(name_kept(target.database, run)) end
  add "BEGIN;"
  if run then
    add(rename(database, ':"kept"'))
    add [[COMMENT ON DATABASE :"kept" IS :'note';]]
  end
  add(rename(pg.quote(target.copy), database))
  add(("ALTER DATABASE %s CONNECTION LIMIT %d;"):format(database, target.defaults.connection_limit))
  add "COMMIT;"
  if run then add "\\echo the old database is kept as :kept" end
  return { psql.command(admin, table.concat(list, "\n")) }
end

--- The other way: the old database gets its name back.
---@param admin string
---@param target { database: string, copy: string, kept: string }
---@param has_new boolean is there a database in its place?
---@return string[] lines
function M.swap_back(admin, target, has_new)
  local database, list = pg.quote(target.database), { ended(target.database, target.kept), "BEGIN;" }
  if has_new then list[#list + 1] = rename(database, pg.quote(target.copy)) end
  list[#list + 1] = rename(pg.quote(target.kept), database)
  list[#list + 1] = "COMMIT;"
  return { psql.command(admin, table.concat(list, "\n")) }
end

-- Rows that are the same stay, and so do the rows that refer to them.
local MERGE <const> = [[DO $$
DECLARE
  cols text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = @literal@::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '');
  sets text := (SELECT string_agg(format('%1$I = EXCLUDED.%1$I', attname), ', ') FROM pg_attribute
    WHERE attrelid = @literal@::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '');
  keys text := (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_index i
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE i.indrelid = @literal@::regclass AND i.indisprimary);
BEGIN
  IF keys IS NULL THEN
    DELETE FROM @table@;
    EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM by_hand', @literal@::regclass, cols);
  ELSE
    EXECUTE format('DELETE FROM %s WHERE (%s) NOT IN (SELECT %2$s FROM by_hand)', @literal@::regclass, keys);
    EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM by_hand ON CONFLICT (%s) '
      'DO UPDATE SET %s', @literal@::regclass, cols, keys, sets);
  END IF;
END$$;]]

local KEPT_TABLE <const> = "SELECT left(%s || moment || %s, 63) AS kept\n" .. MOMENT

-- The name of the table that keeps the rows, in a variable of psql.
local function name_kept_table(name, run)
  return KEPT_TABLE:format(properties.literal(run .. "-"), properties.literal(" " .. name:gsub('"', "")))
end

--- Replaces the rows of a table with those of the restored copy; its earlier content is kept as another table.
---@param target { database: string, copy: string?, table: string, kept: string, back: boolean? }
---@param run string with which the name of the table begins that keeps them
---@return string[] lines
function M.replace_table(target, run)
  local rows = target.copy and target.copy .. ".rows" or nil
  local name, lines = target.table, {}
  local list = target.back and {} or { name_kept_table(name, run) }
  list[#list + 1] = "BEGIN;"
  list[#list + 1] = ("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE;"):format(name)
  local function add(...) list[#list + 1] = string.format(...) end
  if target.back then
    add("CREATE TEMPORARY TABLE by_hand ON COMMIT DROP AS TABLE %s;", target.kept)
  else
    local copy = ("COPY %s TO STDOUT"):format(name)
    lines[1] = shell.command { "psql", "-X", "-d", target.copy, "-c", copy } .. " > " .. shell.quote(rows)
    add("CREATE SCHEMA IF NOT EXISTS o2x;")
    add('CREATE TABLE o2x.:"kept" AS TABLE %s;', name)
    add("CREATE TEMPORARY TABLE by_hand ON COMMIT DROP AS TABLE %s WITH NO DATA;", name)
    add("\\copy by_hand FROM %s", properties.literal(rows))
  end
  add("ALTER TABLE %s DISABLE TRIGGER USER;", name)
  list[#list + 1] = MERGE:gsub("@(%l+)@", { literal = properties.literal(name), table = name })
  add("ALTER TABLE %s ENABLE TRIGGER USER;", name)
  list[#list + 1] = "COMMIT;"
  lines[#lines + 1] = psql.command(target.database, table.concat(list, "\n"))
  if rows then lines[#lines + 1] = shell.command { "rm", "--", rows } end
  return lines
end

return M
