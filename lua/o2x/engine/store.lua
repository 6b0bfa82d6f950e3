--- The run store: one folder per run with its journal, its log and the scripts it started with. Run ids sort by
--- time.

local clock = require "o2x.base.clock"
local core = require "o2x.core.fs"
local crypto = require "o2x.base.crypto"
local defer = require "o2x.base.defer"
local elsewhere = require "o2x.engine.elsewhere"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local history = require "o2x.engine.history"
local identity = require "o2x.base.identity"
local journal = require "o2x.engine.journal"
local suggest = require "o2x.base.suggest"
local summaries = require "o2x.engine.summaries"
local secret = require "o2x.base.secret"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"
local sync = require("o2x.core.journal").sync_path
local undone = require "o2x.engine.undone"
local unfinished = require "o2x.engine.unfinished"

local M = {}

local Store = {}
Store.__index = Store

local PATTERN <const> = "^R%-(%d%d%d%d)(%d%d)(%d%d)%-(%d%d)(%d%d)(%d%d)%-(%x%x%x%x)$"
-- The same without captures, for a list of very many.
local IS_ID <const> = PATTERN:gsub("[()]", "")
local TICKS <const> = 65536 -- of a second, in an id

-- The time of an id, in ticks.
local function ticks_of(id)
  local year, month, day, hour, minute, second, tick = id:match(PATTERN)
  local text = ("%s-%s-%sT%s:%s:%sZ"):format(year, month, day, hour, minute, second)
  local ok, seconds = pcall(clock.parse, text)
  return (ok and math.floor(seconds) or 0) * TICKS + tonumber(tick, 16)
end

-- The key of a store, made once: of two programs that make it, one keeps what the other made.
local function key_of(path)
  local key = fs.read_if(path)
  if not key then
    local made, problem = pcall(fs.write, path, crypto.random(32), { mode = tonumber("600", 8), expected = false })
    if not made and problem.kind ~= "conflict" then error(problem, 0) end
    key = fs.read(path)
  end
  if #key == 32 then return key end
  errors.raise {
    kind = "failed",
    module = "store",
    where = path,
    message = ("the key of the run store has %d bytes instead of 32"):format(#key),
    hint = ("restore it from a copy; without one, remove it: rm %s (runs in progress cannot be resumed then)"):format(
      path
    ),
  }
end

--- The run store in a folder, which is created if necessary. Sets the key of fingerprints, so that the fingerprints of
--- its runs are comparable.
---@param folder string
---@return table store
function M.open(folder)
  local made, problem = pcall(fs.mkdir, folder, tonumber("700", 8))
  if not made then
    error(errors.amend(problem, { hint = "set O2X_STATE, or state in o2x.yaml, to a folder that can be written" }), 0)
  end
  local key = key_of(fs.join(folder, "key"))
  secret.set_key(key)
  return setmetatable({ folder = folder, summaries = function() return summaries.open(folder, key) end }, Store)
end

--- The folder of a run.
---@param id string
---@return string path
function Store:folder_of(id) return fs.join(self.folder, id) end
--- The journal of a run.
---@param id string
---@return string path
function Store:journal_of(id) return fs.join(self.folder, id, "journal") end

local function check(path, ok, message, code)
  if ok then return ok end
  if message:sub(1, #path + 2) == path .. ": " then message = message:sub(#path + 3) end
  errors.raise {
    kind = "failed",
    module = "store",
    message = message,
    code = code,
    where = path,
    hint = fs.HINTS[code],
  }
end

-- The path where a run is made before it gets its name.
local function making_of(self, id) return fs.join(self.folder, ".new-" .. id) end

-- Takes back what was made of a run that did not begin: a disk that is full has no room for it.
local function forget(making)
  local removed, _, code = core.remove(making)
  if not removed and code ~= "ENOENT" then core.remove_tree(making) end
end

--- A new id: the date, the time, and the fraction of the second. Ids sort by time, also where the clock was set back:
--- then the next one follows the newest there is. Its folder is reserved, so that nobody gets the same id.
---@return string id
---@return table reserved to be closed; removes the folder if the run did not begin
function Store:new_id()
  local newest = self:newest()
  local ticks = math.max(math.floor(clock.now() * TICKS), newest and ticks_of(newest) + 1 or 0)
  while true do
    local id = ("R-%s-%04x"):format(os.date("!%Y%m%d-%H%M%S", ticks // TICKS), ticks % TICKS)
    local making = making_of(self, id)
    local made, message, code = core.mkdir(making, tonumber("700", 8))
    if not made and code ~= "EEXIST" then check(making, made, message, code) end
    local free = made and not fs.exists(self:folder_of(id)) -- looked for last: its maker renames the other one
    if free then
      return id, defer(function() forget(making) end)
    end
    if made then fs.remove(making) end
    ticks = ticks + 1
  end
end

-- Writes the scripts of a run that has no name yet. Nobody sees them half written, so one sync each is enough.
local function write_sources(making, sources)
  local folders = {}
  for path, text in pairs(sources) do
    local file = fs.join(making, "sources", path)
    local folder = fs.folder(file)
    fs.mkdir(folder)
    check(file, core.append(file, text))
    check(file, sync(file))
    while folder ~= making and not folders[folder] do
      folders[folder], folder = true, fs.folder(folder)
    end
  end
  for folder in pairs(folders) do
    check(folder, sync(folder))
  end
end

--- Creates the folder of a new run. It gets its final name only after its journal has begun.
---@param id string from new_id
---@param header table the journal's first record
---@param sources table<string, string> path as shown → text
---@return string folder
---@return table journal
function Store:create(id, header, sources)
  local making, folder = making_of(self, id), self:folder_of(id)
  write_sources(making, sources)
  header.id = id
  local new = journal.create(fs.join(making, "journal"), header)
  check(making, sync(making))
  fs.rename(making, folder) -- which syncs the store
  new:move(fs.join(folder, "journal"))
  return folder, new
end

--- Opens a run to continue it.
---@param id string
---@return table run id, folder, journal, history
function Store:reopen(id)
  local opened
  local h = history.new(function(place) return opened:record_at(place) end)
  local function take(record, place) history.add(h, record, place) end
  opened = journal.reopen(self:journal_of(id), take, history.LARGE)
  return { id = id, folder = self:folder_of(id), journal = opened, history = h }
end

--- The ids of all runs, oldest first.
---@return string[]
function Store:ids()
  local ids = {}
  for _, name in ipairs(fs.list(self.folder)) do
    if name:find(IS_ID) then ids[#ids + 1] = name end
  end
  return ids
end

--- The id of the newest run, if there is one.
---@return string?
function Store:newest()
  local newest
  for _, name in ipairs((check(self.folder, core.list(self.folder)))) do
    if (not newest or name > newest) and name:find(IS_ID) then newest = name end
  end
  return newest
end

-- The status of a run. One without an end record is running while a process has its journal, else it crashed.
local function status(self, id, recorded)
  if recorded then return recorded end
  return journal.held(self:journal_of(id)) and "running" or "crashed"
end

-- The history of a run's journal. Its large values are read from the file when they are asked for.
local function read(path)
  local state
  local h = history.new(function(place) return journal.record_at(path, state.reader, place) end)
  state = journal.each(path, function(record, place) history.add(h, record, place) end, history.LARGE)
  h.reader = state.reader
  return h
end

--- A run with its status.
---@param id string
---@return table history with status, and the reader of its journal, which may be closed when nothing more is asked
---  for; a damaged journal gives { id, status = "damaged", error }
function Store:look(id)
  local ok, result = xpcall(read, errors.handler, self:journal_of(id))
  if not ok then
    return { id = id, status = "damaged", error = { message = tostring(result), kind = result.kind }, damaged = result }
  end
  result.status = status(self, id, result.status)
  return result
end

-- A summary of what a run's journal says, which is kept if nobody writes the journal.
local function new_summary(self, kept, id, stamp)
  local ok, h = xpcall(read, errors.handler, self:journal_of(id))
  if not ok then
    return { id = id, status = "damaged", error = { message = tostring(h), kind = h.kind }, damaged = h }
  end
  local _reader <close> = h.reader -- thousands may be read before Lua collects one
  local summary = summaries.of(id, h)
  if h.status or not journal.held(self:journal_of(id)) then kept:put(id, stamp, summary) end
  return summary
end

-- The summary of a run: the one that is kept, or a new one. nil if the name is not that of a run, which no kept one
-- has.
local function summary_of(self, kept, id, stamp)
  local found = kept:get(id, stamp) or id:find(IS_ID) and new_summary(self, kept, id, stamp)
  if found then found.status = status(self, id, found.status) end
  return found
end

--- Summaries of all runs, oldest first. unfinished.lua says what `overtaken` has, undone.lua what `undone` and its
--- like have.
---@param except string? the id of a run that is left out
---@return table[] summaries of summaries.lua; damaged: the error of a journal that cannot be read
function Store:list(except)
  local kept, ids = self.summaries(), {}
  local names, stamps = core.stamps(self.folder, "R-", "journal")
  check(self.folder, names, stamps)
  local list = {}
  for i, id in ipairs(names) do
    local found = id ~= except and summary_of(self, kept, id, stamps[i])
    if found then
      ids[#list + 1], list[#list + 1] = id, found
    end
  end
  unfinished.mark(list, undone.is_undo)
  undone.mark(list)
  kept:save(ids)
  return list
end

--- Raises: this run store does not have such a run.
---@param word string
---@param guess string? did you mean …
function Store:unknown(word, guess) elsewhere.refuse(word, self.folder, guess) end

--- The summary of one run, as the list has it.
---@param id string
---@return table summary
function Store:summary(id)
  for _, one in ipairs(self:list()) do
    if one.id == id then return one end
  end
  self:unknown(id)
end

--- What a run is, as it began, with its status. Nothing of what it did is in memory.
---@param id string
---@return table history
function Store:origin(id)
  local _, stamps = core.stamps(self.folder, id, "journal")
  local found = summary_of(self, self.summaries(), id, stamps and stamps[1] or "")
  if found.damaged then error(found.damaged, 0) end
  local h = history.new()
  history.add(h, journal.first(self:journal_of(id)))
  h.id, h.status = id, found.status
  return h
end

--- The runs that have something to go on with.
---@param list table[]? of Store:list, where it is known already
---@return table[] summaries
function Store:unfinished(list)
  local found = {}
  for _, h in ipairs(list or self:list()) do
    if unfinished.is(h) then found[#found + 1] = h end
  end
  return found
end

--- Notes that the operator leaves a run as it is: nobody is asked to go on with it any more.
---@param id string
---@param reason string one line
function Store:dismiss(id, reason)
  unfinished.check_dismiss(self:summary(id))
  local user, host = identity.here()
  local opened = self:reopen(id)
  local _close <close> = defer(function() opened.journal:close() end)
  opened.journal:append { t = "dismiss", reason = reason, user = user, host = host, at = M.now() }
end

--- The command that starts a run again. What its journal must not have is written as a form to fill in.
---@param h table its history
---@return string
function M.run_again(h)
  local words = { h.runbook.path, h.tenant }
  local names = sorted_keys(h.params or {})
  for _, name in ipairs(names) do
    local given = h.params[name]
    words[#words + 1] = ("%s=%s"):format(name, type(given) == "string" and given or "…")
  end
  if h.runbook.severe then words[#words + 1] = "--confirm=" .. h.tenant end
  return "o2x run " .. shell.command(words)
end

--- Refuses to continue a run that has ended or was undone.
---@param h table its history
function Store:check_unfinished(h)
  if h.status == "refused" and h.undo then
    errors.input(("%s was refused and wrote nothing"):format(h.id), "start it again with o2x undo " .. h.undo.run)
  end
  if h.status == "refused" then
    errors.input(
      ("%s was refused and wrote nothing, so it cannot be resumed"):format(h.id),
      "start it again with " .. M.run_again(h)
    )
  end
  if h.status == "done" or h.status == "incomplete" then
    errors.input(("%s is already done"):format(h.id), ("o2x show %s"):format(h.id))
  end
  undone.check(self:summary(h.id))
end

--- A run by its id, or by a unique beginning or end of it.
---@param word string
---@return string id
function Store:find(word)
  local matches, ids = {}, self:ids()
  for _, id in ipairs(ids) do
    if id == word then return id end
    if #word >= 4 and (id:sub(1, #word) == word or id:sub(-#word) == word) then matches[#matches + 1] = id end
  end
  if #matches == 1 then return matches[1] end
  if #matches > 1 then errors.input(("%s could be %s"):format(word, table.concat(matches, " or "))) end
  self:unknown(word, suggest.did_you_mean(word, ids))
end

--- The source of a script from when the run started, or nil.
---@param id string
---@param path string as shown
---@return string?
function Store:source(id, path) return fs.read_if(fs.join(self:folder_of(id), "sources", path)) end

--- Gives the scripts that a run started with to the run that continues it. A copy that was removed or changed since is
--- refused: what it would do is not what was begun.
---@param h table the run's history
---@return fun(path: string): string? kept path as shown → text; nil for a script that it did not start with
function Store:kept(h)
  return function(path)
    local text, hash = self:source(h.id, path), (h.library or {})[path]
    if not hash or text and crypto.sha256(text) == hash then return text end
    errors.input(
      ("the run's own copy of %s was %s"):format(path, text and "changed" or "removed"),
      ("o2x resume %s --edited continues with the scripts as they are now"):format(h.id),
      fs.join(self:folder_of(h.id), "sources", path)
    )
  end
end

--- Keeps a script that a run loads later, unless an earlier attempt has kept it. A run that was deleted is not made
--- again by that; its next record notices.
---@param id string
---@param path string as shown
---@param text string
function Store:keep(id, path, text)
  local file = fs.join(self:folder_of(id), "sources", path)
  if not fs.exists(file) and fs.exists(self:journal_of(id)) then fs.write(file, text, { parents = true }) end
end

--- The current time in the form of the records.
M.now = function() return clock.iso(nil, 3) end

return M
