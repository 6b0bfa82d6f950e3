--- Counts or removes the keys with a prefix with little effect on other clients: in small batches, with a pause after
--- each as long as the batch took. Uses SCAN and never KEYS, and UNLINK, which frees large values in the background.

local errors = require "o2x.base.error"
local out = require "o2x.report.out"
local paging = require "o2x.base.paging"
local task = require "o2x.base.task"
local units = require "o2x.base.units"

local M = {}

local LARGEST, SMALLEST = 1000, 50 -- buckets of one SCAN, keys of one UNLINK
local LONG = 0.003 -- seconds: a part that keeps the server busier is made smaller
local SHORTEST_REST = 0.001
local REPORT_INTERVAL = 1 -- seconds between two progress messages

--- A pattern for the keys that consist of the prefix, taken literally, and a part that matches glob.
---@param prefix string
---@param glob string? as Redis matches; "*" if absent
---@return string
function M.pattern(prefix, glob) return (prefix:gsub("[%*%?%[%]\\%^%-]", "\\%0")) .. (glob or "*") end

-- ---- pace ----

-- The round-trip time while the server is idle.
local function round_trip(client)
  local best = math.huge
  for _ = 1, 3 do
    local start = task.now()
    client:ping()
    best = math.min(best, task.now() - start)
  end
  return best
end

local function new_pace(client) return { idle = round_trip(client), count = LARGEST } end

-- Adapts the batch size to the duration of the last batch, and pauses.
local function rest(pace, seconds)
  local busy = seconds - pace.idle
  if busy > LONG then
    pace.count = math.max(pace.count // 2, SMALLEST)
  elseif busy < LONG / 3 then
    pace.count = math.min(pace.count * 2, LARGEST)
  end
  task.sleep(math.max(busy, SHORTEST_REST))
end

-- ---- progress ----

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

local function advance(progress, cursor, text)
  local share, now = share_of(progress, cursor), task.now()
  if not progress.report or now - progress.last < REPORT_INTERVAL or share == 0 then return end
  progress.last = now
  progress.report(
    ("%s, %d %% of Redis scanned, about %s left"):format(
      text(),
      share * 100 // 1,
      units.duration((now - progress.start) * (1 - share) / share)
    )
  )
end

-- ---- the walk ----

local function page_of(client, value)
  local keys = type(value) == "table" and value[2]
  local good = type(keys) == "table" and type(value[1]) == "string" and value[1]:find("^%d+$")
  for _, key in ipairs(good and keys or {}) do
    good = good and type(key) == "string"
  end
  if good then return value[1], value[2] end
  client:close()
  errors.raise { kind = "failed", module = "redis", op = "scan", message = "unexpected answer to SCAN" }
end

-- A cursor is valid on one server only. After a lost connection another server may answer, so the gate retries the
-- whole walk.
local function same_session(client, session)
  if client.core == session then return end
  errors.raise {
    kind = "unreachable",
    module = "redis",
    op = "scan",
    code = "session",
    retryable = true,
    message = "the connection to Redis was lost during the scan",
  }
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

-- take(keys) returns commands for a page of keys; they are sent with the next SCAN, and answered gets their results.
local function walk(client, prefix, options, take, answered, text)
  local pace, progress = new_pace(client), new_progress(options.progress)
  local pattern, session = M.pattern(prefix, options.glob), client.core
  local cursor, also, listed = "0", {}, paging.new("the scan of Redis", { unbounded = true })
  local visited, most = 0, PATIENCE
  repeat
    same_session(client, session)
    visited = visited + pace.count
    local start = task.now()
    local values = client:pipeline { { "SCAN", cursor, "MATCH", pattern, "COUNT", pace.count }, table.unpack(also) }
    local seconds = task.now() - start
    for i = 2, #values do
      answered(values[i])
    end
    local keys
    cursor, keys = page_of(client, values[1])
    listed:next(cursor ~= "0" and cursor or nil, #keys)
    if cursor ~= "0" then most = check_visits(client, visited, most) end
    also = take(keys)
    advance(progress, cursor, text)
    rest(pace, seconds)
  until cursor == "0"
  same_session(client, session)
  for _, value in ipairs(#also > 0 and client:pipeline(also) or {}) do
    answered(value)
  end
end

--- Counts keys.
---@param client o2x.redis.Client
---@param prefix string
---@param options { glob: string?, progress: nil|fun(text: string), seen: nil|fun(key: string) }
---@return integer
function M.count(client, prefix, options)
  local count = 0
  local function take(keys)
    count = count + #keys
    for _, key in ipairs(options.seen and keys or {}) do
      options.seen(key)
    end
    return {}
  end
  walk(client, prefix, options, take, function() end, function() return out.count(count) .. " keys found" end)
  return count
end

-- Checks every key against the prefix before it is removed, instead of trusting SCAN alone.
local function unlink_commands(client, prefix, keys)
  local commands = {}
  for first = 1, #keys, LARGEST do
    local command = { "UNLINK" }
    for i = first, math.min(first + LARGEST - 1, #keys) do
      local key = keys[i]
      client:check_key(key)
      if key:sub(1, #prefix) ~= prefix then
        errors.raise {
          kind = "refused",
          module = "redis",
          op = "unlink",
          message = ("Redis returned the key %q for the prefix %q"):format(key, prefix),
        }
      end
      command[#command + 1] = key
    end
    commands[#commands + 1] = command
  end
  return commands
end

--- Removes keys.
---@param client o2x.redis.Client
---@param prefix string
---@param options { glob: string?, progress: nil|fun(text: string) }
---@return integer removed
function M.unlink(client, prefix, options)
  local removed = 0
  walk(
    client,
    prefix,
    options,
    function(keys) return unlink_commands(client, prefix, keys) end,
    function(count) removed = removed + count end,
    function() return out.count(removed) .. " keys removed" end
  )
  return removed
end

return M
