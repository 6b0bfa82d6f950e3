--- Applies the pending migrations of a folder under Flyway's lock, as Flyway does: one transaction for each script,
--- which also has its row of the history. Scripts that need no care share a round trip (batch.lua).
---
--- What cannot be rolled back has its row first, with success = false: when it fails, or o2x is killed meanwhile, the
--- history says so, and nothing runs twice.

local as_owner = require "o2x.client.pg.as_owner"
local batch = require "o2x.client.flyway.batch"
local callbacks = require "o2x.client.flyway.callbacks"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local history = require "o2x.client.flyway.history"
local pg = require "o2x.client.pg"
local runner = require "o2x.client.flyway.runner"
local script = require "o2x.client.flyway.script"
local state = require "o2x.client.flyway.state"
local task = require "o2x.base.task"

local M = {}

---@class o2x.flyway.run
---@field main table session that has the lock and writes the history
---@field work table session of the scripts that are run one by one, which may change its settings; see work_of
---@field events table the callbacks
---@field schemas string[]
---@field path string the search path of each script
---@field repair string the command that repairs a history
---@field present o2x.flyway.present what was there before
---@field last table[] statements that read what is there after a batch
---@field answers table[]? what they read, unless something else has run since

-- What a script has changed of these would change the next one.
local function reset(run)
  run.work:query "RESET SESSION AUTHORIZATION"
  run.work:query "RESET ROLE"
  as_owner.become(run.work)
  run.work:query("SELECT set_config('search_path', $1, false)", run.path)
end

-- The script may have taken another role, which must not write the history.
local function own_role(db)
  db:query "RESET SESSION AUTHORIZATION"
  db:query "RESET ROLE"
  as_owner.become(db)
end

-- A database may have another style of dates as its default; Flyway's driver asks for this one.
local function prepared_session(db)
  as_owner.become(db)
  db:query "SELECT set_config('DateStyle', 'ISO', false)"
  return db
end

local function search_path(current, schemas) return pg.quote(schemas[1]) .. (current ~= "" and "," .. current or "") end

-- The session of the scripts that are run one by one: opened when the first of them comes.
local function open_work(run, connect)
  if not run.work then run.work = prepared_session(connect()) end
end

-- ---- one script ----

local function row_of(migration, success, seconds)
  return {
    version = migration.version,
    description = state.abbreviated(migration.description),
    type = migration.type,
    script = migration.script,
    checksum = migration.checksum,
    success = success,
    seconds = seconds,
  }
end

-- The events before and after belong to the script's transaction, if it has one.
local function execute(run, prepared, progress)
  local events, work = run.events, run.work
  local around
  if events:has "beforeEachMigrateStatement" or events:has "afterEachMigrateStatement" then
    around = {
      before = function() events:run_on("beforeEachMigrateStatement", work) end,
      after = function() events:run_on("afterEachMigrateStatement", work) end,
    }
  end
  if prepared.transaction then events:run_on("beforeEachMigrate", work) end
  runner.run(work, prepared, around, progress)
  runner.reopen(work, progress)
  events:run_on("afterEachMigrate", work)
end

-- The script and its row are committed together.
local function in_transaction(run, migration, prepared)
  run.work:transaction(function(tx)
    local start = task.now()
    execute(run, prepared, {})
    own_role(tx)
    history.add(tx, run.schemas, row_of(migration, true, task.now() - start))
  end, { attempts = 3 })
end

-- The row says already that the script has failed; without a connection it stays as it is.
local function note_failure(run, rank, seconds, problem)
  pcall(history.finish, run.main, run.schemas, rank, false, seconds)
  pcall(run.events.run_on, run.events, "afterEachMigrateError", run.work)
  if not errors.is(problem) or problem.kind == "cancelled" then return end
  local known, left = pcall(history.left, run.main)
  errors.amend(problem, { hint = state.undo_first { repair = run.repair, left = known and left or nil } })
end

-- Notes the script as failed, runs it, and notes how it ended. `undone` tells whether a failure left nothing.
local function noted(run, migration, run_it, undone)
  local rank = history.add(run.main, run.schemas, row_of(migration, false))
  local start = task.now()
  local ok, problem = pcall(run_it, rank, start)
  if ok then return end
  if undone() then
    pcall(history.remove, run.main, run.schemas, rank)
  else
    note_failure(run, rank, task.now() - start, problem)
  end
  error(problem, 0)
end

-- A script that commits by itself: what it has committed stays when it fails.
local function committing(run, migration, prepared)
  local progress = {}
  noted(run, migration, function(rank, start)
    run.work:transaction(function(tx)
      execute(run, prepared, progress)
      own_role(tx)
      history.finish(tx, run.schemas, rank, true, task.now() - start)
    end, { attempts = 1 })
  end, function() return not progress.committed end)
end

-- CREATE INDEX CONCURRENTLY waits for other transactions longer than a lock may otherwise be waited for.
local function outside(run, migration, prepared)
  local patience = run.work:query("SELECT current_setting('lock_timeout') AS now")[1].now
  run.work:query "SET lock_timeout = 0"
  run.events:run_on("beforeEachMigrate", run.work) -- when it fails, the script has left nothing
  noted(run, migration, function(rank, start)
    execute(run, prepared, {})
    history.finish(run.main, run.schemas, rank, true, task.now() - start)
  end, function() return false end)
  run.work:query("SELECT set_config('lock_timeout', $1, false)", patience)
end

local function apply(run, migration, prepared)
  run.answers = nil
  run.open_work()
  reset(run)
  if not prepared.transaction then
    outside(run, migration, prepared)
  elseif prepared.commits then
    committing(run, migration, prepared)
  else
    in_transaction(run, migration, prepared)
  end
end

-- ---- all of them ----

-- All scripts share a session, as in Flyway: what one sets is there for the next. So either all of them may go in
-- batches, or none. Callbacks may look at what is there between two scripts, and change it.
local function are_plain(run, pending, prepared)
  for _, migration in ipairs(pending) do
    if not batch.may_have(prepared[migration]) then return false end
  end
  return next(run.events.events) == nil
end

-- The scripts from a place on that go into one batch.
local function batch_from(run, pending, prepared, at)
  local entries = {}
  for i = at, run.plain and not run.work and #pending or 0 do
    entries[#entries + 1] = { migration = pending[i], script = prepared[pending[i]], row = row_of(pending[i], true) }
  end
  return table.move(entries, 1, batch.fitting(entries), 1, {})
end

-- The event between the scripts with versions and the others.
local function enter_repeatables(run)
  if run.repeatables then return end
  run.repeatables = true
  run.events:run "afterVersioned"
  run.events:run "beforeRepeatables"
end

local function apply_all(run, pending, prepared, on_start)
  local at, first = 1, run.first
  run.plain = are_plain(run, pending, prepared)
  repeat
    local entries = batch_from(run, pending, prepared, at)
    local done, answers = batch.run(run, first, entries, on_start)
    if not done then error(answers, 0) end
    run.answers = answers
    at, first = at + done, {}
    local migration = pending[at]
    if migration and (#entries == 0 or done < #entries) then
      if not migration.version then enter_repeatables(run) end
      if on_start then on_start(migration) end
      apply(run, migration, prepared[migration])
      at = at + 1
    end
  until not pending[at]
  if not run.repeatables then run.events:run "afterVersioned" end
end

-- The events around a migration, in Flyway's order.
local function with_events(run, pending, prepared, options)
  run.events:run "beforeMigrate"
  local ok, problem = pcall(apply_all, run, pending, prepared, options.on_start)
  if not ok then
    pcall(run.events.run, run.events, "afterMigrateError")
    error(problem, 0)
  end
  if #pending > 0 or options.continued then run.events:run "afterMigrateApplied" end
  run.events:run "afterMigrate"
  run.events:run "afterMigrateOperationFinish"
end

local function prepare_all(pending, values)
  local prepared = {}
  for _, migration in ipairs(pending) do
    prepared[migration] = script.prepare(migration, values)
  end
  return prepared
end

local function compare(db, folder, rows, repair)
  local failed = false
  for _, row in ipairs(rows) do
    failed = failed or not row.success
  end
  return state.pending(state.compare(folder.migrations, rows), { repair = repair, left = failed and history.left(db) })
end

-- Validates the history; Flyway has events around that.
local function find_pending(run, folder)
  local rows = run.present.rows
  if rows then run.events:run "beforeValidate" end
  local ok, result = pcall(compare, run.main, folder, rows or {}, run.repair)
  if not ok then
    run.events:run "afterValidateError"
    error(result, 0)
  end
  local prepared = prepare_all(result, folder.values)
  if rows then run.events:run "afterValidate" end
  return result, prepared
end

-- The command that repairs a history, if the caller has no better one.
local REPAIR <const> = "flyway repair"

--- Which migrations of a folder are pending. Raises where migrate would: for a history that does not fit, and for a
--- pending script that cannot be run.
---@param db o2x.pg.Connection
---@param folder o2x.flyway.folder
---@param rows table[] of history.read
---@param repair string? the command that repairs the history, for hints
---@return table[] migrations in order
function M.pending(db, folder, rows, repair)
  local pending = compare(db, folder, rows, repair or REPAIR)
  M.check(folder, pending)
  return pending
end

--- Raises for a script that cannot be run.
---@param folder o2x.flyway.folder
---@param pending table[]? the migrations that are to run; nil: those of a new database
function M.check(folder, pending)
  pending = pending or state.pending(state.compare(folder.migrations, {}), { repair = REPAIR })
  prepare_all(pending, folder.values)
  if #pending > 0 then callbacks.new(folder) end
end

-- What the session of a migration is told first. A lost o2x must not be waited for: the session has the lock.
local SETTINGS <const> = [[SELECT set_config(s.name, v.value, false) FROM (VALUES ('DateStyle', 'ISO'),
('client_connection_check_interval', '2s'), ('statement_timeout', $1 || 's')) v (name, value)
JOIN pg_settings s ON s.name = v.name]]

-- What is read after a batch: the history, and what the caller wants to know.
local function reading(run, also)
  return {
    { "SELECT pg_catalog.set_config('search_path', $1, false)", run.present.path },
    history.reading(run.schemas),
    table.unpack(also or {}),
  }
end

local function enter(run, present, options)
  run.present = present
  run.path = search_path(present.path, run.schemas)
  run.first = history.preparation(run.schemas, present)
  run.last = reading(run, options.also)
end

-- Where there is no history and no script needs care, the lock is taken along with all that is to be done: if
-- anything is not as it was seen, nothing is done. -> the migrations that were run; nil: to be done step by step
local function at_once(run, folder, settings, options)
  local seen = options.seen
  if not seen or next(run.events.events) then return nil end
  enter(run, seen, options)
  local pending, prepared = find_pending(run, folder)
  run.plain = are_plain(run, pending, prepared)
  local entries = batch_from(run, pending, prepared, 1)
  if #entries < #pending then return nil end
  local first = { table.unpack(settings) }
  for _, list in ipairs { history.entrance(run.schemas, seen), run.first } do
    table.move(list, 1, #list, #first + 1, first)
  end
  local done, answers = batch.run(run, first, entries, options.on_start)
  run.answers = answers
  return done == #pending and pending or nil
end

local function step_by_step(run, folder, settings, options)
  enter(run, history.enter(run.main, run.schemas, settings, options.waiting), options)
  local pending, prepared = find_pending(run, folder)
  run.events:run "createSchema"
  run.events:run "beforeCreateSchema"
  with_events(run, pending, prepared, options)
  return pending
end

local function run_in(main, connect, folder, options)
  local run = { main = main, schemas = options.schemas, repair = options.repair or REPAIR }
  local _close <close> = defer(function()
    if run.work then run.work:close() end
  end)
  run.open_work = function() open_work(run, connect) end
  run.events = callbacks.new(folder, function()
    local db = prepared_session(connect())
    db:query("SELECT set_config('search_path', $1, false)", run.path)
    return db
  end)
  local settings = { { SETTINGS, tostring(options.seconds or main.options.statement_timeout) }, { as_owner.STATEMENT } }
  local pending = at_once(run, folder, settings, options) or step_by_step(run, folder, settings, options)
  history.note(main, run.schemas)
  if not run.answers or next(run.events.events) then return pending end
  return pending, table.move(run.answers, 2, #run.answers, 1, {})
end

--- Applies the pending migrations, and runs the callbacks around them. After an interruption, the next call continues
--- where this one stopped, or says what it left.
---@param connect fun(): o2x.pg.Connection opens a session, which is closed here
---@param folder o2x.flyway.folder
---@param options {schemas: string[], repair: string?, continued: boolean?, on_start: fun(migration: table)?,
---  waiting: fun(text: string)?, main: o2x.pg.Connection?, seconds: number?, seen: o2x.flyway.present?, also: table[]?}
---  continued: callbacks of an earlier call are still to run; main: a session of the pool, which is held meanwhile and
---  has Flyway's lock until it is reset, with the seconds that a statement may take there; seen: what history.read
---  found without a history; also: statements that read, to be asked along after the last script
---@return table[] applied the migrations that were run
---@return table[]? answers native results of what was read after the last script: the history, then `also`; nil: it
---  is to be read
function M.migrate(connect, folder, options)
  if options.main then return options.main:held(options.seconds, run_in, options.main, connect, folder, options) end
  local main <close> = connect()
  return run_in(main, connect, folder, options)
end

return M
