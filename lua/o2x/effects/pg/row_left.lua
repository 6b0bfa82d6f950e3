--- The rows that a tenant's database has in tables that hold nothing but what the tenant's file says, for an audit. The
--- platform names these tables: grants().pg.exact = { { table = "core_config.tenant", key = { "id" } }, … }. The first
--- column of the key says whose row it is.

local pg = require "o2x.client.pg"
local row_value = require "o2x.effects.pg.row_value"
local shell = require "o2x.base.shell"
local support = require "o2x.effects.pg.support"

local M = {}

local function quoted(names)
  local list = {}
  for i, name in ipairs(names) do
    list[i] = pg.quote(name, "column name")
  end
  return list
end

-- All rows; in a database that tenants share, only the tenant's.
local function statement_of(ctx, exact)
  local columns = quoted(exact.key)
  local sql = ("SELECT %s FROM %s"):format(table.concat(columns, ", "), pg.quote_table(exact.table))
  local granted = ctx.scope.pg
  if granted.tenant ~= granted.control then return { sql } end
  return { ("%s WHERE %s = $1"):format(sql, columns[1]), ctx.tenant.id }
end

local function literal(v) return type(v) == "string" and "'" .. v:gsub("'", "''") .. "'" or tostring(v) end

local function removal(database, exact, row)
  local conditions = {}
  for i, name in ipairs(exact.key) do
    conditions[i] = ("%s = %s"):format(pg.quote(name, "column name"), literal(row[name]))
  end
  local sql = ("DELETE FROM %s WHERE %s"):format(pg.quote_table(exact.table), table.concat(conditions, " AND "))
  return shell.command { "psql", "-d", database, "-c", sql }
end

local function add(found, ctx, exact)
  local database = ctx.scope.pg.tenant
  local rows = support.with(ctx, database, function(db) return db:query(table.unpack(statement_of(ctx, exact))) end)
  for _, row in ipairs(rows) do
    local key = {}
    for _, name in ipairs(exact.key) do
      key[name] = row[name]
    end
    local target = { database = database, table = exact.table, key = key }
    found[#found + 1] = { target = target, title = row_value.name_of(target), remove = removal(database, exact, row) }
  end
end

--- Lists them. A database that is not there has none.
---@param ctx o2x.context
---@return o2x.listed[]
function M.list(ctx)
  local found = {}
  for _, exact in ipairs(ctx.tenant.id and ctx.scope.pg.exact or {}) do
    add(found, ctx, exact)
  end
  return found
end

--- The rows of the registry.
---@param ctx o2x.context
---@return table[] rows name, id, status (where the platform names its column), title, remove
function M.names(ctx)
  local granted, registry = ctx.scope.pg, ctx.scope.places.registry
  local id, name = pg.quote(registry.id, "column name"), pg.quote(registry.name, "column name")
  local status = registry.status and pg.quote(registry.status, "column name") or "NULL"
  local columns = ("%s AS id, %s AS name, %s AS status"):format(id, name, status)
  local sql = ("SELECT %s FROM %s"):format(columns, pg.quote_table(registry.table))
  local rows = support.with(ctx, granted.control, function(db) return db:query(sql) end)
  for _, row in ipairs(rows) do
    local exact = { table = registry.table, key = { registry.id } }
    row.title = row_value.name_of { database = granted.control, table = registry.table, key = { id = row.id } }
    row.remove = removal(granted.control, exact, { [registry.id] = row.id })
  end
  return rows
end

return M
