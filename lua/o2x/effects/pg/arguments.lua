--- Checks what scripts hand over to o2x.pg before it becomes a part of a statement: names, forms, numbers.

local errors = require "o2x.base.error"
local pg_sql = require "o2x.client.pg.sql"

local M = {}

local function invalid(message, hint) errors.raise { kind = "input", module = "pg", message = message, hint = hint } end

local function refuse(message, hint)
  errors.raise { kind = "refused", module = "pg", code = "EREFUSED", message = message, hint = hint }
end

-- The records by which o2x and Flyway know what they have done, and the catalogs.
local OURS <const> = { o2x = true, information_schema = true }

--- The name of a table that a script may write.
---@param name any
---@return string name
function M.table_name(name)
  if type(name) ~= "string" then invalid("the name of a table must be text, such as core_config.tenant") end
  pg_sql.quote_table(name)
  local schema, relation = name:match "^([^.]+)%.([^.]+)$"
  relation = relation or name
  if OURS[schema] or (schema or relation):find "^pg_" or relation == "flyway_schema_history" then
    refuse(("table %s is not a script's to write"):format(name), "migrations and o2x itself write it")
  end
  return name
end

local function is_whole(value, min, max) return math.type(value) == "integer" and value >= min and value <= max end

--- The numbers of ensure_allocated.
---@param o { prefix: string?, digits: integer?, first: integer?, column: string }
function M.allocation(o)
  pg_sql.check_name(o.column, "column name")
  if o.prefix ~= nil and (type(o.prefix) ~= "string" or not o.prefix:find "^[%w_%-]*$" or #o.prefix > 32) then
    invalid("ensure_allocated: prefix must be at most 32 letters, digits, _ and -")
  end
  if o.digits ~= nil and not is_whole(o.digits, 1, 18) then
    invalid "ensure_allocated: digits must be a whole number from 1 to 18"
  end
  if o.first ~= nil and not is_whole(o.first, 0, 10 ^ 18 // 1 | 0) then
    invalid "ensure_allocated: first must be a whole number that is not negative"
  end
end

--- The schemas of ensure_migrated.
---@param schemas any
---@return string[]
function M.schemas(schemas)
  if type(schemas) ~= "table" or schemas[1] == nil then invalid "ensure_migrated: schemas must be a list of names" end
  local list = {}
  for i, name in ipairs(schemas) do
    pg_sql.check_name(name, "schema name")
    if OURS[name] or name:find "^pg_" then refuse(("schema %s is not a script's to write"):format(name)) end
    list[i] = name
  end
  return list
end

-- A placeholder is replaced in the text of a migration: its value must not be able to end a string or a statement.
local HARMLESS <const> = "^[%w_ .,:/@+=%-]*$"

--- The placeholders of ensure_migrated.
---@param given any
---@return table<string, string>
function M.placeholders(given)
  local map = {}
  if given ~= nil and type(given) ~= "table" then
    invalid "ensure_migrated: placeholders must be a table of name → text"
  end
  for name, value in pairs(given or {}) do
    if type(name) ~= "string" or not name:find "^[%a_][%w_.%-]*$" then
      invalid(("ensure_migrated: '%s' is not a name for a placeholder"):format(tostring(name)))
    end
    if type(value) == "number" or type(value) == "boolean" then value = tostring(value) end
    if type(value) ~= "string" or not value:find(HARMLESS) or value:find("--", 1, true) then
      refuse(
        ("placeholder %s: its value would become a part of the migration's SQL"):format(name),
        "letters, digits, space and _ . , : / @ + = - are allowed; write other values as rows, with ensure_row"
      )
    end
    map[name] = value
  end
  return map
end

local function check_role(name, roles)
  pg_sql.check_name(name, "role name")
  if not roles then return end
  for _, one in ipairs(roles) do
    if one == name then return end
  end
  refuse(
    ("role %s is not granted to this run"):format(name),
    "platform.yaml names the roles of a tenant's database: database.owner, database.user"
  )
end

--- The properties of ensure_database.
---@param desired table
---@param roles string[]? those that a database may belong to
function M.database(desired, roles)
  if desired.owner ~= nil then check_role(desired.owner, roles) end
  if desired.connection_limit ~= nil and not is_whole(desired.connection_limit, -1, 100000) then
    invalid "ensure_database: connection_limit must be a whole number; -1 is no limit"
  end
end

--- The roles of ensure_grant.
---@param privileges any privilege → roles
---@param roles string[]? those that may get privileges
function M.privileges(privileges, roles)
  if type(privileges) ~= "table" then invalid "ensure_grant: privileges must be a table of privilege → roles" end
  for _, names in pairs(privileges) do
    for _, name in ipairs(type(names) == "table" and names or { names }) do
      check_role(name, roles)
    end
  end
end

return M
