--- A tenant's grants as a role and rights of PostgreSQL, in SQL for psql.
---
--- The role owns the tenant's database and what is in it. Of the control database it has the tenant's own rows: a
--- restrictive row security policy, which takes nothing from other roles. It may create databases, because onboarding
--- and restore do; what it creates belongs to it alone.

local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

local function name(text) return '"' .. text:gsub('"', '""') .. '"' end

local function literal(text) return "'" .. tostring(text):gsub("'", "''") .. "'" end

local function table_name(text) return (text:gsub("[^.]+", name)) end

local function fill(text, names)
  return (text:gsub("{([%w_]+)}", function(key) return names[key] or error("no " .. key) end))
end

local ROLE <const> = [[
SET client_min_messages = warning;
-- The role. Give it a password: \password {role}.
SELECT 'CREATE ROLE {role}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {role_text}) \gexec
ALTER ROLE {role} LOGIN CREATEDB NOCREATEROLE;
-- Only a superuser may name these, so they are named only where they are set.
SELECT 'ALTER ROLE {role} NOSUPERUSER NOREPLICATION NOBYPASSRLS' FROM pg_roles
  WHERE rolname = {role_text} AND (rolsuper OR rolreplication OR rolbypassrls) \gexec
-- To own the databases it is given, and to end sessions in one that a restore replaces.
GRANT {role} TO CURRENT_USER;
GRANT pg_signal_backend, pg_read_all_stats TO {role};
]]

-- The tenant's database may not exist yet: then the run creates it, as its owner.
local OWN <const> = [[

-- The tenant's database: its own, and nobody's who is not named.
SELECT 'ALTER DATABASE {database} OWNER TO {role}'
  WHERE EXISTS (SELECT FROM pg_database WHERE datname = {database_text}) \gexec
SELECT 'REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC'
  WHERE EXISTS (SELECT FROM pg_database WHERE datname = {database_text}) \gexec
SELECT EXISTS (SELECT FROM pg_database WHERE datname = {database_text}) AS there \gset
\if :there
\connect {database}
DO $$
DECLARE command text;
BEGIN
  FOR command IN
    SELECT format('ALTER SCHEMA %I OWNER TO %I', nspname, {role_text}) FROM pg_namespace
      WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    UNION ALL
    SELECT format('ALTER %s %I.%I OWNER TO %I',
        CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
        nspname, relname, {role_text})
      FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
      WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND relkind IN ('r', 'p', 'v', 'm', 'S')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i', 'e'))
    UNION ALL
    SELECT format('ALTER ROUTINE %s OWNER TO %I', p.oid::regprocedure, {role_text})
      FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
      WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  LOOP
    EXECUTE command;
  END LOOP;
END $$;
\endif
]]

local CONTROL <const> = [[

-- The control database: the tenant's own rows.
\connect {control}
SET client_min_messages = warning;
GRANT CONNECT ON DATABASE {control} TO {role};
CREATE SCHEMA IF NOT EXISTS o2x;
CREATE TABLE IF NOT EXISTS o2x.effect (key text PRIMARY KEY, run text NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS o2x.fence (tenant text PRIMARY KEY, number bigint NOT NULL);
CREATE TABLE IF NOT EXISTS o2x.lock (tenant text PRIMARY KEY, number bigint NOT NULL, run text, runbook text,
  "user" text, host text, machine text, process text, since timestamptz, heartbeat timestamptz, seconds int,
  released jsonb);
SELECT format('ALTER SCHEMA o2x OWNER TO %I', pg_get_userbyid(datdba)) FROM pg_database
  WHERE datname = current_database() \gexec
SELECT format('ALTER TABLE o2x.effect OWNER TO %I', pg_get_userbyid(datdba)) FROM pg_database
  WHERE datname = current_database() \gexec
SELECT format('ALTER TABLE o2x.%I OWNER TO %I', t, pg_get_userbyid(datdba))
  FROM pg_database, unnest(ARRAY['fence', 'lock']) t WHERE datname = current_database() \gexec
GRANT USAGE ON SCHEMA o2x TO {role};
GRANT SELECT, INSERT ON o2x.effect TO {role};
]]

-- For the tenant whose own database is the control database: all of it but the registry.
local SHARED <const> = [[
DO $$
DECLARE command text;
BEGIN
  FOR command IN
    SELECT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, {role_text}) FROM pg_namespace
      WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    UNION ALL
    SELECT format('GRANT %s ON %I.%I TO %I',
        CASE relkind WHEN 'S' THEN 'USAGE' ELSE 'SELECT, INSERT, UPDATE, DELETE' END, nspname, relname, {role_text})
      FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
      WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'o2x') AND relkind IN ('r', 'p', 'v', 'm', 'S')
        AND nspname || '.' || relname <> ALL (ARRAY[{limited}]::text[])
  LOOP
    EXECUTE command;
  END LOOP;
END $$;
]]

local ROWS <const> = [[

GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role};
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
SELECT 'CREATE POLICY others ON {table} USING (true) WITH CHECK (true)'
  WHERE NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = '{table}'::regclass AND polname = 'others') \gexec
DROP POLICY IF EXISTS {role} ON {table};
CREATE POLICY {role} ON {table} AS RESTRICTIVE TO {role} USING ({condition}) WITH CHECK ({condition});
]]

-- A new tenant's id follows the highest one: all ids may be read, and nothing else of the other rows.
local IDS <const> = [[
CREATE OR REPLACE VIEW o2x.{ids} AS SELECT {column} FROM {table};
SELECT format('ALTER VIEW o2x.{ids} OWNER TO %I', pg_get_userbyid(datdba)) FROM pg_database
  WHERE datname = current_database() \gexec
GRANT SELECT ON o2x.{ids} TO {role};
]]

local function equals(key)
  local parts = {}
  for i, column in ipairs(sorted_keys(key)) do
    parts[i] = ("%s = %s"):format(name(column), literal(key[column]))
  end
  return table.concat(parts, " AND ")
end

-- Until the tenant has its id, its other rows are those of whatever id its row in the registry gets.
local function of_allocated(pg, identity)
  local path, allocated = next(pg.allocated or {})
  local key = path and pg.rows[path]
  local column = next(identity)
  if not key or next(identity, column) or identity[column] ~= false then return nil end
  return ("%s = (SELECT %s FROM %s WHERE %s)"):format(
    name(column),
    name(allocated.column),
    table_name(path),
    equals(key)
  )
end

-- The condition for each table of the control database: the granted key, or the key that the tenant is about to get.
local function conditions(pg)
  local found = {}
  for path, key in pairs(pg.rows or {}) do
    found[path] = equals(key)
  end
  for path, identity in pairs(pg.identity or {}) do
    found[path] = found[path] or of_allocated(pg, identity)
  end
  return found
end

-- Who holds the tenant is a row of its own, too.
local LOCKS <const> = { "o2x.fence", "o2x.lock" }

local function rows(names, pg, tenant)
  local parts, found = {}, conditions(pg)
  for _, path in ipairs(LOCKS) do
    found[path] = equals { tenant = tenant }
  end
  for _, path in ipairs(sorted_keys(found)) do
    names.schema, names.table = name(path:match "^[^.]+"), table_name(path)
    names.condition = found[path]
    parts[#parts + 1] = fill(ROWS, names)
    local allocated = pg.allocated and pg.allocated[path]
    if allocated then
      names.ids, names.column = name(path .. "." .. allocated.column), name(allocated.column)
      parts[#parts + 1] = fill(IDS, names)
    end
  end
  return table.concat(parts)
end

--- The statements. They can be run again.
---@param identity string
---@param grants table
---@param _ table the configuration
---@param tenant table
---@return string
function M.text(identity, grants, _, tenant)
  local pg = grants.pg
  local names = {
    role = name(identity),
    role_text = literal(identity),
    database = name(pg.tenant),
    database_text = literal(pg.tenant),
    control = name(pg.control),
  }
  local granted = pg.rows or {}
  local limited = {}
  for i, path in ipairs(sorted_keys(granted)) do
    limited[i] = literal(path)
  end
  names.limited = table.concat(limited, ", ")
  local shares = pg.tenant == pg.control
  return table.concat {
    fill(ROLE, names),
    shares and "" or fill(OWN, names),
    fill(CONTROL, names),
    shares and fill(SHARED, names) or "",
    rows(names, pg, tenant.name),
  }
end

return M
