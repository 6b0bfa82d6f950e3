--- What keeps a run from writing after another one has taken its tenant: the number of its lock. Each database keeps
--- the highest number by which a tenant's rows were written there. A transaction compares its own, and holds the row
--- until it commits, so that a higher one cannot come in between. A run without a lock (--local-lock) has no number.
---
--- The first write of a run in a database raises the number, in a transaction of its own and the same round trip: so
--- that the transactions of one run do not wait for each other.

local errors = require "o2x.base.error"

local M = {}

local raised = setmetatable({}, { __mode = "k" }) -- ctx → database → true

local RAISE <const> = "INSERT INTO o2x.fence AS f (tenant, number) VALUES ($1, $2::bigint) "
  .. "ON CONFLICT (tenant) DO UPDATE SET number = excluded.number WHERE f.number < excluded.number"

-- An integer that is none is an error whose text has the number. After a wait for the row, PostgreSQL computes it anew.
local COMPARE <const> = "SELECT CASE WHEN number <= $2::bigint THEN 0 ELSE ('held by ' || number)::int END "
  .. "FROM o2x.fence WHERE tenant = $1 FOR SHARE"

local function of(ctx)
  raised[ctx] = raised[ctx] or {}
  return raised[ctx]
end

--- Has a run to raise its number in a database?
---@param ctx table
---@param database string
---@return boolean
local function is_due(ctx, database) return ctx:fence() ~= nil and not of(ctx)[database] end

--- Notes that the number was raised.
---@param ctx table
---@param database string
function M.note(ctx, database) of(ctx)[database] = true end

--- The statement that compares the numbers, for each transaction that writes.
---@param ctx table
---@return table? statement nil: the run has no number
function M.statement(ctx)
  local own = ctx:fence()
  return own and { COMPARE, own.tenant, own.number } or nil
end

--- Groups of statements, with the one before them that raises the number where that is due.
---@param ctx table
---@param database string
---@param groups table[]
---@return table[] groups
function M.before(ctx, database, groups)
  if not is_due(ctx, database) then return groups end
  local own = ctx:fence()
  return { { { RAISE, own.tenant, own.number } }, table.unpack(groups) }
end

--- Raises the number in the database of a connection, where that is due.
---@param ctx table
---@param db o2x.pg.Connection
function M.raise(ctx, db)
  if not is_due(ctx, db.dbname) then return end
  local own = ctx:fence()
  db:query(RAISE, own.tenant, own.number)
  M.note(ctx, db.dbname)
end

--- Compares the numbers along with the next statement of an open transaction.
---@param ctx table
---@param tx o2x.pg.Connection
function M.defer(ctx, tx)
  local statement = M.statement(ctx)
  if statement then tx:later(statement) end
end

--- Makes plain what the server says where the number is too low.
---@param ctx table
---@param err any
---@return any err
function M.explain(ctx, err)
  local number = errors.is(err) and err.code == "22P02" and tostring(err.message):match '"held by (%d+)"'
  local own = number and ctx:fence()
  if not own then return err end
  return errors.new {
    kind = "locked",
    module = "lock",
    code = "fenced",
    message = ("another run has taken %s since (lock %s, ours is %d): nothing was written"):format(
      own.tenant,
      number,
      own.number
    ),
    hint = ("o2x locks %s shows it; when it has ended: o2x resume %s"):format(own.tenant, own.run),
    cause = err,
  }
end

return M
