--- The effect type of one row with given values.

local psql = require "o2x.effects.pg.psql"
local row_ahead = require "o2x.effects.pg.row_ahead"
local row_back = require "o2x.effects.pg.row_back"
local row_left = require "o2x.effects.pg.row_left"
local row_sql = require "o2x.effects.pg.row_sql"
local row_value = require "o2x.effects.pg.row_value"
local row_write = require "o2x.effects.pg.row_write"
local support = require "o2x.effects.pg.support"
local value = require "o2x.base.value"

-- What of the desired row differs from what is there; secrets are variables.
local function differing(ctx, desired, before)
  local changed = {}
  for name, v in pairs(desired or {}) do
    local is_known = before ~= nil and not value.is_unknown(before)
    if not (is_known and value.equal(before[name], v)) then changed[name] = v end
  end
  return ctx:filled(changed)
end

return {
  kind = "pg.row",
  rights = { postgresql = { "SELECT", "INSERT", "UPDATE" } },
  secrets = "opaque",
  class = "transactional",
  guard = "the row is locked and compared in the transaction that writes",
  key = row_value.name_of,
  parent = function(target) return "pg.database", { database = target.admin, name = target.database } end,
  read = row_ahead.read,
  list = row_left.list,
  names = row_left.names,
  equal = row_value.equal,
  marker = function(ctx, target, id) return support.marked(ctx, target.database, id) end,
  undo = {
    before = "the columns that the run sets, all of a removed row; a tag of each secret one",
    how = "restores the columns that the run set; deletes a new row, inserts a removed one again",
    cannot = "columns that held a secret: the journal has no secrets",
    rights = { postgresql = { "DELETE" } },
    traces = support.traces,
    lost = function(_, before, desired) return row_back.lost(before, desired) end,
    restore = row_back.restore,
  },
  rehearsal = { take = row_back.take },
  write = function(ctx, target, desired, before, id)
    local item = { target = target, desired = desired, before = before, id = id }
    return nil,
      row_value.explain(target, function()
        return support.with(ctx, target.database, function(db) return row_write.one(ctx, db, item) end)
      end)
  end,
  write_all = function(ctx, items)
    return support.with(ctx, items[1].target.database, function(db)
      local after, problem = row_write.at_once(ctx, db, items)
      return after or error(problem or "one of the rows is to be written by itself", 0)
    end)
  end,
  predict = function(_, _, desired, before)
    if desired == nil then return nil end
    local after = {}
    for name, v in pairs(before or {}) do
      after[name] = v
    end
    for name, v in pairs(desired) do
      after[name] = v
    end
    return after
  end,
  show = support.show(row_value.name_of),
  by_hand = function(ctx, target, desired, before)
    local changed = differing(ctx, desired, before)
    if before == nil or value.is_unknown(before) then desired = desired and changed end
    return { psql.command(target.database, psql.row(ctx:filled(target), desired, before, changed)) }
  end,
  look = function(ctx, target)
    local statement = row_sql.read(ctx:filled(target), target.columns)
    return { psql.look(target.database, psql.inlined(statement)) }
  end,
}
