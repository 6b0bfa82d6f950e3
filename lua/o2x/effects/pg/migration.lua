--- The effect type of migrations: one effect applies a folder of Flyway scripts. Each script is one transaction with
--- its own row in Flyway's history, so an interrupted effect continues where it stopped.

local errors = require "o2x.base.error"
local flyway = require "o2x.client.flyway"
local fs = require "o2x.base.fs"
local history = require "o2x.client.flyway.history"
local scope = require "o2x.base.scope"
local support = require "o2x.effects.pg.support"

local M = {}

local SCRIPT_SECONDS = 3600 -- one statement of a migration may rewrite a large table

local function add_files(files, root, folder, below, grants)
  for _, name in ipairs(fs.list(fs.join(root, folder))) do
    local path, script = folder .. "/" .. name, below .. name
    if fs.is_folder(fs.join(root, path)) then
      add_files(files, root, path, script .. "/", grants)
    elseif name:find("%.sql$") or name:find("%.sql%.conf$") then
      scope.path(grants, path, "the file")
      files[script] = fs.read(fs.join(root, path))
    end
  end
end

--- The migrations of a folder of the platform tree, in order.
---@param root string the tree
---@param folder string below it
---@param grants string[] what may be read
---@param placeholders table<string, string> such as flyway:database
---@return table[]
function M.load(root, folder, grants, placeholders)
  folder = folder:gsub("/+$", "")
  scope.path(grants, folder .. "/migrations", "the folder")
  if not fs.is_folder(fs.join(root, folder)) then
    errors.raise {
      kind = "input",
      module = "flyway",
      message = "the folder of migrations does not exist",
      where = folder,
    }
  end
  local files = {}
  add_files(files, root, folder, "", grants)
  local ok, list = pcall(flyway.resolve, files, placeholders)
  if ok then return list end
  if errors.is(list) and list.where then list.where = folder .. "/" .. list.where end
  error(list, 0)
end

--- A list of migrations as a value: script → checksum.
---@param list table[]
---@return table<string, integer>
function M.value(list)
  local map = {}
  for _, migration in ipairs(list) do
    map[migration.script] = migration.checksum
  end
  return map
end

local function in_order(target, map)
  local scripts = {}
  for _, migration in ipairs(target.resolved) do
    if map[migration.script] then scripts[#scripts + 1] = migration.script end
  end
  return scripts
end

--- The effect type of a folder of migrations.
M.migration = {
  kind = "pg.migration",
  class = "idempotent",
  undo = {
    before = "the applied scripts with their checksums",
    how = "not possible",
    cannot = "migrations; undo drops a database that the run created",
  },
  record = function(target) return { database = target.database, folder = target.folder, schemas = target.schemas } end,
  -- Each script is its own transaction, so an interrupted write may have applied only some.
  interim = function(_, _, past, now)
    for script, checksum in pairs(now or {}) do
      if not past.desired or past.desired[script] ~= checksum then return false end
    end
    return true
  end,
  key = function(target) return target.database .. " " .. target.folder end,
  parent = function(target) return "pg.database", { database = target.admin, name = target.database } end,
  read = function(ctx, target)
    return support.read(ctx, target.database, function(db)
      local rows = history.read(db, target.schemas)
      if not rows then return nil end
      local applied = M.value(target.resolved)
      for _, migration in ipairs(flyway.pending(target.resolved, rows)) do
        applied[migration.script] = nil
      end
      return applied
    end)
  end,
  write = function(ctx, target)
    local db <close> = support.connect(ctx, target.database, { statement_timeout = SCRIPT_SECONDS })
    history.migrate(db, target.resolved, {
      schemas = target.schemas,
      waiting = ctx.progress,
      on_start = function(migration) ctx:waiting(("%s: %s"):format(target.database, migration.script)) end,
    })
  end,
  predict = function(ctx, target, desired)
    support.will_migrate(ctx, target.database)
    return desired
  end,
  show = function(target, before, after)
    local lines = {}
    for _, script in ipairs(in_order(target, after or {})) do
      if not (before and before[script] == after[script]) then lines[#lines + 1] = "+ " .. script end
    end
    return { title = ("migrations of %s from %s"):format(target.database, target.folder), lines = lines }
  end,
}

return M
