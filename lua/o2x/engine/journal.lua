--- The journal of a run: what was about to happen, and what happened. It has one JSON record per line, framed by
--- host/frame.c so that a torn last line differs from damage. A record is on the disk before the effect that it
--- announces starts.

local core = require "o2x.core.journal"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local mask = require "o2x.base.mask"
local points = require "o2x.base.points"
local open_to_read = require("o2x.core.journal_reader").open
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"

local M = { FORMAT = 2 }

local FIRST = ("0"):rep(16)
-- Bytes reserved before what announces something new, so that its result can be written when the disk is full.
local RESERVE <const> = 256 * 1024
local MOST_KEPT_BACK <const> = 64 * 1024 -- bytes that wait for the next record
local LONGEST_SYNC <const> = 300 -- seconds
local SLOW <const> = ("the disk of the journal did not answer for %d s"):format(LONGEST_SYNC)
local ANNOUNCES <const> = { begin = true, resume = true, intent = true, sent = true }

local function set(...)
  local words = {}
  for word in table.concat({ ... }, " "):gmatch "%S+" do
    words[word] = true
  end
  return words
end

local Journal = {}
Journal.__index = Journal

-- By code: what there is to say, around the system's own words, and to do.
local MESSAGES <const> = {
  ENOSPC = "the disk is full: the journal cannot grow",
  EDQUOT = "the quota is used up: the journal cannot grow",
  lost = "%s: the run stops before its next write, and what it wrote so far stands",
  locked = "another process continues this run",
}
local HINTS <const> = {
  ENOSPC = "free some space, then o2x resume",
  EDQUOT = "free some space, then o2x resume",
  EIO = "look after the disk (dmesg), then o2x resume",
  ETIMEDOUT = "look after the disk (dmesg), then o2x resume",
  EFBIG = "raise the limit (ulimit -f), then o2x resume",
  EROFS = "mount the file system for writing, then o2x resume",
  lost = "started again, it does only what is left to do",
  locked = "wait until it ends; o2x runs shows it",
  -- Its first record was on the disk before the run had a name.
  empty = "it was cut off after it was written; restore the file from a copy, or inspect the systems by hand",
}

local function problem(path, message, code)
  if message:sub(1, #path + 2) == path .. ": " then message = message:sub(#path + 3) end
  return errors.new {
    kind = code == "locked" and "locked" or "failed",
    module = "journal",
    code = code,
    where = path,
    message = (MESSAGES[code] or "%s"):format(message),
    hint = HINTS[code],
    final = true, -- no script goes on without a journal
  }
end

local function fail(path, message, code) error(problem(path, message, code), 0) end

local function check(path, ok, message, code)
  if not ok then fail(path, message, code) end
  return ok
end

--- Creates a journal; the file must not exist.
---@param path string
---@param header table first record
---@param again string? what to do after it could not be created; default: start the run again
---@return table journal
function M.create(path, header, again)
  local file = check(path, core.open(path, true))
  local self = setmetatable({ path = path, file = file, number = 0, previous = FIRST, size = 0 }, Journal)
  self.reader = check(path, open_to_read(path))
  header.t, header.format = "begin", M.FORMAT
  local ok, err = pcall(self.append, self, header)
  if ok then return self end
  self:close()
  if errors.is(err) and err.hint then
    errors.amend(err, { hint = (err.hint:gsub("o2x resume", again or "start the run again")) })
  end
  error(err, 0)
end

-- Fields that o2x itself writes. They are never masked: a resumed run needs each of them. What a run needs by name and
-- a secret that equals it are refused before the run starts (engine/secret_names.lua).
local STRUCTURE = set(
  "t format id at pid seconds o2x user host root seed tenant runbook secrets library inputs fleet allow_edited plan",
  "kind effect slot place class outcome status ok attempt problem edited kept taken take_over undo undoes"
)

-- Names from scripts, by which a resumed run finds its records; history.lua finds the masked ones, too.
local NAMES = set "path key whole"

-- Fields for people, which nothing is compared with.
local TEXTS = set("message hint found show error reason", "name")

-- Secrets are references already (value.plain). Values that a script or a system may have built from one are masked
-- here, field by field, so that the record stays what it is. It says when that happened.
local function masked(record)
  local copy, any = {}, false
  for field, item in next, record do
    local found = false
    if STRUCTURE[field] then
      copy[field] = item
    elseif TEXTS[field] then
      copy[field] = mask.value(item)
    else
      copy[field], found = mask.record(item)
    end
    any = any or found and not NAMES[field]
  end
  copy.masked = any or nil
  return copy
end

local function encode(record)
  local text = json.encode(record)
  if not secret.found(text) then return text end
  return json.encode(masked(record))
end

--- Goes on if a native call did; else ends the journal: every later record gets the same error.
---@param ok any what the call gave
---@param message string?
---@param code string?
function Journal:ensure(ok, message, code)
  if ok then return end
  self.failure = problem(self.path, message, code)
  error(self.failure, 0)
end

-- What a watcher calls a record: that of an effect has the target, which the intent names.
local function name_of(self, record)
  if type(record) == "string" then return record:match '"t":"(%w+)"' or "text" end
  self.targets = self.targets or {}
  if record.t == "intent" then self.targets[record.effect] = record.key end
  local what = self.targets[record.effect] or record.key or record.name
  local name = ("%s %s"):format(record.t, record.path or "")
  return what and ("%s %s"):format(name, what) or name
end

--- Adds a record and waits until it is on the disk. Tasks that do so at the same time share one sync. A record that is
--- lazy is durable with the next one that is not: what is on the disk is always a beginning of the journal.
---@param record table|string plain values only; as a text, JSON in which no secret is
---@param lazy boolean|"later"|nil true: nothing outside of the journal depends on it; "later": nor does a resumed run,
---  so it need not even be in the file before the next record is
---@return integer place for record_at
function Journal:append(record, lazy)
  if self.failure then error(self.failure, 0) end
  local text = type(record) == "string" and record or encode(record)
  if ANNOUNCES[record.t] then check(self.path, self.file:reserve(#text + RESERVE)) end
  local name = points.watched() and name_of(self, record) or ""
  points.before("journal", name, true, self)
  local length, hash = self.file:append(self.number, self.previous, text)
  local place = self.size
  self.number, self.previous, self.size = self.number + 1, hash, place + length
  self.kept_back = lazy == "later" and (self.kept_back or 0) + length or 0
  if self.kept_back == 0 or self.kept_back > MOST_KEPT_BACK then
    self.kept_back = 0
    if lazy or points.watched() then self:ensure(self.file:flush()) end -- a watcher sees each step by itself
    points.after("journal", name, true, self)
  end
  if not lazy then
    points.before("sync", name, true, self)
    self:commit()
    points.after("sync", name, true, self)
  end
  return place
end

--- Reads one of its records again.
---@param place integer
---@return table record
function Journal:record_at(place) return M.record_at(self.path, self.reader, place) end

--- Waits until what was appended is on the disk. A task that was cancelled waits, too: what it did must be recorded.
function Journal:commit()
  local op <close> = self.file:commit()
  local deadline = task.now() + LONGEST_SYNC
  while not task.wait(op, deadline - task.now(), true) do
    if task.now() >= deadline then self:ensure(nil, SLOW, "ETIMEDOUT") end
  end
  self:ensure(op:result())
end

--- Tells the journal that its folder was renamed.
---@param path string where it is now
function Journal:move(path)
  self.path = path
  self.file:move(path)
end

--- Can the run be continued from what is on the disk?
---@return boolean
function Journal:is_lost() return self.failure ~= nil and self.failure.code == "lost" end

--- Closes the file.
function Journal:close()
  self.file:close()
  self.reader:close()
end

local function damaged(path, number, why)
  errors.raise {
    kind = "failed",
    module = "journal",
    code = "damaged",
    where = path,
    message = ("line %d of the journal is damaged: %s"):format(number + 1, why),
    hint = "the journal was changed after it was written; restore the file from a copy, or inspect the systems by hand",
  }
end

local function decoded(path, text)
  local record = json.decode(text, path)
  if type(record) == "table" then return record end
  fail(path, "a record of the journal is not an object", "damaged")
end

local function check_begin(path, record)
  if record.t == "begin" and record.format == M.FORMAT then return end
  fail(path, ("the journal has format %s, this o2x writes %d"):format(tostring(record.format), M.FORMAT), "format")
end

local function next_record(path, reader)
  local text, place, code = reader:next()
  if text then return decoded(path, text), place end
  if code == "damaged" then damaged(path, (reader:state()), place) end
  check(path, not code, place, code)
end

local function open_reader(path, without)
  local reader, message, code = open_to_read(path, without)
  if reader then return reader end
  if code == "ENOENT" then message = "the journal cannot be read" end
  fail(path, message, code)
end

--- Reads a journal record by record; only one is in memory at a time. Leaves out a torn last line; any other damage is
--- an error.
---@param path string
---@param take fun(record: table, place: integer) place: where record_at finds it again
---@param without string? fields that are left out, with blanks between
---@return table state what reopen needs: number, previous, size; reader, to be closed
function M.each(path, take, without)
  local reader = open_reader(path, without)
  local ok, err = xpcall(function()
    local record, place = next_record(path, reader)
    if not record then fail(path, "the journal is empty", "empty") end
    check_begin(path, record)
    repeat
      take(record, place)
      record, place = next_record(path, reader)
    until not record
  end, errors.handler)
  if not ok then
    reader:close()
    error(err, 0)
  end
  local number, previous, size = reader:state()
  return { number = number, previous = previous, size = size, reader = reader }
end

--- Is an error what the system says of a file, such as no permission or a full disk, and not what is wrong in it?
---@param err table
---@return boolean
function M.of_system(err) return type(err.code) == "string" and err.code:find "^E%u" ~= nil end

--- Reads one record again.
---@param path string for errors
---@param reader userdata of M.each
---@param place integer
---@return table record
function M.record_at(path, reader, place)
  local text, message, code = reader:at(place)
  if not text then fail(path, ("the journal was changed after it was read: %s"):format(message), code) end
  return decoded(path, text)
end

--- Reads the first record of a journal, which says what the run is.
---@param path string
---@return table record
function M.first(path)
  local reader <close> = open_reader(path)
  local record = next_record(path, reader)
  if not record then fail(path, "the journal is empty", "empty") end
  check_begin(path, record)
  return record
end

--- All records of a journal, for one that is known to be short.
---@param path string
---@return table[] records
function M.read(path)
  local records = {}
  local state = M.each(path, function(record) records[#records + 1] = record end)
  state.reader:close()
  return records
end

--- Is a process writing the journal?
---@param path string
---@return boolean
function M.held(path) return core.held(path) end

--- Opens a journal to continue it. It is read only once nobody else can write it.
---@param path string
---@param take fun(record: table, place: integer) gets each of its records
---@param without string? fields that are left out, with blanks between
---@return table journal
function M.reopen(path, take, without)
  local file = check(path, core.open(path))
  local ok, state = xpcall(M.each, errors.handler, path, take, without)
  if not ok then
    file:close()
    error(state, 0)
  end
  check(path, file:stands())
  check(path, file:cut(state.size))
  state.path, state.file = path, file
  return setmetatable(state, Journal)
end

return M
