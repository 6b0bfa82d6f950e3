--- The effect types of rows: a row with given values, and a row that gets the next free id.

local column_form = require "o2x.effects.pg.column_form"
local diff = require "o2x.base.diff"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local pg = require "o2x.client.pg"
local secret = require "o2x.base.secret"
local sorted_keys = require "o2x.base.sorted_keys"
local support = require "o2x.effects.pg.support"
local value = require "o2x.base.value"

local M = {}

-- ---- SQL of a row ----

local function quoted(names, suffix)
  local list = {}
  for i, name in ipairs(names) do
    list[i] = pg.quote(name, "column name") .. (suffix or "")
  end
  return table.concat(list, ", ")
end

-- '"id" = $3 AND "index" = $4'; adds its parameters to the list.
local function condition(key, parameters)
  local parts = {}
  for _, name in ipairs(sorted_keys(key)) do
    parameters[#parameters + 1] = column_form.key_parameter(key[name])
    parts[#parts + 1] = ("%s = $%d"):format(pg.quote(name, "column name"), #parameters)
  end
  return table.concat(parts, " AND ")
end

local function select_row(target, columns, lock)
  local parameters = {}
  local where = condition(target.key, parameters)
  return ("SELECT %s FROM %s WHERE %s LIMIT 2%s"):format(
    #columns > 0 and quoted(columns) or "1 AS found",
    pg.quote_table(target.table),
    where,
    lock and " FOR UPDATE" or ""
  ),
    parameters
end

local function insert_row(target, columns, values)
  local all = {}
  for name, v in pairs(target.key) do
    all[name] = column_form.key_parameter(v)
  end
  for name, v in pairs(values) do
    all[name] = column_form.parameter(columns, name, v)
  end
  local names, places, parameters = sorted_keys(all), {}, {}
  for i, name in ipairs(names) do
    places[i], parameters[i] = "$" .. i, all[name]
  end
  local sql = "INSERT INTO %s (%s) VALUES (%s)"
  return sql:format(pg.quote_table(target.table), quoted(names), table.concat(places, ", ")), parameters
end

local function update_row(target, columns, values)
  local names, sets, parameters = sorted_keys(values), {}, {}
  for i, name in ipairs(names) do
    sets[i] = ("%s = $%d"):format(pg.quote(name, "column name"), i)
    parameters[i] = column_form.parameter(columns, name, values[name])
  end
  local where = condition(target.key, parameters)
  return ("UPDATE %s SET %s WHERE %s"):format(pg.quote_table(target.table), table.concat(sets, ", "), where), parameters
end

local function delete_row(target)
  local parameters = {}
  return ("DELETE FROM %s WHERE %s"):format(pg.quote_table(target.table), condition(target.key, parameters)), parameters
end

-- ---- values ----

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

-- Both have the form in which the database gives values back (M.values).
local function equal(current, desired)
  if current == nil or desired == nil then return current == desired end
  for name, wanted in pairs(desired) do
    if not value.equal(current[name], wanted) then return false end
  end
  return true
end

local function name_of(target)
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
    message = name_of(target) .. ": more than one row",
    hint = "give all columns of the table's key",
  }
end

local function read_row(db, target, columns, lock)
  local sql, parameters = select_row(target, columns, lock)
  local rows = lock and db:query(sql, table.unpack(parameters)) or db:rows(sql, table.unpack(parameters))
  local row = only_row(target, rows)
  return row and to_value(target, columns, row)
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

-- Adds the row to the message of an error about its values.
local function explain(target, fn)
  local ok, result = pcall(fn)
  if ok then return result end
  if errors.is(result) and WRONG[result.code] then
    errors.amend(result, { message = name_of(target) .. ": " .. result.message:gsub("^[^:]*: ", "") })
  end
  error(result, 0)
end

local function write_row(tx, target, desired, before)
  -- Two runs that both find no row must not both insert one, and the table may have no unique key to prevent it.
  tx:defer("SELECT pg_advisory_xact_lock(hashtext($1))", name_of(target))
  local current = read_row(tx, target, target.columns, true)
  if not value.equal(current, before) then
    errors.raise {
      kind = "conflict",
      module = "pg",
      op = "pg.row",
      retryable = true,
      message = name_of(target) .. " was just changed by another client",
    }
  end
  local sql, parameters
  if desired == nil then
    sql, parameters = delete_row(target)
  elseif current == nil then
    sql, parameters = insert_row(target, column_form.columns(tx, target.table), desired)
  elseif next(desired) ~= nil then
    sql, parameters = update_row(target, column_form.columns(tx, target.table), desired)
  end
  if sql then tx:defer(sql, table.unpack(parameters)) end
  return support.verified(name_of(target), read_row(tx, target, target.columns, true), desired, equal)
end

local function read_target(ctx, target)
  if support.any_unknown(target.key) then return nil end
  return support.read(ctx, target.database, function(db)
    return explain(target, function() return read_row(db, target, target.columns) end)
  end)
end

--- The values of a row in the form in which the database gives them back.
---@param ctx table
---@param target table
---@param values table column → value
---@return table values
function M.values(ctx, target, values)
  local function read(db)
    return explain(target, function() return column_form.read(db, target.table, values) end)
  end
  return support.read(ctx, target.database, read) or values
end

--- The effect type of one row.
M.row = {
  kind = "pg.row",
  secrets = "opaque",
  class = "transactional",
  key = name_of,
  parent = function(target) return "pg.database", { database = target.admin, name = target.database } end,
  read = read_target,
  equal = equal,
  marker = function(ctx, target, id) return support.marked(ctx, target.database, id) end,
  undo = {
    before = "the columns that the run sets; a tag of each secret one",
    how = "restores the columns that the run set; deletes a new row",
    cannot = "columns that held a secret: the journal has no secrets",
  },
  write = function(ctx, target, desired, before, id)
    return nil,
      explain(target, function()
        return support.once(ctx, target.database, id, function(tx) return write_row(tx, target, desired, before) end)
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
  show = support.show(name_of),
}

-- ---- pg.allocated ----

local NEXT = [[SELECT max(substring(%s from %d)::bigint) AS highest FROM %s WHERE %s ~ $1]]

-- Where all ids are: in the table, or in the view that `o2x policy` makes for roles that see only their own rows.
local function ids_of(db, target)
  local view = ('o2x."%s.%s"'):format(target.table, target.column)
  local there = db:query("SELECT to_regclass($1) IS NOT NULL AS there", view)[1].there
  return there and view or pg.quote_table(target.table)
end

local function next_id(db, target)
  local column = pg.quote(target.column, "column name")
  local pattern = ("^%s[0-9]{%d}$"):format(target.prefix:gsub("[%^$.|?*+()%[%]{}\\]", "\\%0"), target.digits)
  local row = db:query(NEXT:format(column, #target.prefix + 1, ids_of(db, target), column), pattern)[1]
  local number = math.max(target.first, (row.highest or 0) + 1)
  if #tostring(number) > target.digits then
    errors.raise {
      kind = "failed",
      module = "pg",
      op = "pg.allocated",
      message = ("%s %s: no %s with %d digits is left"):format(
        target.database,
        target.table,
        target.column,
        target.digits
      ),
    }
  end
  return ("%s%0" .. target.digits .. "d"):format(target.prefix, number)
end

local function with_id(target, values, id)
  local all = { [target.column] = id }
  for name, v in pairs(values) do
    all[name] = v
  end
  return all
end

local function allocate(tx, target, desired)
  local sql, parameters
  if desired == nil then
    sql, parameters = delete_row(target)
  else
    -- Readers continue; writers wait, other clients' too.
    tx:defer(("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE"):format(pg.quote_table(target.table)))
    local there = read_row(tx, target, target.columns, true)
    if there then return there end
    local columns = column_form.columns(tx, target.table)
    sql, parameters = insert_row(target, columns, with_id(target, desired, next_id(tx, target)))
  end
  tx:defer(sql, table.unpack(parameters))
  return read_row(tx, target, target.columns, true)
end

--- The effect type of a row with the next free id.
M.allocated = {
  kind = "pg.allocated",
  secrets = "opaque",
  class = "transactional",
  key = function(target) return name_of(target) .. ": " .. target.column end,
  read = read_target,
  -- The values are for a new row. In an existing row only the id matters (ensure_row handles the rest).
  equal = function(current, desired) return (current == nil) == (desired == nil) end,
  marker = function(ctx, target, id) return support.marked(ctx, target.database, id) end,
  undo = {
    before = "whether the row existed",
    how = "deletes a new row",
    cannot = "a row that other rows refer to",
  },
  write = function(ctx, target, desired, _, id)
    return nil,
      explain(target, function()
        return support.once(ctx, target.database, id, function(tx) return allocate(tx, target, desired) end)
      end)
  end,
  predict = function(ctx, target, desired)
    if desired == nil then return nil end
    return support.with(ctx, target.database, function(db)
      return with_id(target, desired, db:transaction(function(tx) return next_id(tx, target) end, { read_only = true }))
    end)
  end,
  show = function(target, before, after)
    if after and not after[target.column] then after = with_id(target, after, "(the next free one)") end
    return { title = name_of(target), lines = diff.lines(before, after) }
  end,
}

--- The columns in tables of column → value, sorted.
M.columns = sorted_keys

return M
