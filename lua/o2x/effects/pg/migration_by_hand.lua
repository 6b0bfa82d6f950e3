--- The commands of psql that do what `flyway migrate` does: each script, and its row in Flyway's history. o2x and
--- Flyway go on from there.

local as_owner = require "o2x.client.pg.as_owner"
local callbacks = require "o2x.client.flyway.callbacks"
local history = require "o2x.client.flyway.history"
local pg = require "o2x.client.pg"
local psql = require "o2x.effects.pg.psql"
local script = require "o2x.client.flyway.script"
local shell = require "o2x.base.shell"
local state = require "o2x.client.flyway.state"

local M = {}

local function row_of(migration)
  return {
    version = migration.version,
    description = state.abbreviated(migration.description),
    type = migration.type,
    script = migration.script,
    checksum = migration.checksum,
    success = true,
  }
end

-- The script's text as psql runs it: the file itself, unless its placeholders were replaced.
local function text_of(target, file)
  local text = script.replaced(file, target.resolved.values)
  if text ~= file.text or file.conf.encoding or not shell.is_printable(file.script) then return text .. "\n;" end
  return "\\i '" .. (target.folder .. "/" .. file.script):gsub("[\\']", "\\%0") .. "'"
end

-- A statement without what only a program wants to know.
local function sql_of(statement) return psql.inlined(statement):gsub("%s+RETURNING %w+$", "") .. ";" end

local function run(list, target, file, row)
  local in_transaction = script.prepare(file, target.resolved.values).transaction
  if in_transaction then list[#list + 1] = "BEGIN;" end
  list[#list + 1] = text_of(target, file)
  if row then list[#list + 1] = sql_of(history.insertion(target.schemas, row)) end
  if in_transaction then list[#list + 1] = "COMMIT;" end
end

local function on_event(list, target, ...)
  for _, event in ipairs { ... } do
    for _, file in ipairs(target.resolved.callbacks) do
      if file.event == event then run(list, target, file) end
    end
  end
end

-- ---- what has been done already, where only psql can tell ----

-- A statement that runs only where a condition holds when it is its turn.
local function where(list, name, condition, body)
  list[#list + 1] = ("SELECT %s AS %s \\gset"):format(condition, name)
  list[#list + 1] = "\\if :" .. name
  body()
  list[#list + 1] = "\\endif"
end

local DONE <const> = [[EXISTS (SELECT FROM %s
WHERE success AND (version = %s OR type LIKE '%%BASELINE' AND string_to_array(version, '.')::numeric[] >= '{%s}'))]]

local LAST <const> = [[(SELECT checksum FROM %s
WHERE success AND version IS NULL AND script = %s ORDER BY installed_rank DESC LIMIT 1)]]

-- Whether a migration is pending, as SQL about the history.
local function is_pending(schemas, migration)
  local rows = history.table_of(schemas)
  if not migration.version then
    local last = LAST:format(rows, psql.literal(migration.script))
    return ("%s IS DISTINCT FROM %s"):format(psql.literal(migration.checksum), last)
  end
  if migration.kind == "baseline" then
    return ("NOT EXISTS (SELECT FROM %s WHERE success AND version IS NOT NULL)"):format(rows)
  end
  local version = migration.version
  return "NOT " .. DONE:format(rows, psql.literal(version), version:gsub("%.", ","))
end

-- Baselines come first, the highest before the others: what runs of them stands for all that is below.
local function baselines_first(migrations)
  local list = {}
  for _, migration in ipairs(migrations) do
    if migration.kind == "baseline" then table.insert(list, 1, migration) end
  end
  for _, migration in ipairs(migrations) do
    if migration.kind ~= "baseline" then list[#list + 1] = migration end
  end
  return list
end

-- ---- the whole ----

-- Schemas, and the history with Flyway's row about them.
local function prepare(list, target, found)
  local made = {}
  for _, statement in ipairs(found.present and history.preparation(target.schemas, found.present) or {}) do
    local sql = sql_of(statement)
    local is_schema = sql:find "^CREATE SCHEMA" ~= nil
    table.insert(is_schema and list or made, (sql:gsub("^CREATE SCHEMA", "%0 IF NOT EXISTS")))
  end
  local function add() table.move(made, 1, #made, #list + 1, list) end
  if not found.unknown then return add() end
  local name = psql.literal(history.table_of(target.schemas))
  where(list, "new", ("to_regclass(%s) IS NULL"):format(name), add)
end

-- What is there before the first script: lock, schemas, the history.
local function begin(target, found)
  local list = { ("DO $$BEGIN PERFORM pg_advisory_lock(%d); END$$;"):format(history.lock_of(target.schemas)) }
  list[#list + 1] = as_owner.BY_HAND
  prepare(list, target, found)
  list[#list + 1] = ('SET search_path TO %s, "$user", public;'):format(pg.quote(target.schemas[1], "schema name"))
  return list
end

-- One migration, and whether any has run, if a callback wants to know.
local function migrate(list, target, migration, found)
  local function body()
    on_event(list, target, "beforeEachMigrate")
    run(list, target, migration, row_of(migration))
    on_event(list, target, "afterEachMigrate")
    if found.unknown and found.counts then list[#list + 1] = "\\set applied yes" end
  end
  if not found.unknown then return body() end
  where(list, "pending", is_pending(target.schemas, migration), body)
end

local function migrate_all(list, target, found)
  local repeatables = false
  for _, migration in ipairs(found.unknown and baselines_first(found.pending) or found.pending) do
    if not migration.version and not repeatables then
      repeatables = true
      on_event(list, target, "afterVersioned", "beforeRepeatables")
    end
    migrate(list, target, migration, found)
  end
  if not repeatables then on_event(list, target, "afterVersioned") end
end

local function finish(list, target, found)
  for _, file in ipairs(callbacks.final(target.resolved)) do
    local on_applied = file.event == "afterMigrateApplied"
    if on_applied and found.unknown then list[#list + 1] = "\\if :applied" end
    if #found.pending > 0 or not on_applied then run(list, target, file) end
    if on_applied and found.unknown then list[#list + 1] = "\\endif" end
  end
end

local function has_event(target, event)
  for _, file in ipairs(target.resolved.callbacks) do
    if file.event == event then return true end
  end
  return false
end

--- The commands.
---@param target table database, folder, schemas, resolved
---@param found { pending: table[], present: o2x.flyway.present?, unknown: boolean? } pending: the migrations that are
---  to run; present: what is there without a history, nil: there is one; unknown: nobody has looked, so psql looks
---  before each script whether it has run already
---@return string[] lines
function M.lines(target, found)
  found.counts = has_event(target, "afterMigrateApplied")
  local list = begin(target, found)
  if found.unknown and found.counts then list[#list + 1] = "\\set applied no" end
  on_event(list, target, "beforeMigrate")
  migrate_all(list, target, found)
  finish(list, target, found)
  local sql = table.concat(list, "\n")
  if shell.is_printable(sql) then return { psql.command(target.database, sql) } end
  return { { comment = "a script has characters that a page cannot show: run it with Flyway" } }
end

return M
