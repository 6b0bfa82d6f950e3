--- The commands of psql that do what `flyway migrate` does: each script, and its row in Flyway's history. o2x and
--- Flyway go on from there.

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

-- What is there before the first script: lock, schemas, the history.
local function begin(target, present)
  local list = { ("DO $$BEGIN PERFORM pg_advisory_lock(%d); END$$;"):format(history.lock_of(target.schemas)) }
  for _, statement in ipairs(present and history.preparation(target.schemas, present) or {}) do
    list[#list + 1] = sql_of(statement):gsub("^CREATE SCHEMA", "%0 IF NOT EXISTS")
  end
  list[#list + 1] = ('SET search_path TO %s, "$user", public;'):format(pg.quote(target.schemas[1], "schema name"))
  return list
end

--- The commands.
---@param target table database, folder, schemas, resolved
---@param pending table[] the migrations that are to run
---@param present o2x.flyway.present? what is there without a history; nil: there is one
---@return string[] lines
function M.lines(target, pending, present)
  local list = begin(target, present)
  on_event(list, target, "beforeMigrate")
  local repeatables = false
  for _, migration in ipairs(pending) do
    if not migration.version and not repeatables then
      repeatables = true
      on_event(list, target, "afterVersioned", "beforeRepeatables")
    end
    on_event(list, target, "beforeEachMigrate")
    run(list, target, migration, row_of(migration))
    on_event(list, target, "afterEachMigrate")
  end
  if not repeatables then on_event(list, target, "afterVersioned") end
  for _, file in ipairs(callbacks.final(target.resolved)) do
    if #pending > 0 or file.event ~= "afterMigrateApplied" then run(list, target, file) end
  end
  local sql = table.concat(list, "\n")
  if shell.is_printable(sql) then return { psql.command(target.database, sql) } end
  return { { comment = "a script has characters that a page cannot show: run it with Flyway" } }
end

return M
