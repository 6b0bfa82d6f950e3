--- The tables that o2x keeps in a database that it writes to, in the schema o2x:
---
---   effect   a marker of each change by a transaction, and the ids that were given
---   fence    the highest number of a lock by which a tenant's rows were written there (effects/pg/fence.lua)
---   lock     who holds a tenant; only in the control database (client/pg/holders.lua)

local shell = require "o2x.base.shell"

local M = {}

-- The owner of the database has them, where the role may act for it: then they are those of all its members. Since
-- version 16, a member may be one that cannot SET ROLE.
local AS_OWNER <const> = [[SELECT set_config('role', pg_get_userbyid(o.owner), true)
FROM (SELECT coalesce((SELECT nspowner FROM pg_namespace WHERE nspname = 'o2x'), datdba) AS owner
  FROM pg_database WHERE datname = current_database()) o
WHERE pg_get_userbyid(o.owner) <> current_user AND CASE WHEN current_setting('server_version_num')::int >= 160000
  THEN pg_has_role(o.owner, 'SET') ELSE pg_has_role(o.owner, 'MEMBER') END]]

-- IF NOT EXISTS alone races. COMMIT ends a transaction that failed, too.
local MAKE <const> = {
  {
    { "BEGIN" },
    { "SELECT pg_advisory_xact_lock(hashtext('o2x.effect'))" },
    { AS_OWNER },
    { "CREATE SCHEMA IF NOT EXISTS o2x" },
    {
      "CREATE TABLE IF NOT EXISTS o2x.effect "
        .. "(key text PRIMARY KEY, run text NOT NULL, at timestamptz NOT NULL DEFAULT now())",
    },
    {
      "COMMENT ON TABLE o2x.effect IS 'one row for each change by o2x; when no run is unfinished, all may be removed "
        .. 'but those that begin with "id of": ids that were given\'',
    },
    { "CREATE TABLE IF NOT EXISTS o2x.fence (tenant text PRIMARY KEY, number bigint NOT NULL)" },
    { "COMMENT ON TABLE o2x.fence IS 'what holders of o2x.lock with a lower number may not write any more'" },
    { "GRANT USAGE ON SCHEMA o2x TO SESSION_USER" },
    { "GRANT SELECT, INSERT, UPDATE, DELETE ON o2x.effect, o2x.fence TO SESSION_USER" },
  },
  { { "COMMIT" } },
}

local LOCK <const> = {
  {
    "CREATE TABLE IF NOT EXISTS o2x.lock (tenant text PRIMARY KEY, number bigint NOT NULL, run text, runbook text, "
      .. '"user" text, host text, machine text, process text, since timestamptz, heartbeat timestamptz, seconds int, '
      .. "released jsonb)",
  },
  {
    "COMMENT ON TABLE o2x.lock IS 'which run of o2x holds a tenant; nobody does where run is null. The rows stay: "
      .. "the numbers must not begin again'",
  },
  { "GRANT SELECT, INSERT, UPDATE, DELETE ON o2x.lock TO SESSION_USER" },
}

local MAKE_ALL <const> = { table.move(LOCK, 1, #LOCK, #MAKE[1] + 1, table.move(MAKE[1], 1, #MAKE[1], 1, {})), MAKE[2] }

-- Columns that an older o2x has not made, or somebody has removed.
local COMPLETE <const> = "ALTER TABLE o2x.lock"
  .. " ADD COLUMN IF NOT EXISTS number bigint NOT NULL DEFAULT 0, ADD COLUMN IF NOT EXISTS run text,"
  .. ' ADD COLUMN IF NOT EXISTS runbook text, ADD COLUMN IF NOT EXISTS "user" text,'
  .. " ADD COLUMN IF NOT EXISTS host text, ADD COLUMN IF NOT EXISTS machine text,"
  .. " ADD COLUMN IF NOT EXISTS process text, ADD COLUMN IF NOT EXISTS since timestamptz,"
  .. " ADD COLUMN IF NOT EXISTS heartbeat timestamptz, ADD COLUMN IF NOT EXISTS seconds int,"
  .. " ADD COLUMN IF NOT EXISTS released jsonb"

--- What completes the table of locks, in a transaction of its own.
---@return table[] groups of statements for exchange
function M.complete() return { { MAKE[1][1], MAKE[1][2], { AS_OWNER }, { COMPLETE } }, MAKE[2] } end

--- What makes the tables of any database, in a transaction of its own.
---@return table[] groups of statements for exchange
function M.make() return MAKE end

--- The same for the control database.
---@return table[] groups of statements for exchange
function M.make_all() return MAKE_ALL end

--- Are the tables of any database there?
M.THERE = "to_regclass('o2x.effect') IS NOT NULL AND to_regclass('o2x.fence') IS NOT NULL"

local function name(text) return '"' .. text:gsub('"', '""') .. '"' end

--- What an administrator types so that a role may use them, in the control database.
---@param role string
---@param there boolean? are the tables there? Else the role makes them, and the schema
---@param database string
---@return string sql
function M.grant(role, there, database)
  local quoted = name(role)
  if not there then return ("GRANT CREATE ON DATABASE %s TO %s"):format(name(database), quoted) end
  local sql = "GRANT USAGE ON SCHEMA o2x TO %s; GRANT SELECT, INSERT ON o2x.effect TO %s; "
    .. "GRANT SELECT, INSERT, UPDATE ON o2x.lock, o2x.fence TO %s"
  return (sql:gsub("%%s", function() return quoted end))
end

-- Without its key the table says of no row whose it is. Dropped, it is made again by the next run; the numbers go on
-- from those in o2x.fence.
local ANEW <const> = "DROP TABLE o2x.lock"

--- Has the table of locks lost its key: the column, or what makes it unique?
---@param err table
---@return boolean
function M.keyless(err) return err.code == "42P10" or err.code == "42703" and err.message:find "tenant" ~= nil end

--- The command by which an administrator lets a role use the table of locks, completes the table, or takes away one
--- that has lost its key.
---@param role string
---@param database string the control database
---@param err table
---@return string? command nil if nothing is missing
function M.mend(role, database, err)
  local keyless = M.keyless(err)
  local incomplete = err.code == "42703" or err.code == "42501" and err.message:find "must be owner"
  if err.code ~= "42501" and not incomplete and not keyless then return nil end
  local sql = keyless and ANEW or incomplete and COMPLETE
  sql = sql or M.grant(role, not err.message:find "for database", database)
  local command = ("psql -d %s -c %s"):format(shell.quote(database), shell.quote(sql))
  return keyless and "o2x.lock has lost its key; once no run is under way on any machine: " .. command or command
end

return M
