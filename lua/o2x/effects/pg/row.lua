--- The effect type of one row with given values.

local row_ahead = require "o2x.effects.pg.row_ahead"
local row_back = require "o2x.effects.pg.row_back"
local row_left = require "o2x.effects.pg.row_left"
local row_value = require "o2x.effects.pg.row_value"
local row_write = require "o2x.effects.pg.row_write"
local support = require "o2x.effects.pg.support"

return {
  kind = "pg.row",
  secrets = "opaque",
  class = "transactional",
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
}
