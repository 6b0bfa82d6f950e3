--- Repairs a history as "flyway repair" does: removes the rows of failed migrations, notes as deleted what is missing
--- in the folder, and gives the rows of changed scripts their new checksum and description. Nothing else is changed.

local as_owner = require "o2x.client.pg.as_owner"
local callbacks = require "o2x.client.flyway.callbacks"
local history = require "o2x.client.flyway.history"
local state = require "o2x.client.flyway.state"

local M = {}

local function apply(db, schemas, repair)
  local row = repair.row
  if repair.what == "remove" then
    history.remove(db, schemas, row.installed_rank)
  elseif repair.what == "delete" then
    history.add(db, schemas, {
      version = row.version,
      description = row.description,
      type = "DELETE",
      script = row.script,
      checksum = row.checksum,
      success = row.success,
    })
  else
    local migration = repair.migration
    history.align(db, schemas, row.installed_rank, {
      description = state.abbreviated(migration.description),
      type = migration.type,
      checksum = migration.checksum,
    })
  end
end

--- What a repair would do.
---@param db o2x.pg.Connection
---@param folder o2x.flyway.folder
---@param schemas string[]
---@return o2x.flyway.repair[]
function M.needed(db, folder, schemas) return state.repairs(folder.migrations, history.read(db, schemas) or {}) end

--- Repairs the history, in one transaction and under Flyway's lock.
---@param connect fun(): o2x.pg.Connection opens a session, which is closed here
---@param folder o2x.flyway.folder
---@param options {schemas: string[], waiting: fun(text: string)?, check: fun(repairs: o2x.flyway.repair[])?} check:
---  raises if these are not to be done
---@return o2x.flyway.repair[] repairs what was done
function M.repair(connect, folder, options)
  local function session()
    local db = connect()
    as_owner.become(db)
    return db
  end
  local main <close> = session()
  local events = callbacks.new(folder, session)
  history.lock(main, options.schemas, options.waiting)
  events:run "beforeRepair"
  local ok, result = pcall(main.transaction, main, function(tx)
    local repairs = M.needed(tx, folder, options.schemas)
    if options.check then options.check(repairs) end
    for _, repair in ipairs(repairs) do
      apply(tx, options.schemas, repair)
    end
    return repairs
  end)
  events:run(ok and "afterRepair" or "afterRepairError")
  if not ok then error(result, 0) end
  return result
end

return M
