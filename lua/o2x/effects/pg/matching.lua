--- The effect type of the engine's question to a registry: the rows that have any of some values.

local pg = require "o2x.client.pg"
local support = require "o2x.effects.pg.support"

local function sql_of(target)
  local columns, conditions, parameters = {}, {}, {}
  for i, column in ipairs(target.columns) do
    columns[i] = pg.quote(column, "column name")
  end
  for i, pair in ipairs(target.any) do
    conditions[i], parameters[i] = ("%s = $%d"):format(pg.quote(pair[1], "column name"), i), pair[2]
  end
  local sql = "SELECT %s FROM %s WHERE %s"
  return sql:format(table.concat(columns, ", "), pg.quote_table(target.table), table.concat(conditions, " OR ")),
    parameters
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
  read = function(ctx, target)
    local sql, parameters = sql_of(target)
    return support.read(ctx, target.database, function(db) return db:rows(sql, table.unpack(parameters)) end)
  end,
}
