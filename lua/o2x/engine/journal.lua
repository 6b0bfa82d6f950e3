--- The journal of a run: what was about to happen, and what happened. It has one JSON record per line, framed by
--- host/frame.c so that a torn last line differs from damage. A record is on the disk before the effect that it
--- announces starts.

local core = require "o2x.core.journal"
local errors = require "o2x.base.error"
local frame = require "o2x.core.frame"
local json = require "o2x.base.json"
local mask = require "o2x.base.mask"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"

local M = { FORMAT = 2 }

local FIRST = ("0"):rep(16)
-- Bytes reserved before what announces something new, so that its result can be written when the disk is full.
local RESERVE <const> = 256 * 1024
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
---@return table journal
function M.create(path, header)
  local file = check(path, core.open(path, true))
  local self = setmetatable({ path = path, file = file, number = 0, previous = FIRST, size = 0 }, Journal)
  header.t, header.format = "begin", M.FORMAT
  local ok, err = pcall(self.append, self, header)
  if ok then return self end
  if errors.is(err) and err.hint then err.hint = err.hint:gsub("o2x resume", "start the run again") end
  error(err, 0)
end

-- Fields that o2x itself writes. They are never masked: a resumed run needs each of them. What a run needs by name and
-- a secret that equals it are refused before the run starts (engine/secret_names.lua).
local STRUCTURE = set(
  "t format id at pid seconds o2x user host root seed tenant runbook secrets library inputs fleet allow_edited",
  "kind effect slot class outcome status ok attempt problem edited kept taken"
)

-- Names from scripts, by which a resumed run finds its records; history.lua finds the masked ones, too.
local NAMES = set "path key whole"

-- Fields for people, which nothing is compared with.
local TEXTS = set("message hint found show error", "name")

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

--- Adds a record and waits until it is on the disk. Tasks that do so at the same time share one sync. A record that is
--- lazy is durable with the next one that is not: what is on the disk is always a beginning of the journal.
---@param record table plain values only
---@param lazy boolean? nothing outside of the journal depends on it
function Journal:append(record, lazy)
  if self.failure then error(self.failure, 0) end
  local line, hash = frame.seal(self.number, self.previous, encode(record))
  if ANNOUNCES[record.t] then check(self.path, self.file:reserve(#line + RESERVE)) end
  self.file:append(line)
  self.number, self.previous, self.size = self.number + 1, hash, self.size + #line
  if lazy then
    self:ensure(self.file:flush())
  else
    self:commit()
  end
end

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
function Journal:close() self.file:close() end

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

local function read_file(path)
  local file <close> = io.open(path, "rb") or fail(path, "the journal cannot be read", "ENOENT")
  return file:read("a") or fail(path, "the journal cannot be read", "EIO")
end

-- Checks what a crash left after the last complete line: part of a line, or the zeros of a page that was never written.
local function check_tail(path, number, tail)
  local text = tail:gsub("\0+$", "")
  if not frame.torn(text) then damaged(path, number, "its end differs from what was written") end
end

--- Reads a journal. Leaves out a torn last line; any other damage is an error.
---@param path string
---@return table[] records
---@return table state what reopen needs: number, previous, size
function M.read(path)
  local text = read_file(path)
  local records, state = {}, { number = 0, previous = FIRST, size = 0 }
  for line, next_position in text:gmatch("([^\n]*)\n()") do
    local record, hash = frame.open(line, state.number, state.previous)
    if not record then damaged(path, state.number, hash) end
    records[#records + 1] = json.decode(record, path)
    state.number, state.previous, state.size = state.number + 1, hash, next_position - 1
  end
  if state.size < #text then check_tail(path, state.number, text:sub(state.size + 1)) end
  if #records == 0 then fail(path, "the journal is empty: the run never started", "empty") end
  if records[1].t ~= "begin" or records[1].format ~= M.FORMAT then
    fail(
      path,
      ("the journal has format %s, this o2x writes %d"):format(tostring(records[1].format), M.FORMAT),
      "format"
    )
  end
  return records, state
end

--- Is a process writing the journal?
---@param path string
---@return boolean
function M.held(path) return core.held(path) end

--- Opens a journal to continue it. It is read only once nobody else can write it.
---@param path string
---@return table journal
---@return table[] records its records
function M.reopen(path)
  local file = check(path, core.open(path))
  local ok, records, state = xpcall(M.read, errors.handler, path)
  if not ok then
    file:close()
    error(records, 0)
  end
  check(path, file:stands())
  check(path, file:cut(state.size))
  local self = { path = path, file = file, number = state.number, previous = state.previous, size = state.size }
  return setmetatable(self, Journal), records
end

return M
