--- Rows as values of effects: their names for people, their columns, errors about them.

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local row_sql = require "o2x.effects.pg.row_sql"
local secret = require "o2x.base.secret"
local sorted_keys = require "o2x.base.sorted_keys"
local value = require "o2x.base.value"

local M = {}

-- A row as a value: NULL is json.null, the columns that hold secrets are secrets.
local function to_value(target, columns, row)
  local result = {}
  for _, name in ipairs(columns) do
    local v = row[name]
    if v == nil then v = json.null end
    if target.secrets[name] and type(v) == "string" then
      v = secret.new(v, ("%s %s.%s"):format(target.database, target.table, name))
    end
    result[name] = v
  end
  return result
end

--- Is a row as desired? Both have the form in which the database gives values back (row_ahead.lua).
---@param current table?
---@param desired table?
---@return boolean
function M.equal(current, desired)
  if current == nil or desired == nil then return current == desired end
  for name, wanted in pairs(desired) do
    if not value.equal(current[name], wanted) then return false end
  end
  return true
end

--- The name of a row, for people and as the key of its effect.
---@param target table database, table, key
---@return string
function M.name_of(target)
  local parts = {}
  for _, name in ipairs(sorted_keys(target.key)) do
    local v = target.key[name]
    parts[#parts + 1] = ("%s = %s"):format(name, type(v) == "string" and "'" .. v .. "'" or tostring(v))
  end
  return ("%s %s where %s"):format(target.database, target.table, table.concat(parts, " and "))
end

local function only_row(target, rows)
  if #rows < 2 then return rows[1] end
  errors.raise {
    kind = "conflict",
    module = "pg",
    op = "pg.row",
    message = M.name_of(target) .. ": more than one row",
    hint = "give all columns of the table's key",
  }
end

--- The row of an answer; raises when there is more than one.
---@param target table
---@param columns string[]
---@param rows table[]
---@return table? row nil if there is none
function M.row_of(target, columns, rows)
  local row = only_row(target, rows)
  return row and to_value(target, columns, row)
end

--- Reads a row.
---@param db o2x.pg.Connection
---@param target table
---@param columns string[]
---@param lock boolean? for update, in a transaction
---@return table? row
function M.read_row(db, target, columns, lock)
  local statement = row_sql.read(target, columns, lock)
  return M.row_of(target, columns, lock and db:query(table.unpack(statement)) or db:rows(table.unpack(statement)))
end

-- ---- pg.row ----

local WRONG = {
  ["22003"] = true,
  ["22007"] = true,
  ["22008"] = true,
  ["42P01"] = true,
  ["42703"] = true,
  ["22P02"] = true,
  ["22001"] = true,
  ["23502"] = true,
  ["23503"] = true,
  ["23514"] = true,
}

--- Runs fn(); adds the row to the message of an error about its values.
---@param target table
---@param fn fun(): any
---@return any
function M.explain(target, fn)
  local ok, result = pcall(fn)
  if ok then return result end
  if errors.is(result) and WRONG[result.code] then
    errors.amend(result, { message = M.name_of(target) .. ": " .. result.message:gsub("^[^:]*: ", "") })
  end
  error(result, 0)
end

return M
