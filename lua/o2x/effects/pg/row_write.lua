--- Writes rows: in one transaction and one round trip, each between an assertion that it is as it was read and one that
--- it is as it was meant. Where that fails, step by step: that says exactly what is in the way.

local column_form = require "o2x.effects.pg.column_form"
local fence = require "o2x.effects.pg.fence"
local guard = require "o2x.base.guard"
local known = require "o2x.effects.pg.known"
local row_sql = require "o2x.effects.pg.row_sql"
local row_value = require "o2x.effects.pg.row_value"
local support = require "o2x.effects.pg.support"
local value = require "o2x.base.value"

local M = {}

local function lock_of(target)
  -- Two runs that both find no row must not both insert one, and the table may have no unique key to prevent it.
  return { "SELECT pg_advisory_xact_lock(hashtext($1))", row_value.name_of(target) }
end

local function statement_of(target, columns, desired, current)
  if desired == nil then return row_sql.delete(target) end
  if current == nil then return row_sql.insert(target, columns, desired) end
  return next(desired) ~= nil and row_sql.update(target, columns, desired) or nil
end

local function write_row(tx, target, desired, before)
  tx:defer(table.unpack(lock_of(target)))
  local current = row_value.read_row(tx, target, target.columns, true)
  if not value.equal(current, before) then guard.refuse("pg", row_value.name_of(target)) end
  local statement = statement_of(target, desired and column_form.columns(tx, target.table) or {}, desired, current)
  if statement then tx:defer(table.unpack(statement)) end
  return support.verified(
    row_value.name_of(target),
    row_value.read_row(tx, target, target.columns, true),
    desired,
    row_value.equal
  )
end

-- Has the table all of these columns?
local function fits(columns, values)
  for name in pairs(values or {}) do
    if not columns[name] then return false end
  end
  return true
end

-- One row, between an assertion that it is as it was read and one that it is as it was meant.
local function add_row(ctx, list, item, columns)
  local target = item.target
  list[#list + 1] = support.marker_of(ctx, item.id)
  list[#list + 1] = lock_of(target)
  list[#list + 1] = row_sql.assertion(target, columns, item.before, true)
  list[#list + 1] = statement_of(target, columns, item.desired, item.before)
  list[#list + 1] = row_sql.assertion(target, columns, item.desired)
  list[#list + 1] = row_sql.read(target, target.columns)
  return #list
end

-- The group of one transaction, and the places of the rows that are read back; nil if something is not known well.
local function transaction_of(ctx, db, items)
  local group, places, names = { { "BEGIN ISOLATION LEVEL read committed READ WRITE" } }, {}, {}
  group[2] = fence.statement(ctx)
  for i, item in ipairs(items) do
    names[i] = item.target.table
  end
  local columns = known.tables(ctx, items[1].target.database, db, names)
  for i, item in ipairs(items) do
    local of = columns[item.target.table]
    if item.desired == nil or not fits(of, item.before) or not fits(of, item.desired) then return nil end
    places[i] = add_row(ctx, group, item, of)
  end
  for _, statement in ipairs(group) do
    statement.certain = true
  end
  return group, places
end

-- COMMIT is a group of its own: it ends a transaction that failed, too.
local function exchange(ctx, db, database, group)
  local groups = fence.before(ctx, database, { group, { { "COMMIT" } } })
  if not known.has_markers(ctx, database) then
    local first = support.marker_table()
    groups = { first[1], first[2], table.unpack(groups) }
  end
  db.uncertain = true
  local answers, problem = db:exchange(groups)
  if not problem then fence.note(ctx, database) end
  known.note_markers(ctx, database, not problem or nil)
  return answers[#groups - 1], problem
end

---@class o2x.pg.row_item
---@field target table
---@field desired table? nil: no such row
---@field before table? as it was read
---@field id string of the effect

--- Writes rows, all or none.
---@param ctx table
---@param db o2x.pg.Connection
---@param items o2x.pg.row_item[] of one database
---@return table[]? after what is there then, row by row; nil: nothing was done
---@return table? problem why
function M.at_once(ctx, db, items)
  local database = items[1].target.database
  local group, places = transaction_of(ctx, db, items)
  if not group then return nil end
  local answers, problem = exchange(ctx, db, database, group)
  if problem then
    known.forget(ctx, database)
    return nil, problem
  end
  local after = {}
  for i, item in ipairs(items) do
    after[i] = row_value.row_of(item.target, item.target.columns, db.to_rows(answers[places[i]]))
  end
  return after
end

--- Writes one row.
---@param ctx table
---@param db o2x.pg.Connection
---@param item o2x.pg.row_item
---@return table? after what is there then; nil if an earlier attempt has written it
function M.one(ctx, db, item)
  local after, problem = M.at_once(ctx, db, { item })
  if after then return after[1] end
  if support.marked_already(problem) then return nil end
  return support.once_on(
    ctx,
    db,
    item.id,
    function(tx) return write_row(tx, item.target, item.desired, item.before) end
  )
end

return M
