--- What PostgreSQL does not let us do in the control database and with the tenant's. One round trip asks for all.

local own_tables = require "o2x.client.pg.own_tables"
local pg = require "o2x.client.pg"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

local WHO <const> = [[
SELECT current_user AS role, current_setting('server_version') AS version,
  current_setting('server_version_num')::int AS number, extract(epoch FROM clock_timestamp())::float8 AS now,
  r.rolsuper AS super, r.rolcreatedb AS creates, r.rolcreaterole AS roles, pg_is_in_recovery() AS standby,
  coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS ssl,
  has_database_privilege(current_database(), 'CREATE') AS schemas,
  to_regnamespace('o2x') IS NOT NULL AS noted,
  coalesce(has_schema_privilege(to_regnamespace('o2x'), 'USAGE'), false) AS notes,
  coalesce(has_schema_privilege(to_regnamespace('o2x'), 'CREATE'), false) AS makes,
  has_lock AND has_fence AS locked,
  coalesce(CASE WHEN sees THEN has_table_privilege(to_regclass('o2x.lock'), 'INSERT')
    AND has_table_privilege(to_regclass('o2x.lock'), 'SELECT')
    AND has_table_privilege(to_regclass('o2x.lock'), 'UPDATE')
    AND has_table_privilege(to_regclass('o2x.fence'), 'UPDATE') END, false) AS locks
FROM (SELECT has_schema_privilege(to_regnamespace('o2x'), 'USAGE') AS sees,
    EXISTS (SELECT FROM pg_class WHERE relname = 'lock' AND relnamespace = to_regnamespace('o2x')) AS has_lock,
    EXISTS (SELECT FROM pg_class WHERE relname = 'fence' AND relnamespace = to_regnamespace('o2x'))
      AS has_fence) AS o2x,
  pg_roles r WHERE r.rolname = current_user]]

local RIGHTS <const> = [[
SELECT path, found IS NOT NULL AS there, found IS NULL AND coalesce(enters, true) AS absent,
  coalesce(has_table_privilege(found, 'SELECT'), false) AS reads,
  coalesce(has_table_privilege(found, 'INSERT'), false) AS inserts,
  coalesce(has_table_privilege(found, 'UPDATE'), false) AS updates,
  coalesce(has_table_privilege(found, 'DELETE'), false) AS deletes
FROM (SELECT path, rank, enters, CASE WHEN enters THEN to_regclass(path) END AS found
  FROM (SELECT path, rank, has_schema_privilege(to_regnamespace(split_part(path, '.', 1)), 'USAGE') AS enters
    FROM unnest($1::text[]) WITH ORDINALITY AS asked (path, rank)) AS asked) AS each ORDER BY rank]]

local TENANT <const> = [[
SELECT pg_has_role(datdba, 'MEMBER') AS own, has_database_privilege(datname, 'CONNECT') AS connects
FROM pg_database WHERE datname = $1]]

-- The role that will own a new database, and the role to which what others have made there belongs.
local OWNER <const> = [[
SELECT o.rolname AS owner, CASE WHEN current_setting('server_version_num')::int >= 160000
  THEN pg_has_role(o.oid, 'SET') ELSE pg_has_role(o.oid, 'MEMBER') END AS member
FROM pg_roles o WHERE o.rolname = $1]]

local function name(text) return '"' .. text:gsub('"', '""') .. '"' end

local function psql(database, sql) return ("psql -d %s -c %s"):format(shell.quote(database), shell.quote(sql)) end

local function add(list, text, mend) list[#list + 1] = { text = text, mend = mend } end

-- The registry, and the tenant's other rows in the control database.
local function tables(this)
  local found = { [this.registry and this.registry.table or ""] = true }
  for path in pairs(this.grants.pg.rows or {}) do
    found[path] = true
  end
  found[""] = nil
  return sorted_keys(found)
end

local function check_table(list, this, role, rights, removes)
  local control, path = this.grants.pg.control, rights.path
  if rights.absent then
    add(list, ("%s has no table %s"):format(control, path), psql(control, ("\\dt %s.*"):format(path:match "^[^.]+")))
    list[#list].absent = true
    return
  elseif not rights.there then
    return add(
      list,
      ("%s has no table %s that this role sees"):format(control, path),
      psql(control, ("GRANT USAGE ON SCHEMA %s TO %s"):format(name(path:match "^[^.]+"), name(role)))
    )
  end
  local missing = {}
  for _, right in ipairs { "select reads", "insert inserts", "update updates", removes and "delete deletes" or nil } do
    local word, field = right:match "(%l+) (%l+)"
    if not rights[field] then missing[#missing + 1] = word:upper() end
  end
  if #missing == 0 then return end
  local words = table.concat(missing, ", ")
  add(
    list,
    ("%s may not %s %s of %s"):format(role, words, path, control),
    psql(control, ("GRANT %s ON %s TO %s"):format(words, path, name(role)))
  )
end

local function check_rights(list, this, who, granted, tenant, owner, every, removes)
  local control = this.grants.pg.control
  if not who.creates and (every or not tenant) then
    add(
      list,
      who.role .. " may not create databases",
      psql("postgres", ("ALTER ROLE %s CREATEDB"):format(name(who.role)))
    )
  end
  for _, rights in ipairs(granted) do
    check_table(list, this, who.role, rights, removes)
  end
  if who.noted and not who.notes or not who.noted and not who.schemas then
    local sql = own_tables.grant(who.role, who.locked, control)
    add(list, ("%s may not note its changes in %s (schema o2x)"):format(who.role, control), psql(control, sql))
  elseif who.noted and not (who.locked and who.locks or not who.locked and who.makes) then
    local sql = who.locked and own_tables.grant(who.role, true, control)
      or ("GRANT CREATE ON SCHEMA o2x TO %s"):format(name(who.role))
    add(list, ("%s may not hold tenants in %s (o2x.lock)"):format(who.role, control), psql(control, sql))
  end
  if tenant and not (tenant.own and tenant.connects) then
    add(
      list,
      ("%s does not own %s"):format(who.role, this.grants.pg.tenant),
      ("o2x policy %s --system=postgresql | psql -v ON_ERROR_STOP=1 -d postgres"):format(this.tenant.name)
    )
  end
  if owner and not owner.member then
    add(
      list,
      ("%s may not act for %s, whose the tenant's database is to be"):format(who.role, owner.owner),
      psql("postgres", ("GRANT %s TO %s"):format(name(owner.owner), name(who.role)))
    )
  end
end

--- Who we are on a server, and what is missing there.
---@param this { client: function, grants: table, tenant: table, registry: table? }
---@param db o2x.pg.Connection to the control database
---@param every boolean also what only other runs need: to make databases, where the tenant has its own
---@param removes boolean? rows are deleted
---@return table who role, version, number, now, super, standby, ssl
---@return { text: string, mend: string, absent: boolean? }[]
function M.look(this, db, every, removes)
  local grants, list = this.grants.pg, {}
  local answers = db:pipeline {
    { { WHO } },
    { { RIGHTS, pg.array(tables(this)) } },
    { { TENANT, grants.tenant } },
    { { OWNER, grants.owner or "" } },
  }
  local function rows(i) return db.to_rows(answers[i][1]) end
  local who = rows(1)[1]
  if not who.super then check_rights(list, this, who, rows(2), rows(3)[1], rows(4)[1], every, removes) end
  return who, list
end

local function has(list, word)
  for _, one in ipairs(list or {}) do
    if one == word then return true end
  end
  return false
end

--- What is missing.
---@param this { client: function, grants: table, tenant: table, registry: table? }
---@param needs string[]? rights
---@return { text: string, mend: string }[]
function M.missing(this, needs)
  local removes = has(needs, "DELETE")
  return this
    .client("pg")
    :with(this.grants.pg.control, function(db) return select(2, M.look(this, db, false, removes)) end)
end

return M
