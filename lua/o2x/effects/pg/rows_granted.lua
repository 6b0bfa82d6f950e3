--- Which rows of the control database a run may reach: those that grants().pg.rows names by table, column and value.
---
---   rows      = { ["core_config.tenant"] = { name = "newclient", id = "TIDLT-100008" } }  a key is made of these
---   identity  = { ["core_config.tenant"] = { name = "newclient", id = false } }          false: nobody may write it
---   allocated = { ["core_config.tenant"] = { column = "id", prefix = "TIDLT-", digits = 6, first = 100001 } }
---
--- The database of one tenant may be the control database itself. There the tables of `rows` have the same limits, and
--- what a script's SQL reads is asked of the server: its plan names the tables, in whatever way the SQL does.

local errors = require "o2x.base.error"
local lexer = require "o2x.client.pg.lexer"
local value = require "o2x.base.value"

local M = {}

local function refuse(message, hint)
  errors.raise { kind = "refused", module = "pg", code = "EREFUSED", message = message, hint = hint }
end

local GRANTED <const> = "stdlib/platform.lua grants rows of the control database: grants().pg.rows"

local function grants_of(own) return own.ctx.scope.pg end

local function is_control(own) return own.database == grants_of(own).control end

-- Is the table one whose rows belong to tenants?
local function is_shared(granted, name) return (granted.rows or {})[name] or (granted.identity or {})[name] end

-- The granted key of a table, empty if none of its rows is granted; nil where rows have no limit.
local function limit(own, name)
  if not is_control(own) then return nil end
  local granted = (grants_of(own).rows or {})[name]
  if granted or is_shared(grants_of(own), name) or own.which ~= "tenant" then return granted or {} end
  if not name:find(".", 1, true) then
    refuse(("table %s of the control database needs its schema"):format(name), "such as core_config." .. name)
  end
end

local function shown(v)
  if type(v) == "table" then return "a table" end
  return type(v) == "string" and "'" .. v .. "'" or tostring(v)
end

--- Checks the key of a row: in the control database, columns that are granted with these values, and no others.
---@param own table ctx, database, which
---@param name string of the table
---@param key table column → value
function M.key(own, name, key)
  local granted = limit(own, name)
  if not granted then return end
  if next(granted) == nil then refuse(("table %s of the control database is not granted"):format(name), GRANTED) end
  for column, v in pairs(key) do
    if granted[column] == nil or value.is_unknown(v) or granted[column] ~= v then
      refuse(
        ("%s where %s = %s is not this tenant's row"):format(name, column, shown(v)),
        "the key is the tenant's own name or id"
      )
    end
  end
end

--- Checks the values of a row: what says whose row it is stays as it is granted.
---@param own table
---@param name string of the table
---@param values table column → value
function M.values(own, name, values)
  if not limit(own, name) then return end
  for column, wanted in pairs((grants_of(own).identity or {})[name] or {}) do
    local v = values[column]
    if v ~= nil and (value.is_unknown(v) or v ~= wanted) then
      refuse(("%s.%s = %s is not this tenant's"):format(name, column, shown(v)), GRANTED)
    end
  end
end

--- Checks the form of an id that is allocated in the control database.
---@param own table
---@param o table of ensure_allocated
function M.allocation(own, o)
  if not limit(own, o.table) then return end
  local granted = (grants_of(own).allocated or {})[o.table] or {}
  for _, field in ipairs { "column", "prefix", "digits", "first" } do
    if o[field] ~= granted[field] or o[field] == nil then
      refuse(
        ("ensure_allocated: %s = %s is not granted for %s"):format(field, tostring(o[field]), o.table),
        "stdlib/platform.lua grants it: grants().pg.allocated"
      )
    end
  end
end

--- Refuses a script's own SQL where it could read what belongs to others.
---@param own table
function M.free_read(own)
  if own.which == "control" then
    refuse(
      "the control database has rows of all tenants: a script may not read it with SQL of its own",
      'pg.control:row("core_config.tenant", { name = tenant.name }, { "id", "status" }) reads the tenant\'s row'
    )
  elseif own.which == "admin" then
    refuse("the admin database has no tables for scripts", "pg.admin:database(tenant.database) says how it is")
  end
end

-- ---- what a statement reads ----

local STATISTICS <const> = { pg_statistic = true, pg_statistic_ext_data = true, pg_largeobject = true }

local function check_relation(granted, schema, name)
  local full = ("%s.%s"):format(schema, name)
  if is_shared(granted, full) then
    refuse(
      ("a read of the control database may not touch %s: it has rows of other tenants"):format(full),
      ('pg.tenant:row("%s", { … }, { … }) reads the tenant\'s own'):format(full)
    )
  end
  if STATISTICS[name] or schema == "pg_toast" then
    refuse(("a read of the control database may not touch %s: it has values of all tables"):format(full))
  end
end

local function walk(granted, node)
  if type(node) ~= "table" then return end
  if node["Relation Name"] then check_relation(granted, node["Schema"], node["Relation Name"]) end
  for _, inner in pairs(node) do
    walk(granted, inner)
  end
end

--- Asks the server which tables a statement reads, before it is run. Does nothing outside of the control database.
---@param ctx table
---@param database string
---@param sql string
---@param explain fun(sql: string): table[] runs a statement as the read itself would be run
function M.relations(ctx, database, sql, explain)
  local granted = ctx.scope.pg
  if database ~= granted.control then return end
  local tokens = lexer.tokens(sql) or {}
  local first = tokens[1] and tokens[1].text
  if first == "show" then return end
  if first == "explain" then refuse "a read of the control database may not be EXPLAIN" end
  for _, row in ipairs(explain("EXPLAIN (VERBOSE, FORMAT JSON) " .. sql)) do
    walk(granted, row["QUERY PLAN"])
  end
end

return M
