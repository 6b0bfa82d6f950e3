--- What o2x keeps of helm, so that an unchanged tenant starts none: hashes of what a chart renders to, and the version
--- of helm. It lies in the cache of the user. Nothing in it is secret, and all of it can be found out again: an entry
--- that is missing, damaged, old or of something else only costs time, and so does a folder that cannot be written.
---
--- An entry is a file of its place ("the release sso in newclient"), so that a release has one, however often it
--- changes. It answers one question only: the hash of all that the answer depends on.

local clock = require "o2x.base.clock"
local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"

local M = {}

local FORMAT <const> = 1 -- counts up when the meaning of an entry, or of the hashes in it, changes
local LARGEST <const> = 64 << 10 -- bytes of an entry
local DAYS_KEPT <const> = 30
local MOST_ENTRIES <const> = 100000 -- of about 4 KB: releases of 5,000 tenants. Fewer, and an audit of all renders anew
local SECONDS_KEPT <const> = DAYS_KEPT * 86400
local PRIVATE_FOLDER <const> = tonumber("700", 8)

local Kept = {}
Kept.__index = Kept

--- What is kept below a cache.
---@param cache string? the user's cache folder; nil: nothing is kept
---@return table kept
function M.new(cache) return setmetatable({ folder = cache and fs.join(cache, "o2x/helm") }, Kept) end

--- The hash of all that an answer depends on.
---@param ... any plain values
---@return string question
function M.question(...) return crypto.sha256(json.encode { FORMAT, ... }) end

local function path_of(self, place) return fs.join(self.folder, crypto.sha256(json.encode(place)) .. ".json") end

local function sum_of(entry) return crypto.sha256(json.encode { entry.question, entry.at, entry.answer }) end

-- Another user's files, and what others may write, are not believed.
local function is_ours(self)
  local stat = fs.stat(self.folder)
  return stat ~= nil and stat.type == "folder" and stat.uid == fs.user() and stat.mode & tonumber("022", 8) == 0
end

local function read(self, path)
  if not is_ours(self) then return nil end
  local text = fs.read_if(path, LARGEST)
  local entry = text and json.read(text, path)
  return type(entry) == "table" and entry.sum == sum_of(entry) and entry or nil
end

--- The answer that is kept for a question.
---@param place any of the entry
---@param question string
---@param seconds number? how old it may be; 30 days if absent
---@return any answer nil if there is none
function Kept:find(place, question, seconds)
  if not self.folder then return nil end
  local ok, entry = pcall(read, self, path_of(self, place))
  if not ok or not entry or entry.question ~= question then return nil end
  local age = clock.now() - entry.at
  if age < 0 or age > (seconds or SECONDS_KEPT) then return nil end
  return entry.answer
end

-- Removes what is too old, and of too many the oldest.
local function prune(self)
  local files, now = {}, clock.now()
  for _, name in ipairs(fs.list(self.folder)) do
    local path = fs.join(self.folder, name)
    local stat = fs.stat(path, false)
    if stat and now - stat.mtime > SECONDS_KEPT then
      fs.remove(path)
    elseif stat then
      files[#files + 1] = { path = path, at = stat.mtime }
    end
  end
  if #files <= MOST_ENTRIES then return end
  table.sort(files, function(a, b) return a.at < b.at end)
  for i = 1, #files - MOST_ENTRIES do
    fs.remove(files[i].path)
  end
end

-- Whoever reads sees the old entry, the new one or none. It is not synced: what a power loss leaves of it is damaged,
-- and so does not count.
local function write(self, path, entry)
  fs.mkdir(self.folder, PRIVATE_FOLDER)
  if not is_ours(self) then return end
  if not self.pruned and not fs.exists(path) then
    self.pruned = true
    prune(self)
  end
  fs.write_scratch(path, json.encode(entry))
end

--- Keeps the answer to a question.
---@param place any of the entry; an earlier answer goes
---@param question string
---@param answer any plain, nothing secret
function Kept:keep(place, question, answer)
  if not self.folder then return end
  local entry = { at = math.floor(clock.now()), question = question, answer = answer }
  entry.sum = sum_of(entry)
  pcall(write, self, path_of(self, place), entry)
end

return M
