--- PostgreSQL: who we are there, what we may not do, its clock, its certificate, and pg_dump beside it.

local certificate = require "o2x.doctor.certificate"
local clocks = require "o2x.doctor.clocks"
local own_tables = require "o2x.client.pg.own_tables"
local proc = require "o2x.base.proc"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"

local M = { name = "PostgreSQL", from = { "pg" } }

local WHO <const> = [[
SELECT current_user AS role, current_setting('server_version') AS version,
  current_setting('server_version_num')::int AS number, extract(epoch FROM clock_timestamp())::float8 AS now,
  r.rolsuper AS super, r.rolcreatedb AS creates, r.rolcreaterole AS roles, pg_is_in_recovery() AS standby,
  coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS ssl,
  has_database_privilege(current_database(), 'CREATE') AS schemas,
  to_regnamespace('o2x') IS NOT NULL AS noted,
  coalesce(has_schema_privilege(to_regnamespace('o2x'), 'USAGE'), false) AS notes,
  coalesce(has_schema_privilege(to_regnamespace('o2x'), 'CREATE'), false) AS makes,
  to_regclass('o2x.lock') IS NOT NULL AND to_regclass('o2x.fence') IS NOT NULL AS locked,
  coalesce(has_table_privilege(to_regclass('o2x.lock'), 'INSERT')
    AND has_table_privilege(to_regclass('o2x.lock'), 'SELECT')
    AND has_table_privilege(to_regclass('o2x.lock'), 'UPDATE')
    AND has_table_privilege(to_regclass('o2x.fence'), 'UPDATE'), false) AS locks
FROM pg_roles r WHERE r.rolname = current_user]]

local RIGHTS <const> = [[
SELECT to_regclass($1) IS NOT NULL AS there,
  coalesce(has_table_privilege(to_regclass($1), 'SELECT'), false) AS reads,
  coalesce(has_table_privilege(to_regclass($1), 'INSERT'), false) AS inserts,
  coalesce(has_table_privilege(to_regclass($1), 'UPDATE'), false) AS updates]]

local TENANT <const> = [[
SELECT pg_has_role(datdba, 'MEMBER') AS own, has_database_privilege(datname, 'CONNECT') AS connects
FROM pg_database WHERE datname = $1]]

local function name(text) return '"' .. text:gsub('"', '""') .. '"' end

local function psql(database, sql) return ("psql -d %s -c %s"):format(shell.quote(database), shell.quote(sql)) end

-- The registry, and the tenant's other rows in the control database.
local function tables(this)
  local found = { [this.registry and this.registry.table or ""] = true }
  for path in pairs(this.grants.pg.rows or {}) do
    found[path] = true
  end
  found[""] = nil
  return sorted_keys(found)
end

local function check_table(note, db, this, role, path)
  local control, rights = this.grants.pg.control, db:one(RIGHTS, path)
  if not rights.there then
    return note:finding(
      ("%s has no table %s that this role sees"):format(control, path),
      psql(control, ("GRANT USAGE ON SCHEMA %s TO %s"):format(name(path:match "^[^.]+"), name(role)))
    )
  end
  local missing = {}
  for _, right in ipairs { "select reads", "insert inserts", "update updates" } do
    local word, field = right:match "(%l+) (%l+)"
    if not rights[field] then missing[#missing + 1] = word:upper() end
  end
  if #missing == 0 then return end
  local words = table.concat(missing, ", ")
  note:finding(
    ("%s may not %s %s of %s"):format(role, words, path, control),
    psql(control, ("GRANT %s ON %s TO %s"):format(words, path, name(role)))
  )
end

local function check_rights(note, db, this, who)
  local control = this.grants.pg.control
  if not who.creates then
    note:finding(
      who.role .. " may not create databases",
      psql("postgres", ("ALTER ROLE %s CREATEDB"):format(name(who.role)))
    )
  end
  for _, path in ipairs(tables(this)) do
    check_table(note, db, this, who.role, path)
  end
  if who.noted and not who.notes or not who.noted and not who.schemas then
    local sql = own_tables.grant(who.role, who.locked, control)
    note:finding(("%s may not note its changes in %s (schema o2x)"):format(who.role, control), psql(control, sql))
  elseif who.noted and not (who.locked and who.locks or not who.locked and who.makes) then
    local sql = who.locked and own_tables.grant(who.role, true, control)
      or ("GRANT CREATE ON SCHEMA o2x TO %s"):format(name(who.role))
    note:finding(("%s may not hold tenants in %s (o2x.lock)"):format(who.role, control), psql(control, sql))
  end
  local tenant = db:one(TENANT, this.grants.pg.tenant)
  if tenant and not (tenant.own and tenant.connects) then
    note:finding(
      ("%s does not own %s"):format(who.role, this.grants.pg.tenant),
      ("o2x policy %s --system=postgresql | psql -v ON_ERROR_STOP=1 -d postgres"):format(this.tenant.name)
    )
  end
end

-- An older pg_dump refuses to dump a newer server.
local function check_dump(note, number)
  if not proc.exists "pg_dump" then
    return note:finding("pg_dump is not on PATH: backup needs it", "apt-get install postgresql-client")
  end
  local version = proc.run({ argv = { "pg_dump", "--version" }, timeout = 5 }).stdout:match "(%d+)%.?%d*"
  local ours, theirs = tonumber(version), number // 10000
  if ours and ours < theirs then
    note:finding(
      ("pg_dump %d is older than the server, %d: it refuses to dump it"):format(ours, theirs),
      ("apt-get install postgresql-client-%d"):format(theirs)
    )
  end
end

--- Checks the server.
---@param this table of doctor.init
---@param note o2x.doctor.Note
function M.check(this, note)
  local grants, o = this.grants.pg, this.config.pg
  local db <close> = this.client("pg"):connect(grants.control, { connect_timeout = this.seconds })
  local who = db:one(WHO)
  local where = ("%s:%s"):format(o.host, o.port)
  note:fact("%s as %s, %s, database %s%s", where, who.role, who.version, grants.control, who.ssl and ", TLS" or "")
  clocks.compare(note, who.now, where)
  if who.standby then
    note:finding(
      where .. " is a standby: it takes no writes",
      "set PGHOST to the primary, or pg.target_session_attrs=read-write"
    )
  end
  if not who.super then check_rights(note, db, this, who) end
  check_dump(note, who.number)
  if who.ssl and math.type(o.port) == "integer" then
    certificate.look(note, o.host, o.port, { protocol = "postgres" })
  end
end

return M
