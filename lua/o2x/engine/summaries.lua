--- Summaries of the runs of a store, in one file, so that a list of very many runs need not read their journals. A
--- summary counts only as long as its journal is the same file, unchanged: the stamp (inode, size, times) says so. What
--- is missing or old is read from the journal again, and the file is only a cache: it may be removed, edited or come
--- from elsewhere. A damaged journal, and one that a process writes, have no summary.
---
--- The file is a line with a keyed tag of what follows, then a record a run (string.pack), in the order of their ids:
--- id, stamp, status, tenant, runbook, effects changed, seconds, and the rest as JSON. What a run has not is empty.

local clock = require "o2x.base.clock"
local core = require "o2x.core.fs"
local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local history = require "o2x.engine.history"
local json = require "o2x.base.json"
local program = require "o2x.core.program"

local M = {}

local NAME <const> = "summaries"
local FIRST_LINE <const> = "o2x summaries 3 %s\n"
local RECORD <const> = "<s1s1s1s1s1js1s4"
local LONGEST <const> = 255 -- bytes of a field
local LARGEST <const> = 1 << 30 -- bytes of the file
-- Seconds that a journal must have rested: a later change within the same tick of the clock would leave the same stamp.
local REST <const> = 1
-- The beginning of a stamp: when the journal was last changed, in nanoseconds.
local CHANGED <const> = "j"

-- The other fields of a summary, which are decoded when one of them is asked for.
local REST_FIELDS <const> = {
  version = true,
  fleet = true,
  params = true,
  started = true,
  ended = true,
  counts = true,
  user = true,
  error = true,
  undo = true,
  begun = true,
  dismissed = true,
}

local Summary = {
  __index = function(summary, field)
    local text = REST_FIELDS[field] and rawget(summary, "rest")
    if not text then return nil end
    summary.rest = nil
    for name, value in pairs(json.read(text)) do
      summary[name] = value
    end
    return rawget(summary, field)
  end,
}

--- The summary of a run.
---@param id string
---@param h table its history
---@return table summary id, status (false where its journal has no end), tenant, runbook, changed (effects), seconds;
---  version, fleet, params, started, ended, counts, user, error; undo: the run that it undoes, and which step;
---  begun: it wrote something, or was about to; dismissed: { reason, user, host, at }
function M.of(id, h)
  local counts = history.counts(h)
  return {
    id = id,
    status = h.status or false,
    tenant = h.tenant,
    runbook = h.runbook.name,
    version = h.runbook.version,
    fleet = h.fleet,
    changed = counts.created + counts.changed + counts.deleted,
    seconds = history.seconds(h),
    params = h.params,
    started = h.started,
    ended = h.ended,
    counts = counts,
    user = h.user,
    error = h.error,
    undo = h.undo,
    begun = h.begun,
    dismissed = h.dismissed,
  }
end

-- The record of a summary; nil if a field does not fit.
local function encode(id, stamp, summary)
  local rest = {}
  for field in pairs(REST_FIELDS) do
    rest[field] = summary[field]
  end
  local names = { id, stamp, summary.status or "", summary.tenant, summary.runbook }
  for i = 1, #names do
    if type(names[i]) ~= "string" or #names[i] > LONGEST then return nil end
  end
  return string.pack(
    RECORD,
    id,
    stamp,
    summary.status or "",
    summary.tenant,
    summary.runbook,
    summary.changed,
    tostring(summary.seconds),
    json.encode(rest)
  )
end

-- -> id, stamp, summary, where the next record is
local function decode(text, at)
  local id, stamp, status, tenant, runbook, changed, seconds, rest, next_at = string.unpack(RECORD, text, at)
  local summary = {
    id = id,
    status = status ~= "" and status,
    tenant = tenant,
    runbook = runbook,
    changed = changed,
    seconds = tonumber(seconds),
    rest = rest,
  }
  return id, stamp, setmetatable(summary, Summary), next_at
end

local Summaries = {}
Summaries.__index = Summaries

-- Where the records are in the file's text; nil if it was not written by this store.
local function first_of(text, key)
  local tag, first = text:match("^" .. FIRST_LINE:format "(%x+)" .. "()")
  return tag and crypto.hmac_sha256(key, text:sub(first)) == tag and first or nil
end

--- The summaries of a store, to be opened before the stamps of its journals are taken.
---@param folder string of the store
---@param key string of the store
---@return table summaries
function M.open(folder, key)
  local path = fs.join(folder, NAME)
  local text = core.read(path, LARGEST) or ""
  local self = setmetatable({ path = path, key = key, text = text, new = {} }, Summaries)
  self.opened, self.first = clock.now(), first_of(text, key) or #text + 1
  self.at = self.first
  return self
end

--- The summary of a run, if its journal is the one that it was made of. Runs are asked for in the order of their ids,
--- which is that of the file: one walk finds all.
---@param id string
---@param stamp string of the journal as it is now
---@return table? summary
function Summaries:get(id, stamp)
  while self.at <= #self.text do
    local found, kept, summary, next_at = decode(self.text, self.at)
    if found > id then return nil end
    self.at = next_at
    if found == id then return stamp ~= "" and kept == stamp and summary or nil end
  end
end

-- Had the journal rested when its stamp was taken?
local function has_rested(self, stamp)
  if stamp == "" then return false end
  return self.opened - string.unpack(CHANGED, stamp) / 1e9 > REST
end

--- Keeps a summary. The journal must have been read after its stamp was taken.
---@param id string
---@param stamp string
---@param summary table
function Summaries:put(id, stamp, summary)
  if has_rested(self, stamp) then self.new[id] = encode(id, stamp, summary) end
end

local function write(self, records)
  local temporary = ("%s.%d"):format(self.path, program.pid())
  os.remove(temporary)
  local head = FIRST_LINE:format(crypto.hmac_sha256(self.key, records))
  local written = core.append(temporary, head .. records, tonumber("600", 8))
  if not written or not os.rename(temporary, self.path) then os.remove(temporary) end
end

--- Writes the file, if there is something new. That it cannot be written is no error: the next list reads more.
---@param ids string[] of the runs that there are
function Summaries:save(ids)
  if not next(self.new) then return end
  local records, list, at = {}, {}, self.first
  while at <= #self.text do
    local id, _, _, next_at = decode(self.text, at)
    records[id] = self.text:sub(at, next_at - 1)
    at = next_at
  end
  for _, id in ipairs(ids) do
    list[#list + 1] = self.new[id] or records[id]
  end
  write(self, table.concat(list))
  self.new = {}
end

return M
