--- Shared by the effect types of PostgreSQL: connections of the run, marker rows, the form of a change.

local diff = require "o2x.base.diff"
local errors = require "o2x.base.error"
local fence = require "o2x.effects.pg.fence"
local guard = require "o2x.base.guard"
local mask = require "o2x.base.mask"
local own_tables = require "o2x.client.pg.own_tables"
local pg_error = require "o2x.client.pg.error"
local value = require "o2x.base.value"

local M = {}

--- Runs fn(connection) on a connection of the run's pool.
---@param ctx table
---@param database string
---@param fn function
function M.with(ctx, database, fn) return ctx:client "pg":with(database, fn) end

--- Runs fn(connection) for what concerns the whole server, on any connection of the run's pool.
---@param ctx table
---@param target table database: where to connect if there is none; name: the database that it is about
---@param fn function
function M.on_server(ctx, target, fn) return ctx:client("pg"):anywhere(target.database, target.name, fn) end

--- Begins to connect to a database that the run will soon use.
---@param ctx table
---@param database string
function M.expect(ctx, database) ctx:client("pg"):expect(database) end

--- Opens a connection outside the pool. The caller closes it.
---@param ctx table
---@param database string
---@param overrides table? options of pg.connect
function M.connect(ctx, database, overrides) return ctx:client "pg":connect(database, overrides) end

--- The server of a connection, for messages.
---@param db o2x.pg.Connection
---@return string
function M.server(db) return pg_error.where(db.options) end

--- What an undo of a row leaves in its database: the marks are what proves whether a write took place.
---@param target table
---@return string
function M.traces(target)
  return ("the schema `o2x` of %s has a mark of each change, and the ids that were given"):format(target.database)
end

--- A `show` with the given title and a diff of the two values.
---@param title fun(target: table): string
---@return function
function M.show(title)
  return function(target, before, after) return { title = title(target), lines = diff.lines(before, after) } end
end

-- An assertion that does not hold (pg.assertion).
local function does_not_hold(err) return err.code == "22003" end

--- Runs fn, which sends an assertion of what was read before what it writes: where it does not hold, that is a guard's
--- refusal.
---@param fn function
---@param ... any arguments of fn
---@return any
function M.guarded(fn, ...) return guard.run(does_not_hold, fn, ...) end

--- Raises when the server has no role of that name.
---@param db o2x.pg.Connection
---@param name string
function M.check_role(db, name)
  if db:one("SELECT 1 AS found FROM pg_roles WHERE rolname = $1", name) then return end
  errors.raise {
    kind = "input",
    module = "pg",
    code = "42704",
    message = ("the PostgreSQL server has no role %s"):format(name),
    hint = ("CREATE ROLE %s LOGIN, or set another one in platform.yaml"):format(name),
  }
end

-- ---- what a plan may find missing ----

--- Is one of these values still unknown in the plan? Then what they identify does not exist yet.
---@param values table
---@return boolean
function M.any_unknown(values)
  for _, v in pairs(values) do
    if value.is_unknown(v) then return true end
  end
  return false
end

local NO_DATABASE = { ["3D000"] = true }
local NO_OBJECT = { ["42P01"] = true, ["3F000"] = true, ["42703"] = true }

local migrating = setmetatable({}, { __mode = "k" }) -- ctx → database → true: the plan would run migrations there

--- Notes that the plan would migrate a database: tables that later steps read may not exist yet.
---@param ctx table
---@param database string
function M.will_migrate(ctx, database)
  migrating[ctx] = migrating[ctx] or {}
  migrating[ctx][database] = true
end

--- Runs fn(). In a plan, a database or a table that the plan itself would create first reads as nothing; in an audit,
--- too: what is missing is the database's own finding.
---@param ctx table
---@param database string that fn reads
---@param fn function
---@return any nil if there is nothing yet
function M.or_nothing(ctx, database, fn)
  if ctx.mode ~= "plan" then return fn() end
  local ok, result = pcall(fn)
  if ok then return result end
  local code = errors.is(result) and result.code
  if NO_DATABASE[code] and ctx:may_be_missing("pg.database", database) then return nil end
  if NO_OBJECT[code] and migrating[ctx] and migrating[ctx][database] then return nil end
  error(result, 0)
end

--- Runs a read of our own on a connection of the run's pool.
---@param ctx table
---@param database string
---@param fn fun(db: o2x.pg.Connection): any
---@return any nil if a plan would create what is read first
function M.read(ctx, database, fn)
  return M.or_nothing(ctx, database, function() return M.with(ctx, database, fn) end)
end

-- ---- markers: exactly once ----

--- What makes the table of markers and what is beside it, in a transaction of its own.
---@return table[] groups of statements for exchange
function M.marker_table() return own_tables.make() end

local MARK <const> = "INSERT INTO o2x.effect (key, run) VALUES ($1, $2)"

--- The statement that leaves an effect's marker.
---@param ctx table
---@param effect_key string
---@return table statement
function M.marker_of(ctx, effect_key) return { MARK, effect_key, ctx.run_id } end

local function no_marker_table(err)
  return errors.is(err) and (err.code == "3F000" or err.code == "42P01") and err.message:find("o2x", 1, true)
end

--- Does the error say that the effect's marker is there, so that an earlier attempt was committed?
---@param err any
---@return boolean
function M.marked_already(err)
  return errors.is(err) and err.code == "23505" and err.schema == "o2x" and err.table == "effect"
end

--- Runs fn(tx) in a transaction that also writes the effect's marker row. If the row exists already, an earlier attempt
--- was committed and nothing is done.
---@param ctx table
---@param db o2x.pg.Connection
---@param effect_key string
---@param fn fun(tx: o2x.pg.Connection): any
---@param options table? of transaction
---@return any the result of fn; nil if the marker existed
function M.once_on(ctx, db, effect_key, fn, options)
  local function run()
    fence.raise(ctx, db)
    return db:transaction(function(tx)
      tx:defer(table.unpack(M.marker_of(ctx, effect_key)))
      fence.defer(ctx, tx)
      return fn(tx)
    end, options)
  end
  local ok, result = pcall(run)
  if not ok and no_marker_table(result) then
    db:pipeline(own_tables.make())
    ok, result = pcall(run)
  end
  if ok or M.marked_already(result) then return ok and result or nil end
  error(fence.explain(ctx, result), 0)
end

--- Like once_on, on a connection of the run's pool.
---@param ctx table
---@param database string
---@param effect_key string
---@param fn fun(tx: o2x.pg.Connection): any
---@return any
function M.once(ctx, database, effect_key, fn)
  return M.with(ctx, database, function(db) return M.once_on(ctx, db, effect_key, fn) end)
end

--- Sets a marker row by itself, for work that is not one transaction.
---@param ctx table
---@param database string
---@param effect_key string
function M.mark(ctx, database, effect_key)
  M.with(ctx, database, function(db)
    db:pipeline(own_tables.make())
    db:query(MARK .. " ON CONFLICT DO NOTHING", effect_key, ctx.run_id)
  end)
end

--- Removes such a marker row.
---@param ctx table
---@param database string
---@param effect_key string
function M.unmark(ctx, database, effect_key)
  M.with(ctx, database, function(db) db:query("DELETE FROM o2x.effect WHERE key = $1", effect_key) end)
end

--- Does the effect's marker row exist?
---@param ctx table
---@param database string
---@param effect_key string
---@return boolean
function M.marked(ctx, database, effect_key)
  return M.with(ctx, database, function(db)
    if not db:one("SELECT to_regclass('o2x.effect') IS NOT NULL AS there").there then return false end
    return db:one("SELECT 1 AS found FROM o2x.effect WHERE key = $1", effect_key) ~= nil
  end)
end

--- Compares what a transaction is about to commit with the desired value. A difference raises, so nothing is committed.
---@param name string of the target
---@param after any
---@param desired any
---@param equal fun(current: any, desired: any): boolean
---@return any after
function M.verified(name, after, desired, equal)
  local as_desired = after == nil and desired == nil or after ~= nil and desired ~= nil and equal(after, desired)
  if as_desired then return after end
  errors.raise {
    kind = "failed",
    module = "pg",
    op = "verify",
    message = ("%s: read-back mismatch, nothing was committed: %s"):format(
      name,
      mask.text(table.concat(diff.lines(desired, after), "; ")):sub(1, 400)
    ),
    hint = "a trigger or a rule of the table may change what is written",
  }
end

return M
