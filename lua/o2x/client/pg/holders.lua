--- Who holds a tenant: the rows of o2x.lock in the control database. A row is one statement's work, so a pooler does no
--- harm, and nothing depends on a session. All times are the server's.
---
--- A holder says from time to time that it lives (heartbeat). After `seconds` without that it has expired, and the next
--- one may take its place. Each holder of a tenant has a higher number than the one before.

local own_tables = require "o2x.client.pg.own_tables"

local M = {}

-- A row without a sign of life, which somebody has edited, tells of nobody who lives.
local EXPIRED <const> = "coalesce(%sheartbeat < clock_timestamp() - make_interval(secs => %sseconds), true)"

-- The server's clock was set back, or somebody has edited the row: a holder that lives mends that at its next beat.
local AHEAD <const> = "heartbeat > clock_timestamp() + make_interval(secs => seconds)"

-- What was given back by hand, until the next one takes the tenant. A table that an older o2x has made has no such
-- column.
local RELEASED <const> = "CASE WHEN to_jsonb(lock) -> 'released' -> 'number' = to_jsonb(number) "
  .. "THEN to_jsonb(lock) -> 'released' END AS released"

-- Without a sign of life there is no age.
local ROWS <const> = [[SELECT tenant, number, run, coalesce(runbook, '?') AS runbook, coalesce("user", '?') AS "user",
coalesce(host, '?') AS host, machine, process,
coalesce(to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '?') AS since,
extract(epoch FROM clock_timestamp() - heartbeat)::float8 AS age, coalesce(seconds, 0) AS seconds,
]] .. EXPIRED:format("", "") .. " AS expired, " .. RELEASED .. " FROM o2x.lock"

local SHOWN <const> = ROWS .. " WHERE run IS NOT NULL"

-- $8, $9: the run and the number of a holder that is known to have ended.
local TAKE <const> = [[INSERT INTO o2x.lock AS l
(tenant, number, run, runbook, "user", host, machine, process, since, heartbeat, seconds)
VALUES ($1, 1, $2, $3, $4, $5, $6, $7, clock_timestamp(), clock_timestamp(), $10::int)
ON CONFLICT (tenant) DO UPDATE SET number = l.number + 1, run = excluded.run, runbook = excluded.runbook,
"user" = excluded."user", host = excluded.host, machine = excluded.machine, process = excluded.process,
since = excluded.since, heartbeat = clock_timestamp(), seconds = excluded.seconds
WHERE l.run IS NULL OR ]] .. EXPIRED:format("l.", "l.") .. [[ OR l.run = $8 AND l.number = $9::bigint
RETURNING number]]

-- The row that this transaction has taken: the one that holds the tenant may be of the same run, which is resumed.
local TAKEN <const> = "lock.tenant = $1 AND lock.xmin = pg_current_xact_id()::xid"

-- Whoever writes for the tenant in this database with a lower number waits for that, or is refused.
local FENCE <const> = [[INSERT INTO o2x.fence AS f (tenant, number)
SELECT tenant, number FROM o2x.lock WHERE ]] .. TAKEN .. [[

ON CONFLICT (tenant) DO UPDATE SET number = excluded.number WHERE f.number < excluded.number]]

-- A number must be higher than all that were seen, also where the rows of o2x.lock have been lost.
local ABOVE <const> = [[UPDATE o2x.lock SET number = f.number + 1 FROM o2x.fence f
WHERE ]] .. TAKEN .. [[ AND f.tenant = lock.tenant AND f.number >= lock.number
RETURNING lock.number]]

---@class o2x.pg.holder
---@field tenant string
---@field number integer
---@field run string
---@field runbook string
---@field user string
---@field host string
---@field machine string? of base/liveness
---@field process string? of base/liveness
---@field since string
---@field age number? seconds since the last heartbeat; below 0: it is of a time to come; nil: there was none
---@field seconds integer after which it expires
---@field expired boolean
---@field ended boolean? it was a process of this machine, and has ended for certain

---@class o2x.pg.released what was given back by hand
---@field run string that held the tenant
---@field user string who gave it back
---@field host string
---@field at string
---@field reason string

--- The tables that this needs.
---@return table[] groups of statements for exchange
function M.tables() return own_tables.make_all() end

-- The first problem in groups; what is asked behind them has its own.
local function first_problem(groups)
  local first
  for _, group in ipairs(groups) do
    for _, one in ipairs(group) do
      one.on_result = function(_, problem) first = first or problem end
    end
  end
  return function() return first end
end

-- Statements that read, in a transaction of their own: what they give does not touch the one before.
local function add_reads(groups, statements)
  if not statements then return end
  groups[#groups + 1] = { { "BEGIN READ ONLY" }, table.unpack(statements) }
  groups[#groups + 1] = { { "COMMIT" } }
end

-- What was read; nil: one of the statements failed, and is to be asked by itself.
local function read_of(db, statements, answers)
  local rows = {}
  for i = 1, #statements do
    local result = answers[i + 1]
    if not result or result:status() ~= "rows" then return nil end
    rows[i] = db.to_rows(result)
  end
  return rows
end

--- Takes a tenant that nobody holds, whose holder has expired, or has ended for certain. One round trip.
---@param db o2x.pg.Connection
---@param holder table tenant, run, runbook, user, host, machine, process, seconds
---@param ended { run: string, number: integer }? the holder that has ended
---@param along table[]? statements that read, behind it in the same round trip
---@return integer? number nil: it is held
---@return o2x.pg.holder? before who held it, or holds it; nil: nobody did
---@return table[][]? rows of each statement of along; nil: they could not be read
---@return o2x.pg.released? released who gave it back by hand, since somebody held it
function M.take(db, holder, ended, along)
  ended = ended or {}
  local take = table.pack(
    TAKE,
    holder.tenant,
    holder.run,
    holder.runbook,
    holder.user,
    holder.host,
    holder.machine,
    holder.process,
    ended.run,
    ended.number,
    holder.seconds
  )
  local group = {
    { "BEGIN ISOLATION LEVEL read committed READ WRITE" },
    { ROWS .. " WHERE tenant = $1", holder.tenant },
    take,
    { ABOVE, holder.tenant },
    { FENCE, holder.tenant },
  }
  local groups = { group, { { "COMMIT" } }, whole = true }
  local problem = first_problem(groups)
  add_reads(groups, along)
  db.uncertain = true
  local answers = db:exchange(groups)
  if problem() then error(problem(), 0) end
  local before, taken, above = db.to_rows(answers[1][2])[1], db.to_rows(answers[1][3])[1], db.to_rows(answers[1][4])[1]
  local number, released = taken and (above or taken).number, before and before.released
  if before and not before.run then before = nil end
  return number, before, along and read_of(db, along, answers[3]) or nil, released
end

--- Says that the holder lives.
---@param db o2x.pg.Connection
---@param holder table tenant, run
---@param number integer
---@return boolean held false: another has taken its place
function M.renew(db, holder, number)
  local sql = "UPDATE o2x.lock SET heartbeat = clock_timestamp() WHERE tenant = $1 AND run = $2 AND number = $3::bigint"
  local _, affected = db:query(sql, holder.tenant, holder.run, number)
  return affected == 1
end

--- Gives a tenant back.
---@param db o2x.pg.Connection
---@param holder table tenant, run
---@param number integer
---@return boolean released false: another has taken its place
function M.release(db, holder, number)
  local sql = "UPDATE o2x.lock SET run = NULL WHERE tenant = $1 AND run = $2 AND number = $3::bigint"
  local _, affected = db:query(sql, holder.tenant, holder.run, number)
  return affected == 1
end

--- Gives a tenant back whose holder has expired, has ended for certain, or has a sign of life that nobody can have
--- given. The number goes up: the holder finds out. Who did that, and why, stays in the row, which all machines see,
--- until the next one takes the tenant: its journal keeps it.
---@param db o2x.pg.Connection
---@param holder o2x.pg.holder
---@param by { user: string, host: string, reason: string }
---@return boolean released false: it lives, or another has taken its place
function M.expire(db, holder, by)
  local sql = "UPDATE o2x.lock SET run = NULL, number = number + 1, released = jsonb_build_object("
    .. "'number', number + 1, 'run', run, 'user', $4::text, 'host', $5::text, 'reason', $6::text, "
    .. "'at', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')) "
    .. "WHERE tenant = $1 AND run = $2 AND number = $3::bigint AND ("
    .. EXPIRED:format("", "")
    .. " OR "
    .. AHEAD
    .. " OR $7::boolean)"
  local ended = holder.ended or false
  local _, affected = db:query(sql, holder.tenant, holder.run, holder.number, by.user, by.host, by.reason, ended)
  return affected == 1
end

local function is_there(db) return db:one("SELECT to_regclass('o2x.lock') IS NOT NULL AS there").there end

--- What was given back by hand, and nobody has taken since.
---@param db o2x.pg.Connection
---@param tenant string
---@return o2x.pg.released?
function M.released(db, tenant)
  if not is_there(db) then return nil end
  local row = db:one(ROWS .. " WHERE run IS NULL AND tenant = $1", tenant)
  return row and row.released
end

--- What adds the columns that an older o2x has not made, or somebody has removed.
---@return table[] groups of statements for exchange
function M.columns() return own_tables.complete() end

--- Who holds tenants.
---@param db o2x.pg.Connection
---@param tenant string? all if absent
---@return o2x.pg.holder[]
function M.list(db, tenant)
  if not is_there(db) then return {} end
  if tenant then return db:rows(SHOWN .. " AND tenant = $1", tenant) end
  return db:rows(SHOWN .. " ORDER BY tenant")
end

return M
