--- The effect type of the engine's question to a registry: the rows that have any of some values.

local known = require "o2x.effects.pg.known"
local pg = require "o2x.client.pg"
local support = require "o2x.effects.pg.support"

local function statement_of(target)
  local columns, conditions, statement = {}, {}, { "" }
  for i, column in ipairs(target.columns) do
    columns[i] = pg.quote(column, "column name")
  end
  for i, pair in ipairs(target.any) do
    conditions[i], statement[i + 1] = ("%s = $%d"):format(pg.quote(pair[1], "column name"), i), pair[2]
  end
  local sql, conditions_text = "SELECT %s FROM %s WHERE %s", table.concat(conditions, " OR ")
  statement[1] = sql:format(table.concat(columns, ", "), pg.quote_table(target.table), conditions_text)
  return statement
end

-- The registry is what a run looks at first and may write next, so the form of its table is asked along.
-- -> the statements, and what takes the rows of each
local function questions(ctx, target)
  local group = { statement_of(target) }
  local unknown = known.questions(ctx, target.database, { target.table })
  for i, question in ipairs(unknown and unknown.group or {}) do
    group[i + 1] = question
  end
  return group,
    function(answers)
      local found = table.remove(answers, 1)
      if unknown then known.note(ctx, target.database, unknown, answers) end
      return found
    end
end

-- Targets → their rows, which were read along with something else. The next read takes them away.
local ahead = setmetatable({}, { __mode = "k" })

local function read(ctx, db, target)
  local group, take = questions(ctx, target)
  return take(db:read_all(group))
end

--- target: database, admin, table, columns (names), any ({ column, value } pairs).
return {
  kind = "pg.matching",
  class = "read",
  key = function(target)
    local parts = {}
    for i, pair in ipairs(target.any) do
      parts[i] = ("%s = '%s'"):format(pair[1], tostring(pair[2]))
    end
    return ("%s %s where %s"):format(target.database, target.table, table.concat(parts, " or "))
  end,
  parent = function(target) return "pg.database", { database = target.admin, name = target.database } end,
  along = function(ctx, target)
    local group, take = questions(ctx, target)
    return group, function(answers) ahead[target] = take(answers) end
  end,
  read = function(ctx, target)
    local found = ahead[target]
    ahead[target] = nil
    if found then return found end
    return support.read(ctx, target.database, function(db) return read(ctx, db, target) end)
  end,
}
