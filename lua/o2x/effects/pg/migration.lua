--- The effect type of migrations: one effect applies a folder of Flyway scripts. Each script is one transaction with
--- its own row in Flyway's history, so an interrupted effect continues where it stopped.

local callbacks = require "o2x.client.flyway.callbacks"
local errors = require "o2x.base.error"
local flyway_folder = require "o2x.client.flyway.folder"
local fs = require "o2x.base.fs"
local history = require "o2x.client.flyway.history"
local known = require "o2x.effects.pg.known"
local migrate = require "o2x.client.flyway.migrate"
local migration_by_hand = require "o2x.effects.pg.migration_by_hand"
local names = require "o2x.client.flyway.names"
local scope = require "o2x.base.scope"
local structure_review = require "o2x.effects.pg.structure_review"
local support = require "o2x.effects.pg.support"
local value = require "o2x.base.value"

local M = {}

local SCRIPT_SECONDS <const> = 3600 -- one statement of a migration may rewrite a large table

-- Flyway passes over folders whose name begins with a dot.
local function add_files(files, root, folder, below, grants)
  for _, name in ipairs(fs.list(fs.join(root, folder))) do
    local path, script = folder .. "/" .. name, below .. name
    if fs.is_folder(fs.join(root, path)) then
      if name:sub(1, 1) ~= "." then add_files(files, root, path, script .. "/", grants) end
    elseif flyway_folder.interesting(script) then
      scope.path(grants, path, "the file")
      files[script] = fs.read(fs.join(root, path))
    end
  end
end

--- The migrations and callbacks of a folder of the platform tree.
---@param root string the tree
---@param folder string below it
---@param grants string[] what may be read
---@param placeholders table<string, string> such as flyway:database
---@return o2x.flyway.folder
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
  return M.located(folder, flyway_folder.resolve, files, placeholders)
end

--- Calls fn; an error that names a script gets the folder before it.
---@param folder string
---@param fn function
---@param ... any
---@return any
function M.located(folder, fn, ...)
  local results = table.pack(pcall(fn, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local problem = results[2]
  local where = errors.is(problem) and problem.module == "flyway" and problem.where
  if where and where:sub(1, #folder + 1) ~= folder .. "/" then
    errors.amend(problem, { where = folder .. "/" .. where })
  end
  error(problem, 0)
end

--- Opens a session for scripts. The caller closes it.
---@param ctx table
---@param target table
---@return o2x.pg.Connection
function M.connect(ctx, target) return support.connect(ctx, target.database, { statement_timeout = SCRIPT_SECONDS }) end

-- The name of the marker that is there while callbacks are still to run.
local function marker(target) return ("callbacks of %s %s"):format(target.database, target.folder) end

--- The scripts of a folder as a value: script → checksum. Those that run at the end belong to it, because the work is
--- done only when they are.
---@param resolved o2x.flyway.folder
---@return table<string, integer>
function M.value(resolved)
  local map = {}
  for _, list in ipairs { resolved.migrations, callbacks.final(resolved) } do
    for _, file in ipairs(list) do
      map[file.script] = file.checksum
    end
  end
  return map
end

-- The command that repairs the tenant's history.
local function repair(ctx)
  local tenant = ctx.tenant and ctx.tenant.name or "TENANT"
  return ("o2x run migrations-repair %s --confirm=%s"):format(tenant, tenant)
end

-- The target → the scripts that are pending, and what there is without a history, as it was read last.
local waiting, seen = setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "k" })

-- Was o2x stopped between the last migration and the last callback?
local function interrupted(ctx, target)
  return #callbacks.final(target.resolved) > 0 and support.marked(ctx, target.database, marker(target))
end

-- The value that a history has.
local function value_of(db, ctx, target, rows)
  local applied = M.value(target.resolved)
  local list = M.located(target.folder, migrate.pending, db, target.resolved, rows or {}, repair(ctx))
  local final = (#list > 0 or interrupted(ctx, target)) and callbacks.final(target.resolved) or {}
  waiting[target] = list
  for _, script in ipairs(table.move(final, 1, #final, #list + 1, table.move(list, 1, #list, 1, {}))) do
    applied[script.script] = nil
  end
  return rows and applied
end

local function read_from(db, ctx, target)
  local rows, present = history.read(db, target.schemas)
  seen[target] = present
  return value_of(db, ctx, target, rows)
end

-- What a restored database has is known once it is there.
local function refuse_swapped(ctx, target)
  for _, entry in ipairs(ctx:written_ahead { "pg.swapped" }) do
    if entry.value and entry.target.database == target.database then
      errors.raise { kind = "refused", code = "when_applied", message = target.database .. " is replaced before" }
    end
  end
end

local function read(ctx, target)
  refuse_swapped(ctx, target)
  return support.read(ctx, target.database, function(db) return read_from(db, ctx, target) end)
end

-- What is there after the last script: as it was read along with it, or as it is read now.
local function read_back(db, ctx, target, answers)
  if not answers then return read_from(db, ctx, target) end
  local rows = {}
  for i, answer in ipairs(answers) do
    rows[i] = db.to_rows(answer)
  end
  known.note_schemas(ctx, target.database, rows[2], rows[3])
  return value_of(db, ctx, target, rows[1])
end

-- What is read back gives the lock back with it: the pool's connection is reset.
local function write(ctx, target)
  local marked = #callbacks.final(target.resolved) > 0
  local continued = interrupted(ctx, target)
  if marked then support.mark(ctx, target.database, marker(target)) end
  local after = support.with(ctx, target.database, function(db)
    local function connect() return M.connect(ctx, target) end
    local _, answers = M.located(target.folder, migrate.migrate, connect, target.resolved, {
      main = db,
      seconds = SCRIPT_SECONDS,
      seen = seen[target],
      also = known.about_schemas(target.schemas),
      schemas = target.schemas,
      repair = repair(ctx),
      continued = continued,
      waiting = ctx.progress,
      on_start = function(migration) ctx:waiting(("%s: %s"):format(target.database, migration.script)) end,
    })
    known.forget(ctx, target.database)
    return not marked and read_back(db, ctx, target, answers) or nil
  end)
  if marked then support.unmark(ctx, target.database, marker(target)) end
  return nil, after
end

-- The callbacks, and what of the folder is not run.
local function add_rest(lines, resolved)
  for _, file in ipairs(resolved.strays) do
    lines[#lines + 1] = ("! %s is not run: %s"):format(file.script, file.why)
  end
  for _, file in ipairs(resolved.callbacks) do
    local text = names.EVENTS[file.event] and "+ %s (callback)" or "! %s is not run: o2x never has this event"
    lines[#lines + 1] = text:format(file.script)
  end
end

local function show(target, before, after)
  local lines = {}
  for _, migration in ipairs(waiting[target] or target.resolved.migrations) do
    local script = migration.script
    local same = before and after and before[script] == after[script]
    if after and after[script] and not same then lines[#lines + 1] = "+ " .. script end
  end
  add_rest(lines, target.resolved)
  return { title = ("migrations of %s from %s"):format(target.database, target.folder), lines = lines }
end

-- The scripts that a history has, of those of the folder: the lab of a rehearsal gets no others.
local function put(ctx, target, applied)
  if not applied then return {} end
  local values = { ["flyway:defaultSchema"] = target.schemas[1], ["flyway:database"] = target.database }
  local resolved, kept = M.load(ctx.config.platform, target.folder, ctx.scope.files.read, values), {}
  for _, migration in ipairs(resolved.migrations) do
    if applied[migration.script] ~= nil then kept[#kept + 1] = migration end
  end
  resolved.migrations, target.resolved = kept, resolved
  return { { target = target, desired = M.value(resolved) } }
end

--- The effect type of a folder of migrations.
M.migration = {
  kind = "pg.migration",
  rights = { postgresql = { "SELECT", "INSERT", "UPDATE" } },
  class = "idempotent",
  guard = "Flyway's lock: the history is read again under it, and what somebody has applied meanwhile is not run again",
  undo = {
    before = "the applied scripts with their checksums",
    how = "not possible",
    never = true,
    cannot = "migrations; undo drops a database that the run created",
  },
  record = function(target) return { database = target.database, folder = target.folder, schemas = target.schemas } end,
  -- Each script is its own transaction, so an interrupted write may have applied only some.
  rehearsal = { put = put },
  interim = function(_, _, past, now)
    for script, checksum in pairs(now or {}) do
      if not past.desired or past.desired[script] ~= checksum then return false end
    end
    return true
  end,
  key = function(target) return target.database .. " " .. target.folder end,
  parent = function(target) return "pg.database", { database = target.admin, name = target.database } end,
  read = read,
  write = write,
  by_hand = function(_, target, _, before)
    local unknown = value.is_unknown(before)
    local is_new = before == nil or unknown
    return migration_by_hand.lines(target, {
      pending = not unknown and waiting[target] or target.resolved.migrations,
      present = is_new and (seen[target] or { schemas = { public = true } }) or nil,
      unknown = unknown,
    })
  end,
  review = structure_review.review,
  predict = function(ctx, target, desired, before)
    if before == nil then M.located(target.folder, migrate.check, target.resolved) end
    support.will_migrate(ctx, target.database)
    return desired
  end,
  show = show,
}

return M
