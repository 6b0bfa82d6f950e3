--- Compares a folder of migrations with a history: what is applied, pending, failed, missing. The rules are those of
--- Flyway's validate and migrate (ignoreMigrationPatterns=*:future, outOfOrder=false), so that the two agree on every
--- history, whoever wrote it.

local errors = require "o2x.base.error"
local version = require "o2x.client.flyway.version"

local M = {}

-- What Flyway writes by itself, not for a script.
local SYNTHETIC = { SCHEMA = true, BASELINE = true, DELETE = true }
local BASELINES = { BASELINE = true, SQL_BASELINE = true, JDBC_BASELINE = true }
local KNOWN = {
  SQL = true,
  SCRIPT = true,
  JDBC = true,
  CUSTOM = true,
  SPRING_JDBC = true,
  SQL_BASELINE = true,
  JDBC_BASELINE = true,
}

local LONGEST <const> = 200 -- characters of a description in the history

--- A description as the history has it.
---@param text string
---@return string
function M.abbreviated(text)
  if (utf8.len(text) or #text) <= LONGEST then return text end
  return text:sub(1, (utf8.offset(text, LONGEST - 2) or LONGEST - 2) - 1) .. "..."
end

local function conflict(message, hint, where)
  return errors.new { kind = "conflict", module = "flyway", message = message, hint = hint, where = where }
end

-- ---- the history ----

local function check_row(row)
  if row.version and not version.parse(row.version) then
    local message = "row %d of the history has the version '%s', which is none"
    error(conflict(message:format(row.installed_rank, row.version), "correct the row; Flyway refuses it as well"), 0)
  end
  if SYNTHETIC[row.type] or KNOWN[row.type] then return end
  local message = "row %d of the history is of the type %s, which o2x does not know"
  error(conflict(message:format(row.installed_rank, row.type), "migrate this database with Flyway"), 0)
end

local function mark_deleted(entries, row)
  for i = #entries, 1, -1 do
    local entry = entries[i]
    local same
    if row.version then
      same = entry.row.version and version.compare(entry.row.version, row.version) == 0
    else
      same = not entry.row.version and entry.row.description == row.description
    end
    if same and not SYNTHETIC[entry.row.type] then
      entry.deleted = true
      return
    end
  end
end

-- The rows as entries; a versioned migration that was deleted has no entry of its own for that.
local function entries_of(rows)
  local entries = {}
  for _, row in ipairs(rows) do
    check_row(row)
    if row.type == "DELETE" and row.success then mark_deleted(entries, row) end
    if not (row.version and row.type == "DELETE" and row.success) then entries[#entries + 1] = { row = row } end
  end
  return entries
end

local function newer(a, b) return not b or version.compare(a, b) > 0 end

-- The highest versions, and the latest rank of each repeatable migration.
local function add_marks(state)
  state.latest = {}
  for _, entry in ipairs(state.entries) do
    local row = entry.row
    if not row.version then
      state.latest[row.description] = row.installed_rank
    else
      if BASELINES[row.type] and newer(row.version, state.baseline) then state.baseline = row.version end
      if not entry.deleted and newer(row.version, state.highest) then state.highest = row.version end
    end
  end
end

-- ---- the folder ----

local function key(number, kind) return version.canonical(number) .. " " .. kind end

local function add_folder(state, migrations)
  state.by_version, state.by_description = {}, {}
  for _, migration in ipairs(migrations) do
    if migration.version then
      state.by_version[key(migration.version, migration.type)] = migration
      if newer(migration.version, state.newest) then state.newest = migration.version end
    else
      state.by_description[migration.description] = migration
    end
  end
end

-- Is this what the history has, as far as Flyway looks?
local function same_checksum(migration, checksum)
  return migration.checksum == checksum or migration.equivalent ~= nil and migration.equivalent == checksum
end

local function is_run_of(state, entry, migration)
  if entry.deleted or entry.row.type == "DELETE" then return false end
  if migration.version then return true end
  return entry.row.installed_rank == state.latest[entry.row.description]
    and same_checksum(migration, entry.row.checksum)
end

-- What of the folder has no row: migrations, in order.
local function rest(state, migrations)
  local done = {}
  for _, entry in ipairs(state.entries) do
    local row = entry.row
    local migration = row.version and state.by_version[key(row.version, row.type)]
      or not row.version and state.by_description[row.description]
      or nil
    entry.migration = migration
    if migration and is_run_of(state, entry, migration) then done[migration] = true end
  end
  local list = {}
  for _, migration in ipairs(migrations) do
    if not done[migration] then list[#list + 1] = migration end
  end
  return list
end

-- ---- the state of each ----

-- A row whose file is not in the folder: "missing", or "future" above the newest file.
local function absence(state, row)
  if not row.version then return row.installed_rank == state.latest[row.description] and "missing" or nil end
  return state.newest and version.compare(row.version, state.newest) < 0 and "missing" or "future"
end

local function applied_state(state, entry)
  local row = entry.row
  if entry.deleted then return "deleted" end
  if row.type == "DELETE" or row.type == "SCHEMA" or row.type == "BASELINE" then return "noted" end
  local absent = not entry.migration and absence(state, row) or nil
  if not row.success then return absent == "future" and "future failed" or "failed" end
  if absent then return absent end
  if row.version then return "applied" end
  if row.installed_rank ~= state.latest[row.description] then return "superseded" end
  return same_checksum(entry.migration, row.checksum) and "applied" or "outdated"
end

local function waiting_state(state, migration)
  if not migration.version then return "pending" end
  local baseline = state.highest and state.baseline or not state.highest and state.pending_baseline or nil
  local compared = baseline and version.compare(migration.version, baseline)
  if migration.kind == "baseline" then
    if state.highest then return "ignored" end
    return compared == 0 and "pending" or "below baseline"
  end
  if compared and compared <= 0 then return "below baseline" end
  if state.highest and version.compare(migration.version, state.highest) < 0 then return "out of order" end
  return "pending"
end

local function add_pending_baseline(state, list)
  for _, migration in ipairs(list) do
    if migration.kind == "baseline" and newer(migration.version, state.pending_baseline) then
      state.pending_baseline = migration.version
    end
  end
end

---@class o2x.flyway.state
---@field entries table[] one for each row: row, state, migration?
---@field waiting table[] the migrations without a row: migration, state
---@field baseline string? the version below which nothing is looked at

--- Compares a folder with a history.
---@param migrations table[] of folder.resolve
---@param rows table[] of the history, by rank
---@return o2x.flyway.state
function M.compare(migrations, rows)
  local state = { entries = entries_of(rows), waiting = {} }
  add_marks(state)
  add_folder(state, migrations)
  local list = rest(state, migrations)
  add_pending_baseline(state, list)
  for _, entry in ipairs(state.entries) do
    entry.state = applied_state(state, entry)
  end
  for _, migration in ipairs(list) do
    table.insert(state.waiting, { migration = migration, state = waiting_state(state, migration) })
  end
  return state
end

-- ---- what is refused ----

---@class o2x.flyway.remedy
---@field repair string the command that repairs the history
---@field left string? the command that removes what a failed script is known to have left

--- The hint for a migration that failed outside a transaction.
---@param remedy o2x.flyway.remedy
---@return string
function M.undo_first(remedy)
  local known = remedy.left and (" (%s)"):format(remedy.left) or ""
  return ("undo by hand what it left%s, or complete it; then %s"):format(known, remedy.repair)
end

local function failed(row, remedy)
  local what = row.version and ("failed migration to version %s (%s)"):format(row.version, row.script)
    or ("failed repeatable migration %s (%s)"):format(row.description, row.script)
  local text = what .. ": it ran outside a transaction and may be partly applied"
  return conflict(text, M.undo_first(remedy))
end

local function missing(row, remedy)
  local text = "applied migration %s (%s) is missing in the folder"
  local hint = "restore the file; or, if it was removed on purpose, " .. remedy.repair
  return conflict(text:format(row.version and "version " .. row.version or row.description, row.script), hint)
end

local function changed(row, migration, remedy)
  local text = "changed after it was applied: checksum mismatch for migration %s: applied to database %s, "
    .. "resolved locally %d"
  return conflict(
    text:format(row.version and "version " .. row.version or row.script, row.checksum or "none", migration.checksum),
    "restore the file and put the change into a new migration; or, to accept the file as it is, " .. remedy.repair,
    migration.script
  )
end

local function renamed(row, migration, remedy)
  local text = "renamed after it was applied: version %s was '%s', now '%s'"
  return conflict(
    text:format(row.version or "none", row.description, migration.description),
    "restore the file's old name; or, to accept the new one, " .. remedy.repair,
    migration.script
  )
end

local function applied_problem(state, entry, remedy)
  local row, migration = entry.row, entry.migration
  if entry.state == "failed" then return failed(row, remedy) end
  if entry.state == "missing" then return missing(row, remedy) end
  if not migration or entry.state == "deleted" or entry.state == "noted" then return nil end
  if row.version and state.baseline and version.compare(row.version, state.baseline) <= 0 then return nil end
  local judged = row.version or entry.state == "applied" -- another checksum makes a repeatable one run again
  if judged and row.checksum and row.checksum ~= migration.checksum then return changed(row, migration, remedy) end
  if row.type ~= migration.type or row.description ~= M.abbreviated(migration.description) then
    return renamed(row, migration, remedy)
  end
end

local function out_of_order(state, migration)
  return conflict(
    ("version %s is out of order: the database is already at %s"):format(migration.version, state.highest),
    "give the migration a higher version",
    migration.script
  )
end

-- One failed migration that the folder does not know yet is another branch's business; Flyway stops at two.
local function problems(state, remedy)
  local list, later = {}, {}
  for _, entry in ipairs(state.entries) do
    list[#list + 1] = applied_problem(state, entry, remedy)
    if entry.state == "future failed" then later[#later + 1] = failed(entry.row, remedy) end
  end
  if #later > 1 then table.move(later, 1, #later, #list + 1, list) end
  for _, one in ipairs(state.waiting) do
    if one.state == "out of order" then list[#list + 1] = out_of_order(state, one.migration) end
  end
  return list
end

--- The migrations to run, in order. Raises where Flyway would: a changed, renamed or missing script, a failed one, a
--- version below the highest applied one.
---@param state o2x.flyway.state
---@param remedy o2x.flyway.remedy for the hint
---@return table[] migrations
function M.pending(state, remedy)
  local found = problems(state, remedy)
  if found[1] then
    if #found > 1 then
      errors.amend(found[1], { message = ("%s (and %d more)"):format(found[1].message, #found - 1) })
    end
    error(found[1], 0)
  end
  local list = {}
  for _, one in ipairs(state.waiting) do
    if one.state == "pending" then list[#list + 1] = one.migration end
  end
  return list
end

-- ---- what a repair does ----

---@class o2x.flyway.repair
---@field what "remove"|"delete"|"align"
---@field row table
---@field migration table? align: whose description, type and checksum the row gets

-- The failed rows go first: without them the rest is judged.
local function without_failed(rows, repairs)
  local left = {}
  for _, row in ipairs(rows) do
    if row.success then
      left[#left + 1] = row
    else
      repairs[#repairs + 1] = { what = "remove", row = row }
    end
  end
  return left
end

local function differs(row, migration)
  if not row.version then return row.checksum == migration.equivalent and row.checksum ~= migration.checksum end
  return not same_checksum(migration, row.checksum)
    or row.description ~= M.abbreviated(migration.description)
    or row.type ~= migration.type
end

--- What "flyway repair" does to a history: it removes failed rows, notes as deleted what is missing in the folder, and
--- gives the rows of changed or renamed scripts the new checksum and description.
---@param migrations table[] of folder.resolve
---@param rows table[]
---@return o2x.flyway.repair[]
function M.repairs(migrations, rows)
  local repairs = {}
  local state = M.compare(migrations, without_failed(rows, repairs))
  for _, entry in ipairs(state.entries) do
    if entry.state == "missing" then repairs[#repairs + 1] = { what = "delete", row = entry.row } end
  end
  for _, entry in ipairs(state.entries) do
    local migration = entry.migration
    if migration and not SYNTHETIC[entry.row.type] and differs(entry.row, migration) then
      repairs[#repairs + 1] = { what = "align", row = entry.row, migration = migration }
    end
  end
  return repairs
end

return M
