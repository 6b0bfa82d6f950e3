--- The SQL of one row: reading, writing, and asserting what it is. A statement is { sql, parameter … }.

local column_form = require "o2x.effects.pg.column_form"
local pg = require "o2x.client.pg"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

local function quoted(names)
  local list = {}
  for i, name in ipairs(names) do
    list[i] = pg.quote(name, "column name")
  end
  return table.concat(list, ", ")
end

--- '"id" = $3 AND "index" = $4'; adds its parameters to the statement.
---@param key table column → value
---@param statement table
---@return string sql
function M.condition(key, statement)
  local parts = {}
  for _, name in ipairs(sorted_keys(key)) do
    statement[#statement + 1] = column_form.key_parameter(key[name])
    parts[#parts + 1] = ("%s = $%d"):format(pg.quote(name, "column name"), #statement - 1)
  end
  return table.concat(parts, " AND ")
end

--- Reads the row, or two where the key has more.
---@param target table table, key
---@param columns string[]
---@param lock boolean? for update
---@return table statement
function M.read(target, columns, lock)
  local statement = { "" }
  local where = M.condition(target.key, statement)
  local what = #columns > 0 and quoted(columns) or "1 AS found"
  local sql = "SELECT %s FROM %s WHERE %s LIMIT 2%s"
  statement[1] = sql:format(what, pg.quote_table(target.table), where, lock and " FOR UPDATE" or "")
  return statement
end

--- Inserts the row.
---@param target table table, key
---@param columns o2x.pg.columns
---@param values table column → value
---@param computed table<string, string>? column → SQL that gives its value
---@return table statement
function M.insert(target, columns, values, computed)
  local all = {}
  for name, v in pairs(target.key) do
    all[name] = column_form.key_parameter(v)
  end
  for name, v in pairs(values) do
    all[name] = column_form.parameter(columns, name, v)
  end
  local names, places, statement = sorted_keys(all), {}, { "" }
  for i, name in ipairs(names) do
    places[i], statement[i + 1] = "$" .. i, all[name]
  end
  for name, sql in pairs(computed or {}) do
    names[#names + 1], places[#places + 1] = name, sql
  end
  local sql = "INSERT INTO %s (%s) VALUES (%s)"
  statement[1] = sql:format(pg.quote_table(target.table), quoted(names), table.concat(places, ", "))
  return statement
end

--- Updates the row.
---@param target table table, key
---@param columns o2x.pg.columns
---@param values table column → value
---@return table statement
function M.update(target, columns, values)
  local sets, statement = {}, { "" }
  for i, name in ipairs(sorted_keys(values)) do
    sets[i] = ("%s = $%d"):format(pg.quote(name, "column name"), i)
    statement[i + 1] = column_form.parameter(columns, name, values[name])
  end
  local where = M.condition(target.key, statement)
  statement[1] = ("UPDATE %s SET %s WHERE %s"):format(pg.quote_table(target.table), table.concat(sets, ", "), where)
  return statement
end

--- Deletes the row.
---@param target table table, key
---@return table statement
function M.delete(target)
  local statement = { "" }
  local where = M.condition(target.key, statement)
  statement[1] = ("DELETE FROM %s WHERE %s"):format(pg.quote_table(target.table), where)
  return statement
end

local EXISTS <const> = "%sEXISTS (SELECT FROM %s WHERE %s)"
local EQUAL <const> = "(SELECT ROW(%s)::text FROM %s WHERE %s%s) IS NOT DISTINCT FROM ROW(%s)::text"

--- Fails unless the row has these values. The texts that the server makes of both are compared, so what it takes for
--- equal and writes otherwise fails, too.
---@param target table table, key
---@param columns o2x.pg.columns that have all of the values' names
---@param values table? column → value, as column_form.answer gives them; nil: there is no such row
---@param lock boolean? for update
---@return table statement
function M.assertion(target, columns, values, lock)
  local statement = { "" }
  local where, from = M.condition(target.key, statement), pg.quote_table(target.table)
  local names, wanted = sorted_keys(values or {}), {}
  if #names == 0 then
    statement[1] = pg.assertion(EXISTS:format(values and "" or "NOT ", from, where))
    return statement
  end
  for i, name in ipairs(names) do
    local at = #statement
    wanted[i] = ("$%d::%s"):format(at, columns[name].type)
    statement[at + 1] = column_form.parameter(columns, name, values[name])
  end
  local sql = EQUAL:format(quoted(names), from, where, lock and " FOR UPDATE" or "", table.concat(wanted, ", "))
  statement[1] = pg.assertion(sql)
  return statement
end

return M
