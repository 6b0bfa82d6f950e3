--- A walk over the keys with a prefix, which counts them or removes them as it goes, with little effect on other
--- clients. Uses SCAN and never KEYS, and UNLINK, which frees large values in the background.
---
--- One walk is enough to remove all keys that were there when it began, and nobody else's:
---
---   - SCAN gives each key that is there from the beginning of a walk to its end, whatever happens to the others
---     meanwhile. Each key that it gives is removed with the next page, and Redis answers how many were removed. A walk
---     that ends without an error is the proof; looking again would find only what was written since.
---   - A server, or what stands before it, may answer and remove nothing. So of one page the same round trip asks
---     whether the keys are gone: nobody comes in between. Where the user may not ask (EXISTS), that stays unseen.
---   - Each key is compared with the prefix, byte by byte, before it is written into a command (redis_page.c). The
---     prefix is one of the tenant's own, or begins with one.
---   - What a service writes behind the walk stays: nobody chases it. What it writes ahead of the walk cannot be told
---     from what was there before, and goes.
---   - A cursor is good on one connection only. A walk whose connection is lost fails, and is begun anew.

local errors = require "o2x.base.error"
local out = require "o2x.report.out"
local paging = require "o2x.base.paging"
local task = require "o2x.base.task"
local units = require "o2x.base.units"

local M = {}

---@class o2x.redis.WalkOptions
---@field glob string? what follows the prefix, as Redis matches; "*" if absent
---@field remove boolean? remove the keys
---@field progress nil|fun(text: string)

---@class o2x.redis.Walk
---@field keys integer that it has found
---@field removed integer that it has removed
---@field ignored boolean? keys that Redis says it has removed were there right after that
---@field parts table<string, integer> how many of these keys have which word between the prefix and a colon
local Walk = {}
Walk.__index = Walk

--- A pattern for the keys that consist of the prefix, taken literally, and a part that matches glob.
---@param prefix string
---@param glob string? as Redis matches; "*" if absent
---@return string
function M.pattern(prefix, glob) return (prefix:gsub("[%*%?%[%]\\%^%-]", "\\%0")) .. (glob or "*") end

-- ---- pace ----

-- Redis serves nobody else while it works on a page, so a page is as large as keeps it busy for this long. A larger one
-- would save few round trips, and its keys would have left the processor's cache when they are removed.
local AIM <const> = 0.0015 -- seconds
local FIRST <const>, SMALLEST <const>, LARGEST <const> = 250, 50, 2000 -- keys that a SCAN looks at
local UNTIMED <const> = 500 -- where the user may not ask for the server's time

-- A page takes its time not from its number of keys alone: it may have been a bad moment.
local function next_count(count, seconds)
  if not seconds then return UNTIMED end
  local wanted = seconds > 0 and count * AIM / seconds or LARGEST
  return math.max(SMALLEST, math.min(LARGEST, count * 2, math.max(count // 2, wanted // 1 | 0)))
end

-- A server that is slow even with the smallest page has enough to do: it gets as much time for others.
local function rest(count, seconds)
  if seconds and seconds > AIM and count <= SMALLEST then task.sleep(seconds) end
end

-- ---- progress ----

local REPORT_INTERVAL <const> = 1 -- seconds between two messages

local function new_progress(report) return { report = report, bits = 1, start = task.now(), last = task.now() } end

-- SCAN increments its cursor with the bits reversed: over a table of 2^bits buckets, the first cursors are large.
local function share_of(progress, cursor)
  local number = math.tointeger(tonumber(cursor)) or 0
  while number >> progress.bits > 0 and progress.bits < 62 do
    progress.bits = progress.bits + 1
  end
  local place = 0
  for _ = 1, progress.bits do
    place, number = place << 1 | number & 1, number >> 1
  end
  return place / (1 << progress.bits)
end

local function report(walk)
  local progress, now = walk.progress, task.now()
  local share = share_of(progress, walk.cursor)
  if not progress.report or now - progress.last < REPORT_INTERVAL or share == 0 then return end
  progress.last = now
  progress.report(
    ("%s keys %s, %d %% of Redis scanned, about %s left"):format(
      out.count(walk.remove and walk.removed or walk.keys),
      walk.remove and "removed" or "found",
      share * 100 // 1,
      units.duration((now - progress.start) * (1 - share) / share)
    )
  )
end

-- ---- the end ----

local PATIENCE <const> = 1000000 -- buckets or keys of which nobody asks why there are so many
local BUCKETS <const> = 32 -- a table that has shrunk may have so many buckets for each key, and be walked twice

-- How much a walk may visit: SCAN visits all keys of the database and all buckets of its table.
local function most_visits(client)
  local ok, info = pcall(client.info, client, "keyspace")
  if not ok then return math.huge end -- it may not be permitted; the number of pages is limited, too
  local database = info[("db%d"):format(client.place.db or 0)]
  local keys = type(database) == "table" and math.tointeger(database.keys) or 0
  return PATIENCE + BUCKETS * keys
end

local function check_visits(client, visited, most)
  if visited <= most then return most end
  most = most_visits(client)
  if visited <= most then return most end
  client:close()
  errors.raise {
    kind = "failed",
    module = "redis",
    op = "scan",
    code = "endless",
    message = ("the scan of Redis does not end: it has visited %d places, more than the database can have"):format(
      visited
    ),
  }
end

-- ---- the walk ----

--- Begins a walk.
---@param client o2x.redis.Client
---@param prefix string
---@param options o2x.redis.WalkOptions
---@return o2x.redis.Walk
function M.new(client, prefix, options)
  return setmetatable({
    client = client,
    prefix = prefix,
    pattern = M.pattern(prefix, options.glob),
    remove = options.remove or false,
    progress = new_progress(options.progress),
    listed = paging.new("the scan of Redis", { unbounded = true }),
    cursor = "0", -- of the next page, nil after the last one
    count = FIRST,
    visited = 0,
    most = PATIENCE,
    keys = 0,
    removed = 0,
    parts = {},
    last_parts = {},
  }, Walk)
end

local MOST_PARTS <const> = 20

-- Adds the parts of a page: session, cache, rate-limit.
local function add_parts(parts, more)
  local known = 0
  for _ in pairs(parts) do
    known = known + 1
  end
  for part, count in pairs(more) do
    if part == "" or not parts[part] and known >= MOST_PARTS then part = "(others)" end
    if not parts[part] then known = known + 1 end
    parts[part] = (parts[part] or 0) + count
  end
end

local function go_on(self, page)
  self.visited = self.visited + self.count
  self.cursor = page.cursor ~= "0" and page.cursor or nil
  self.listed:next(self.cursor, page.keys)
  if not self.cursor then return end
  self.most = check_visits(self.client, self.visited, self.most)
  report(self)
  rest(self.count, page.seconds)
  self.count = next_count(self.count, page.seconds)
end

-- Sends the commands that remove the last page, and takes the next one.
local function advance(self)
  self.prove = not self.proved and self.unlinks == 1
  self.proved = self.proved or self.prove
  local page = self.client:page(self)
  self.connection, self.unlink, self.unlinks = page.connection, page.unlink, page.unlinks
  self.ignored = self.ignored or page.left ~= nil and page.left > 0 and page.left >= page.removed
  self.keys, self.removed = self.keys + page.keys, self.removed + page.removed
  add_parts(self.parts, self.remove and self.last_parts or page.parts)
  self.last_parts = page.parts
  if self.cursor then go_on(self, page) end
end

--- Goes on to the first page that has keys, which are not removed yet.
---@return boolean found
function Walk:find()
  while self.cursor and self.keys == 0 do
    advance(self)
  end
  return self.keys > 0
end

--- Goes on to the end.
function Walk:finish()
  while self.cursor or self.unlink do
    advance(self)
  end
end

return M
