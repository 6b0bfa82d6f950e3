--- The effect type of archives, and reading one. Next to each archive is its note, FILE.json: the rows and a checksum
--- of each table, taken in the same snapshot as the data.

local archive = require "o2x.client.pg.archive"
local by_hand = require "o2x.effects.archive.by_hand"
local clock = require "o2x.base.clock"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local fingerprint = require "o2x.client.pg.fingerprint"
local fs = require "o2x.base.fs"
local guard = require "o2x.base.guard"
local json = require "o2x.base.json"
local owner = require "o2x.effects.archive.owner"
local programs = require "o2x.client.pg.programs"
local restore = require "o2x.client.pg.restore"
local suggest = require "o2x.base.suggest"
local support = require "o2x.effects.pg.support"
local task = require "o2x.base.task"
local units = require "o2x.base.units"
local unknown = require "o2x.base.unknown"

local M = {}

local PRIVATE <const> = 0x180 -- 0600
local LARGEST_NOTE <const> = 16 * 1024 * 1024

local SIZE <const> = "SELECT pg_database_size(current_database()) AS size"

--- The path of an archive's note.
---@param path string
---@return string
function M.note_path(path) return path .. ".json" end

--- The note of an archive, or nil.
---@param path string
---@return table?
function M.note(path)
  local text = fs.read_if(M.note_path(path), LARGEST_NOTE)
  if not text then return nil end
  local ok, note = pcall(json.read, text, M.note_path(path))
  if ok and type(note) == "table" and type(note.tables) == "table" and note.format == "o2x archive 1" then
    return note
  end
  errors.input("is not an archive's note", "remove it to check the archive without a note", M.note_path(path))
end

--- The number of tables and rows in a fingerprint.
---@param tables table<string, {rows: integer}>
---@return integer tables
---@return integer rows
function M.totals(tables)
  local count, rows = 0, 0
  for _, entry in pairs(tables) do
    count, rows = count + 1, rows + entry.rows
  end
  return count, rows
end

local function summary(note)
  local tables, rows = M.totals(note.tables)
  return {
    database = note.database,
    run = note.run,
    at = note.at,
    bytes = note.bytes,
    sha256 = note.sha256,
    tables = tables,
    rows = rows,
  }
end

-- ---- making one ----

-- The address of the run's own temporary server. It is asked for, because the admin's password is sent there.
local function address_of(ctx, id)
  local found = ctx:client("aws.rds"):instance(id)
  if found and found.tags["o2x:run"] == ctx.run_id and found.address then
    return { host = found.address, port = found.port }
  end
  errors.raise {
    kind = "failed",
    module = "archive",
    message = ("the temporary server %s does not exist"):format(id),
    hint = "rds.ensure_server makes it first",
  }
end

local HEAD <const> = [[SELECT pg_export_snapshot() AS snapshot, current_setting('server_version') AS server,
current_setting('server_version_num')::int AS number]]

-- Takes the data and their fingerprint from one snapshot.
local function take(ctx, target, part)
  local pool, began = ctx:client "pg", task.now()
  local server = target.server and address_of(ctx, target.server)
  local options = { statement_timeout = 0, idle_timeout = 0 }
  for name, value in pairs(server or {}) do
    options[name] = value
  end
  local db <close> = pool:connect(target.database, options)
  return db:transaction(function(tx)
    local head = tx:query(HEAD)[1]
    local at, program = clock.iso(), programs.need(head.number // 10000)
    local got = task.parallel {
      file = function() archive.dump(pool:options_for(target.database, server), part, head.snapshot, program) end,
      tables = function() return fingerprint.take(tx) end,
    }
    return {
      format = "o2x archive 1",
      database = target.database,
      server = head.server,
      at = at,
      run = ctx.run_id,
      tables = got.tables,
      seconds = math.ceil(task.now() - began),
    }
  end, { isolation = "repeatable read", read_only = true, attempts = 1 })
end

local function only_rows(counts)
  local tables = {}
  for name, rows in pairs(counts) do
    tables[name] = { rows = rows }
  end
  return tables
end

--- What an archive's statements may be about, from the grants.
---@param ctx table
---@param path string
---@return o2x.pg.dump.rules
function M.rules(ctx, path)
  local granted = ctx.scope.archive or {}
  local function set(list)
    local map = {}
    for _, name in ipairs(list or {}) do
      map[name] = true
    end
    return map
  end
  return {
    path = path,
    roles = set(ctx.scope.roles),
    extensions = set(granted.extensions),
    functions = set(granted.functions),
  }
end

-- The rows of an archive. What a restore would refuse is said now, and not when the data are lost.
local function counts_of(ctx, part)
  local ok, counts = pcall(restore.inspect, M.rules(ctx, part))
  if ok then return counts end
  if not errors.is(counts) or counts.kind ~= "refused" then error(counts, 0) end
  ctx:log("warn", "o2x will not restore this archive: " .. counts.message)
  return archive.contents(part)
end

-- Reads the whole archive: one that cannot be read back is worthless.
local function read_back(ctx, part, note)
  archive.header(part)
  local differences = fingerprint.differences(only_rows(counts_of(ctx, part)), note.tables)
  if not differences[1] then return end
  errors.raise {
    kind = "failed",
    module = "archive",
    where = part,
    message = "the archive differs from the database: " .. differences[1],
    details = differences,
    hint = "the archive was not saved; o2x resume dumps it again",
  }
end

local function refuse_overwriting(path)
  errors.raise {
    kind = "conflict",
    module = "archive",
    where = path,
    message = "the file already exists",
    hint = "choose another name or move the file: a backup never overwrites a file",
  }
end

-- Is a file what its note says? The note comes first, so somebody else may have made the file beside it.
local function is_of_note(path, note, stat) return note.bytes == stat.size and archive.sha256(path) == note.sha256 end

-- Never overwrites a file that this run did not write.
local function read(ctx, target)
  local stat = fs.stat(target.path)
  if not stat then return nil end
  local note = stat.type == "file" and M.note(target.path)
  local own = note and note.run == ctx.run_id and note.database == target.database
  if not own or not is_of_note(target.path, note, stat) then refuse_overwriting(target.path) end
  return summary(note)
end

-- Of an archive that is only planned, nobody knows yet what will be in it.
local LATER <const> = { "at", "bytes", "rows", "sha256", "tables" }

local function image(current)
  local copy = {}
  for name, item in pairs(current) do
    copy[name] = item
  end
  for _, name in ipairs(current.at and {} or LATER) do
    copy[name] = unknown.value
  end
  copy.size = nil
  return copy
end

-- The text of the note that an earlier attempt of this run has left, or nil.
local function own_note(ctx, path)
  local text = fs.read_if(M.note_path(path), LARGEST_NOTE)
  if text == nil then return nil end
  local ok, note = pcall(M.note, path)
  if not ok or note.run ~= ctx.run_id then refuse_overwriting(M.note_path(path)) end
  return text
end

-- Gives the archive its name. If somebody has taken it, the new note is not left beside his file.
local function publish(path, part, earlier)
  local ok, err = pcall(fs.rename, part, path, true)
  if ok then return end
  if guard.refused(err) and not earlier then fs.remove(M.note_path(path)) end
  error(err, 0)
end

local function write(ctx, target, desired)
  if desired == nil then
    read(ctx, target) -- refuses another run's
    fs.remove(target.path)
    return fs.remove(M.note_path(target.path))
  end
  local earlier = own_note(ctx, target.path)
  local part = target.path .. ".part"
  local _part <close> = defer(function(problem)
    if problem then pcall(fs.remove, part) end -- what is not whole is worth nothing, and takes room
  end)
  local note = take(ctx, target, part)
  ctx:waiting("reading the archive back")
  read_back(ctx, part, note)
  note.bytes, note.sha256 = fs.stat(part).size, archive.sha256(part)
  fs.write(M.note_path(target.path), json.pretty(note) .. "\n", { mode = PRIVATE, expected = earlier or false })
  publish(target.path, part, earlier)
end

--- The effect type of an archive in a file.
M.file = {
  kind = "pg.archive",
  rehearsal = { none = "its content is data" },
  class = "idempotent",
  guard = "the file and its note get names that nothing has; a removal looks whose it is right before",
  undo = {
    before = "whether the file existed",
    how = "removes the archive and its note",
    cannot = "a removed archive",
    gone = "the archive",
    restore = function(_, past)
      if past.before ~= nil then return nil, "the archive was removed" end
      return { target = past.target }
    end,
  },
  key = function(target) return target.path end,
  read = read,
  image = image,
  equal = function(current, desired)
    if current == nil or desired == nil then return current == desired end
    return current.database == desired.database and current.run == desired.run
  end,
  write = write,
  by_hand = function(ctx, target, desired)
    if desired == nil then return by_hand.remove(target.path, M.note_path(target.path)) end
    return by_hand.dump(ctx, target)
  end,
  predict = function(ctx, target, desired)
    if not desired or target.server then return desired end
    local size = support.with(ctx, target.database, function(db) return db:one(SIZE).size end)
    return { database = desired.database, run = desired.run, size = size }
  end,
  show = function(target, before, after)
    local which = after or before or {}
    local lines = {
      ("%s archive of %s%s"):format(
        after and "+" or "-",
        target.database,
        which.size and (", which takes %s on the server"):format(units.bytes(which.size)) or ""
      ),
    }
    return { title = target.path, lines = lines }
  end,
}

-- ---- reading one ----

local function check_note(path, note, stat)
  if is_of_note(path, note, stat) then return end
  errors.input(
    ("the archive does not match its note: %d bytes, not %d%s"):format(
      stat.size,
      note.bytes,
      note.bytes == stat.size and " other" or ""
    ),
    "it was truncated or changed since it was written; nothing was changed",
    path
  )
end

local inspected = setmetatable({}, { __mode = "k" }) -- ctx → SHA-256 of an archive → true: checked to its end

--- Reads a whole archive and checks its statements and whose it is, unless this run has done so.
---@param ctx table
---@param path string
---@param sha256 string of the archive
---@return table<string, integer>? counts table → rows; nil if it was checked before
function M.inspect(ctx, path, sha256)
  inspected[ctx] = inspected[ctx] or {}
  if inspected[ctx][sha256] then return nil end
  local whose, note = owner.of(ctx), M.note(path)
  local counts, rows = restore.inspect(M.rules(ctx, path), whose.table)
  owner.check_rows(path, whose, rows)
  if note then owner.check_note(path, note, ctx.scope.pg.tenant) end
  if archive.sha256(path) ~= sha256 then
    errors.raise { kind = "conflict", module = "archive", where = path, message = "changes while it is read" }
  end
  inspected[ctx][sha256] = true
  return counts
end

-- The name of a table as the archive has it.
local function find_table(path, counts, word)
  local names = {}
  for name in pairs(counts) do
    local plain = name:gsub('"', "")
    if name == word or plain == word or plain == "public." .. word then return name end
    names[#names + 1] = plain
  end
  errors.input(
    ("the archive has no table %s%s"):format(word, suggest.did_you_mean(word, names)),
    "expected schema.table",
    path
  )
end

--- Reads a whole archive and checks whose data it holds.
---@param ctx table
---@param path string
---@param wanted string? a table that must be in it
---@return table summary path, database, created, bytes, sha256, tables, rows, table (the one wanted), complete (has it
---  checksums?)
function M.examine(ctx, path, wanted)
  local stat = fs.stat(path)
  if not stat then
    errors.input("the archive does not exist", "o2x run runbooks/backup.lua TENANT list=true lists the archives", path)
  end
  if stat.type ~= "file" then errors.input("is a " .. stat.type .. ", not an archive", nil, path) end
  local head, note = archive.header(path), M.note(path)
  if note then check_note(path, note, stat) end
  ctx:waiting(("reading %s, %s"):format(path, units.bytes(stat.size)))
  local sha256 = note and note.sha256 or archive.sha256(path)
  local counts = M.inspect(ctx, path, sha256) or archive.contents(path)
  local tables, total = M.totals(only_rows(counts))
  return {
    path = path,
    database = head.database,
    created = note and note.at or head.created,
    bytes = stat.size,
    sha256 = sha256,
    tables = tables,
    rows = total,
    table = wanted and find_table(path, counts, wanted),
    complete = note ~= nil,
    seconds = note and note.seconds or nil,
    server = head.server,
  }
end

--- What a database restored from an archive must hold.
---@param path string
---@return table<string, {rows: integer, checksum: string?}>
function M.expected(path)
  local note = M.note(path)
  return note and note.tables or only_rows((archive.contents(path)))
end

return M
