--- PostgreSQL for runbooks: the named connections pg.tenant, pg.control and pg.admin. Reads cannot write; writes name
--- the desired state.

local arguments = require "o2x.effects.pg.arguments"
local allocated = require "o2x.effects.pg.allocated"
local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local pg_database = require "o2x.effects.pg.database"
local pg_grant = require "o2x.effects.pg.grant"
local pg_matching = require "o2x.effects.pg.matching"
local history = require "o2x.client.flyway.history"
local pg_migration = require "o2x.effects.pg.migration"
local pg_migration_repair = require "o2x.effects.pg.migration_repair"
local pg_query = require "o2x.effects.pg.query"
local pg_row = require "o2x.effects.pg.row"
local row_ahead = require "o2x.effects.pg.row_ahead"
local rows_granted = require "o2x.effects.pg.rows_granted"
local pg_vacuum = require "o2x.effects.pg.vacuum"
local secret = require "o2x.base.secret"
local sorted_keys = require "o2x.base.sorted_keys"
local support = require "o2x.effects.pg.support"
local value = require "o2x.base.value"

local function invalid(message, hint) errors.raise { kind = "input", module = "pg", message = message, hint = hint } end

-- ---- reading ----

-- Scripts must not reach the run or the name of the database, so these are kept outside the objects that scripts get.
local private = setmetatable({}, { __mode = "k" }) -- named connection → { ctx, database, admin, which }

---@class o2x.pg.Named
local Named = {}

--- Reads rows in a read-only transaction. In a plan, a database that the plan would create reads as empty.
---@param sql string one statement that only reads; parameters are $1, $2 …
---@param ... any parameters, no secrets
---@return table[] rows column → value; NULL is absent, numeric and times are text, json is decoded
function Named:rows(sql, ...)
  local own = private[self]
  rows_granted.free_read(own)
  local target = { database = own.database, admin = own.admin, sql = sql, parameters = table.pack(...) }
  pg_query.check(own.ctx, sql, target.parameters)
  return own.ctx:read("pg.query", target) or {}
end

--- Reads one row.
---@param sql string one statement; parameters are $1, $2 …
---@param ... any parameters
---@return table|nil row the first, or nil
function Named:one(sql, ...) return self:rows(sql, ...)[1] end

-- A run may create, migrate and vacuum its own tenant's database, and grant privileges on it, but on no other.
local function check_own(own, name)
  if name ~= own.ctx.scope.pg.tenant then
    errors.raise {
      kind = "refused",
      module = "pg",
      code = "EREFUSED",
      message = ("database '%s' is not granted to this run"):format(tostring(name)),
      hint = "a run is bound to one tenant; stdlib/platform.lua grants its databases",
    }
  end
  return name
end

--- Tries to log in to the database as another user, as the services do.
---@param user string|userdata
---@param password string|userdata
---@return boolean
---@return string? why not
---@return any code SQLSTATE
function Named:try_login(user, password)
  local own = private[self]
  check_own(own, own.database)
  local ok, db = pcall(support.connect, own.ctx, own.database, { user = user, password = password })
  if ok then
    db:close()
    return true
  end
  if errors.is(db) and db.kind ~= "cancelled" then return false, tostring(db), db.code end
  error(db, 0)
end

-- ---- writing ----

local function check_columns(map, what, may_be_empty)
  if type(map) ~= "table" or #map > 0 or not may_be_empty and next(map) == nil then
    invalid(("%s must be a table of column → value"):format(what))
  end
  return map
end

local function row_target(own, name, key, columns, secrets)
  if own.database == own.admin then check_own(own, own.database) end
  arguments.table_name(name)
  check_columns(key, "the key of a row")
  rows_granted.key(own, name, key)
  for column, v in pairs(key) do
    if not value.is_unknown(v) and (v == json.null or type(v) == "table" or secret.is(v)) then
      invalid(("%s.%s: the value of a key must be a string, a number or a boolean"):format(name, column))
    end
  end
  return { database = own.database, admin = own.admin, table = name, key = key, columns = columns, secrets = secrets }
end

--- Reads the row with this key. A plan shows it as its earlier steps would leave it. In the control database, the key
--- is the tenant's own name or id.
---@param name string "core_config.tenant"
---@param key table column → value
---@param columns string[] their names
---@return table|nil row column → value, NULL is absent; nil if there is no such row
function Named:row(name, key, columns)
  local own = private[self]
  if type(columns) ~= "table" or #columns == 0 then invalid "row: columns must be a list of names" end
  local found = own.ctx:read("pg.row", row_target(own, name, key, columns, {}))
  if not found then return nil end
  local row = {}
  for _, column in ipairs(columns) do
    if found[column] ~= json.null then row[column] = found[column] end
  end
  return row
end

local function secret_columns(values)
  local secrets = {}
  for column, v in pairs(values) do
    if secret.is(v) then secrets[column] = true end
  end
  return secrets
end

-- What was checked of a row that a script wants.
local function wanted_row(own, name, key, values)
  check_columns(values, "the values of a row", true)
  local target = row_target(own, name, key, sorted_keys(values), secret_columns(values))
  rows_granted.values(own, name, values)
  return { target = target, values = values }
end

local function ensure(own, items)
  for i, desired in ipairs(row_ahead.prepare(own.ctx, items)) do
    items[i].desired = desired
  end
  local results = own.ctx:effects("pg.row", items)
  for i, item in ipairs(items) do
    local row = {}
    for column, v in pairs(item.target.key) do
      row[column] = v
    end
    local after = results[i][1] -- in a checklist, nobody may have looked
    for column, v in pairs(value.is_unknown(after) and item.values or after) do
      row[column] = v
    end
    results[i][1] = row
  end
  return results
end

--- Ensures that the row with this key exists and has these values. Other columns stay as they are.
---@param name string "core_config.tenant"
---@param key table column → value
---@param values table column → value; json.null is NULL, a table is JSON or an array's items, a secret is not shown
---@return table row its key and current values
---@return string outcome "unchanged", "created", "changed"
function Named:ensure_row(name, key, values)
  local own = private[self]
  local result = ensure(own, { wanted_row(own, name, key, values) })[1]
  return result[1], result[2]
end

local ROW <const> = { table = true, key = true, values = true }

--- Ensures rows, in order, as ensure_row does: each is an effect of its own. They are read in one round trip, and those
--- that differ are written in one transaction.
---@param rows { table: string, key: table, values: table }[] as the parameters of ensure_row
---@return string[] outcomes of each: "unchanged", "created", "changed"
function Named:ensure_rows(rows)
  local own, items = private[self], {}
  for i, row in ipairs(rows) do
    if type(row) ~= "table" then invalid "ensure_rows takes a list of { table = …, key = …, values = … }" end
    for field in pairs(row) do
      if not ROW[field] then invalid("ensure_rows: unknown field " .. tostring(field)) end
    end
    items[i] = wanted_row(own, row.table, row.key, row.values)
  end
  if #items == 0 then return {} end
  local outcomes = {}
  for i, result in ipairs(ensure(own, items)) do
    outcomes[i] = result[2]
  end
  return outcomes
end

local ALLOCATED = { table = true, key = true, column = true, prefix = true, digits = true, first = true, values = true }

--- Ensures a row with an id: prefix, then digits. A new row gets the next free id under a lock; a row that exists keeps
--- its id.
---@param o {table: string, key: table, column: string, prefix: string, digits: integer, first: integer?,
---  values: table?} values: of a new row
---@return table row the key's columns, the id and the values
---@return string outcome
function Named:ensure_allocated(o)
  local own = private[self]
  for name in pairs(o) do
    if not ALLOCATED[name] then invalid("ensure_allocated: unknown field " .. tostring(name)) end
  end
  arguments.allocation(o)
  local values = {}
  for column, v in pairs(check_columns(o.values or {}, "values", true)) do
    values[column] = v
  end
  for column, v in pairs(check_columns(o.key, "the key of a row")) do
    values[column] = v
  end
  local columns = sorted_keys(values, { [o.column] = true })
  local target = row_target(own, o.table, o.key, columns, secret_columns(values))
  rows_granted.values(own, o.table, o.values or {})
  rows_granted.allocation(own, o)
  target.column, target.prefix, target.digits, target.first = o.column, o.prefix or "", o.digits or 6, o.first or 1
  local desired = row_ahead.prepare(own.ctx, { { target = target, values = values } })[1]
  local row, outcome = own.ctx:effect("pg.allocated", target, desired)
  if row[o.column] == nil and own.ctx.mode == "plan" then -- which could not be planned: the rest can be
    local copy = { [o.column] = value.unknown }
    for column, item in pairs(row) do
      copy[column] = item
    end
    row = copy
  end
  return row, outcome
end

-- What both effects of a folder of migrations need: the folder, resolved for this database.
local function migrations_target(own, folder, options)
  check_own(own, own.database)
  local ctx, schemas = own.ctx, arguments.schemas(options and options.schemas or { "public" })
  local placeholders = arguments.placeholders(options and options.placeholders)
  for name, v in pairs {
    database = own.database,
    defaultSchema = schemas[1],
    environment = "default",
    table = history.TABLE,
    timestamp = os.date "%Y-%m-%d %H:%M:%S",
    user = ctx:client("pg").options.user,
    workingDirectory = fs.cwd(),
  } do
    placeholders["flyway:" .. name] = v
  end
  local resolved = pg_migration.load(ctx.config.platform, folder, ctx.scope.files.read, placeholders)
  return { database = own.database, admin = own.admin, folder = folder, schemas = schemas, resolved = resolved }
end

--- Ensures that the folder's migrations are applied, as Flyway would: with its history table and its checksums.
--- Callbacks run when there is something to apply.
---@param folder string below the platform tree
---@param options {schemas: string[], placeholders: table<string, string>?}? schemas: { "public" } by default
---@return string outcome "unchanged", "created" (none was applied before) or "changed"
function Named:ensure_migrated(folder, options)
  local own = private[self]
  local target = migrations_target(own, folder, options)
  local desired = pg_migration.value(target.resolved)
  local ok, problem, outcome = pcall(function() return own.ctx:effect("pg.migration", target, desired) end)
  if ok then return outcome end
  if not (errors.is(problem) and problem.code == "when_applied") then error(problem, 0) end
  own.ctx:check_later(("the migrations of %s are applied"):format(own.database))
  return "unchanged"
end

--- Ensures that the history of the folder's migrations needs no repair, as "flyway repair" would: the rows of failed
--- migrations are removed, those of missing files are noted as deleted, those of changed files get the new checksum and
--- description. Nothing but the history is changed.
---@param folder string below the platform tree
---@param options {schemas: string[], placeholders: table<string, string>?}? schemas: { "public" } by default
---@return string outcome "unchanged" or "changed"
function Named:ensure_migrations_repaired(folder, options)
  local own = private[self]
  local target = migrations_target(own, folder, options)
  local _, outcome = own.ctx:effect("pg.migration_history", target, {})
  return outcome
end

--- Ensures that a table was vacuumed and analyzed since a time, by any client.
---@param name string schema.table
---@param since number seconds since 1970
---@return string outcome "unchanged" or "changed"
function Named:ensure_vacuumed(name, since)
  local own = private[self]
  if type(name) ~= "string" or type(since) ~= "number" then
    invalid("ensure_vacuumed: expected a table name and a time (clock.now() - seconds)")
  end
  check_own(own, own.database)
  local target = { database = own.database, table = name }
  local _, outcome = own.ctx:effect("pg.vacuum", target, { last = math.floor(since) })
  return outcome
end

-- ---- databases: pg.admin only ----

---@class o2x.pg.Admin: o2x.pg.Named
local Admin = {}

local DATABASE = { owner = true, encoding = true, collate = true, ctype = true, connection_limit = true }

--- What the server knows of a database.
---@param name string the tenant's own
---@return {connection_limit: integer, open: boolean, connections: integer}|nil database connection_limit -1: none;
---  open: connections are allowed; connections: how many there are now; nil if there is no such database
function Admin:database(name)
  local own = private[self]
  return own.ctx:read("pg.database_status", { database = own.database, name = check_own(own, name) })
end

--- Ensures a database. If pg.locale is configured, it replaces collate and ctype.
---@param name string
---@param options {owner: string?, encoding: string?, collate: string?, ctype: string?, connection_limit: integer?}
---@return table database its current properties
---@return string outcome
function Admin:ensure_database(name, options)
  local own = private[self]
  local desired = {}
  for field, v in pairs(options or {}) do
    if not DATABASE[field] then invalid("ensure_database: unknown field " .. tostring(field)) end
    desired[field] = v
  end
  arguments.database(desired, own.ctx.scope.roles)
  local locale = own.ctx.config.pg and own.ctx.config.pg.locale
  if locale then
    desired.collate, desired.ctype = locale, locale
  end
  return own.ctx:effect("pg.database", { database = own.database, name = check_own(own, name) }, desired)
end

--- Ensures privileges on a database.
---@param name string
---@param privileges table<string, string[]> all, connect, create, temporary → roles
---@return string outcome
function Admin:ensure_grant(name, privileges)
  local own = private[self]
  arguments.privileges(privileges, own.ctx.scope.roles)
  local wanted = pg_grant.wanted(privileges)
  local target = { database = own.database, name = check_own(own, name), wanted = wanted }
  local _, outcome = own.ctx:effect("pg.grant", target, wanted)
  return outcome
end

local function refuse() invalid("pg.tenant, pg.control and pg.admin cannot be changed") end

return {
  name = "pg",
  declares = "pg:write",
  secrets = {
    ensure_row = { "^[^.]+$" },
    ensure_rows = { "^%d+%.values%.[^.]+$" },
    ensure_allocated = { "^values%.[^.]+$" },
    try_login = true,
  },
  types = {
    pg_query.query,
    pg_matching,
    pg_database.database,
    pg_grant.grant,
    pg_database.status,
    pg_row,
    allocated,
    pg_migration.migration,
    pg_migration_repair,
    pg_vacuum,
  },
  api = function(ctx)
    local names = ctx.scope.pg
    local function named(which, ...)
      local methods = {}
      for _, class in ipairs { ... } do
        for name, method in pairs(class) do
          methods[name] = method
        end
      end
      local object = frozen.handle(setmetatable({}, { __index = methods, __newindex = refuse, __metatable = false }))
      private[object] = { ctx = ctx, database = names[which], admin = names.admin, which = which }
      return object
    end
    return { tenant = named("tenant", Named), control = named("control", Named), admin = named("admin", Named, Admin) }
  end,
}
