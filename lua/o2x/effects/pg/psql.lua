--- Commands of psql that do what an effect does, for people. The values stand in the statement as literals; a variable
--- of the shell gets there by \getenv, so that its value cannot end the literal.

local json = require "o2x.base.json"
local pg = require "o2x.client.pg"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"
local value = require "o2x.base.value"

local M = {}

local function is_text(text) return utf8.len(text) ~= nil and not text:find("\0", 1, true) end

local function hex(text)
  return "'\\x" .. text:gsub(".", function(c) return ("%02x"):format(c:byte()) end) .. "'"
end

-- What a page cannot show is written out.
local function string_literal(text)
  if not is_text(text) then return hex(text) end
  if shell.is_printable(text) then return "'" .. text:gsub("'", "''") .. "'" end
  local escaped = text:gsub("[\\']", "\\%0"):gsub("[^ -~]", function(byte) return ("\\x%02x"):format(byte:byte()) end)
  return "E'" .. escaped .. "'"
end

local function variable_literal(name) return ":'" .. name .. "'" end

local function number_literal(n)
  if math.type(n) == "integer" then return tostring(n) end
  if n ~= n or n - n ~= 0 then return n ~= n and "'NaN'" or n > 0 and "'Infinity'" or "'-Infinity'" end
  for digits = 15, 17 do
    local text = ("%%.%dg"):format(digits):format(n)
    if tonumber(text) == n then return text end
  end
end

--- A value as a literal of SQL.
---@param v any json.null is NULL; a text may have variables; no table
---@return string
function M.literal(v)
  if v == nil or v == json.null then return "NULL" end
  if type(v) == "number" then return number_literal(v) end
  if type(v) == "boolean" then return v and "TRUE" or "FALSE" end
  if v == "" then return "''" end
  return table.concat(shell.parts(v, string_literal, variable_literal), " || ")
end

-- A list or a record is JSON to one column and an array to another: the column decides.
local function column_value(target, name, v)
  if type(v) ~= "table" or v == json.null then return M.literal(v) end
  return ("(jsonb_populate_record(NULL::%s, %s)).%s"):format(
    pg.quote_table(target.table),
    M.literal(json.encode { [name] = v }),
    pg.quote(name, "column name")
  )
end

--- A statement with its parameters in it.
---@param statement table { sql, parameter … }
---@return string
function M.inlined(statement)
  return (statement[1]:gsub("%$(%d+)", function(number) return M.literal(statement[tonumber(number) + 1]) end))
end

local function condition(target)
  local parts = {}
  for i, name in ipairs(sorted_keys(target.key)) do
    parts[i] = ("%s = %s"):format(pg.quote(name, "column name"), M.literal(target.key[name]))
  end
  return table.concat(parts, " AND ")
end

local function assignments(target, values)
  local parts = {}
  for i, name in ipairs(sorted_keys(values)) do
    parts[i] = ("%s = %s"):format(pg.quote(name, "column name"), column_value(target, name, values[name]))
  end
  return table.concat(parts, ", ")
end

-- Names and values of a new row: those of its key, and the others.
local function columns_of(target, values, computed)
  local names, list, all = {}, {}, {}
  for _, map in ipairs { values, target.key } do
    for name, v in pairs(map) do
      all[name] = v
    end
  end
  for i, name in ipairs(sorted_keys(all)) do
    names[i] = pg.quote(name, "column name")
    list[i] = computed and computed[name] or column_value(target, name, all[name])
  end
  return table.concat(names, ", "), table.concat(list, ", ")
end

--- The query that reads a column of a row.
---@param target table table, key
---@param column string
---@return string
function M.look_for(target, column)
  return ("SELECT %s FROM %s WHERE %s"):format(
    pg.quote(column, "column name"),
    pg.quote_table(target.table),
    condition(target)
  )
end

--- The statement that makes a row.
---@param target table table, key
---@param values table column → value
---@param computed table<string, string>? column → SQL that gives its value
---@return string
function M.insert(target, values, computed)
  local names, list = columns_of(target, values, computed)
  return ("INSERT INTO %s (%s)\nVALUES (%s);"):format(pg.quote_table(target.table), names, list)
end

--- The statement that makes a row unless there is one with its key.
---@param target table table, key
---@param values table column → value
---@param computed table<string, string>? column → SQL that gives its value
---@return string
function M.insert_unless_there(target, values, computed)
  local names, list = columns_of(target, values, computed)
  return ("INSERT INTO %s (%s)\nSELECT %s\nWHERE NOT EXISTS (SELECT FROM %s WHERE %s);"):format(
    pg.quote_table(target.table),
    names,
    list,
    pg.quote_table(target.table),
    condition(target)
  )
end

local function update(target, values)
  return ("UPDATE %s\nSET %s\nWHERE %s;"):format(
    pg.quote_table(target.table),
    assignments(target, values),
    condition(target)
  )
end

--- The statements that bring a row to its desired values.
---@param target table table, key
---@param desired table? column → value, with variables for secrets; nil: no such row
---@param before any the row as it is; value.unknown if nobody knows
---@param changed table? of desired, what differs from before
---@return string
function M.row(target, desired, before, changed)
  if desired == nil then
    return ("DELETE FROM %s\nWHERE %s;"):format(pg.quote_table(target.table), condition(target))
  end
  if before == nil then return M.insert(target, desired) end
  if not value.is_unknown(before) then return update(target, changed or desired) end
  local there = next(desired) ~= nil and update(target, desired) .. "\n" or ""
  return there .. M.insert_unless_there(target, desired)
end

--- The command that runs statements.
---@param database string
---@param sql string with the semicolons
---@return string lines
function M.command(database, sql)
  local names, seen = {}, {}
  for name in sql:gmatch ":'([%u%d_]+)'" do
    if not seen[name] then names[#names + 1] = ("\\getenv %s %s\n"):format(name, name) end
    seen[name] = true
  end
  local words = { "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database }
  return shell.heredoc(shell.command(words), table.concat(names) .. sql)
end

--- The command that shows what a query gives.
---@param database string
---@param sql string without the semicolon
---@return string line
function M.look(database, sql)
  if sql:find ":'[%u%d_]+'" then return M.command(database, sql .. ";") end -- -c takes no variables
  return shell.command { "psql", "-X", "-d", database, "-c", sql }
end

--- Statements without parameters, each on a line of its own.
---@param statements table[] { sql } …
---@return string
function M.joined(statements)
  local list = {}
  for i, statement in ipairs(statements) do
    list[i] = statement[1] .. ";"
  end
  return table.concat(list, "\n")
end

return M
