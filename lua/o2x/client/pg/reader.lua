--- Runs a read that a script wrote, so that it changes nothing, holds nothing and ends in time: in a read-only
--- transaction that is rolled back, as a role that may only read, with limits that it cannot lift. All of it is one
--- round trip, with the reset of the pool's connection.

local errors = require "o2x.base.error"
local pg_sql = require "o2x.client.pg.sql"

local M = {}

-- Built-in functions and tables come first, whatever the database's search_path says, and temporary ones last. A server
-- has only some of the limits: client_connection_check_interval since 14, transaction_timeout since 17.
local LIMITS <const> = [[SELECT pg_catalog.set_config(s.name, v.value, true) FROM (VALUES
('statement_timeout', $1::text || 's'), ('transaction_timeout', $1::text || 's'), ('lock_timeout', '2s'),
('idle_in_transaction_session_timeout', '10s'), ('client_connection_check_interval', '2s'),
('search_path', pg_catalog.concat_ws(', ', 'pg_catalog',
  nullif(pg_catalog.current_setting('search_path'), ''), 'pg_temp'))) v (name, value)
JOIN pg_catalog.pg_settings s ON s.name = v.name]]

local SECONDS <const> = 60
local ROLE <const> = 3 -- the place of SET LOCAL ROLE in the group

-- SQLSTATE of a role that is not there, and of one that the user may not take.
local NO_ROLE <const> = { ["22023"] = true, ["42704"] = true, ["42501"] = true }

local function groups_of(sql, parameters, role, seconds)
  local read = { { "BEGIN READ ONLY" }, { LIMITS, seconds or SECONDS } }
  if role then read[ROLE] = { "SET LOCAL ROLE " .. pg_sql.quote(role, "role name") } end
  local statement = table.pack(sql, table.unpack(parameters, 1, parameters.n))
  read[#read + 1] = statement
  return { read, { { "ROLLBACK" } } }
end

local function explain(problem, role)
  if not errors.is(problem) then return end
  if problem.code == "25006" then
    local hint = "rows and one cannot write; use an ensure_… function, so that the plan and the journal record it"
    errors.amend(problem, { kind = "refused", hint = hint })
  elseif problem.code == "42501" and role then
    errors.amend(problem, { hint = ("reads run as the role %s: grant it SELECT, or pg_read_all_data"):format(role) })
  end
end

--- Runs a read.
---@param db o2x.pg.Connection of the pool, outside a transaction
---@param sql string that query.check has let through
---@param parameters table with n
---@param role string? the role that may only read; nil: the connection's own
---@param seconds integer? limit of time; default 60
---@return table? rows nil if the role cannot be taken
---@return table? problem why it cannot be taken; other errors are raised
function M.rows(db, sql, parameters, role, seconds)
  local answers, problem = db:exchange(groups_of(sql, parameters, role, seconds))
  if not problem then return db.to_rows(answers[1][#answers[1]]) end
  local failed = role and answers[1] and answers[1][ROLE]
  if failed and failed:status() == "error" and NO_ROLE[problem.code] then return nil, problem end
  explain(problem, role)
  error(problem, 0)
end

--- The statements that make the reading role, for people and for `o2x policy`. PostgreSQL 13 and older have no
--- pg_read_all_data; there the role gets SELECT in each database.
---@param role string
---@param user string the role that o2x connects as
---@return string[] statements without their semicolons
function M.statements(role, user)
  local name = pg_sql.quote(role, "role name")
  return {
    ("CREATE ROLE %s NOLOGIN"):format(name),
    ("GRANT pg_read_all_data, pg_read_all_stats TO %s"):format(name),
    ("GRANT %s TO %s"):format(name, pg_sql.quote(user, "role name")),
  }
end

return M
