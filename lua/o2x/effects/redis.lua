--- Redis for runbooks: information about the server, the number of the tenant's keys, and their removal.

local errors = require "o2x.base.error"
local out = require "o2x.report.out"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"
local sweep = require "o2x.client.redis.sweep"

-- The prefix of "TIDLT-100008:*" or "TIDLT-100008:session:".
local function prefix_of(pattern)
  local prefix = type(pattern) == "string" and pattern:gsub("%*$", "")
  if not prefix or prefix:find "[%*%?%[%]\\]" then
    errors.raise {
      kind = "input",
      module = "redis",
      op = "count",
      message = ("%q is not a prefix such as TIDLT-100008:session:*"):format(tostring(pattern)),
    }
  end
  return prefix
end

-- redis-cli takes the password from the URL, or from REDISCLI_AUTH.
local CLI <const> = [[redis-cli -u "${REDIS_URL:?}"]]

local function scan(prefix, glob)
  return ("%s --scan --pattern %s"):format(CLI, shell.quote(sweep.pattern(prefix, glob)))
end

local count = {
  kind = "redis.count",
  class = "read",
  look = function(_, prefix) return { scan(prefix) .. " | wc -l" } end,
  key = function(target) return target end,
  read = function(ctx, prefix) return ctx:client "redis":count(prefix) end,
}

local info = {
  kind = "redis.info",
  class = "read",
  key = function(target) return target end,
  read = function(ctx, section) return ctx:client "redis":info(section ~= "all" and section or nil) end,
}

local ping = {
  kind = "redis.ping",
  class = "read",
  look = function() return { CLI .. " ping" } end,
  key = function() return "ping" end,
  read = function(ctx) return ctx:client "redis":ping() end,
}

-- ---- removing keys ----

local function some(n) return n == 1 and "1 key" or out.count(n) .. " keys" end

-- Keys with a prefix, or nil if there are none. A plan counts them: { keys = n, parts = { session = n … } }. A run only
-- looks whether there are any, { keys = "some" }, and counts what it removes: its walk stops at the first page that has
-- keys, and the write goes on from there. Running services write new keys during and after the removal. These are not
-- left over, so a target that was swept reads as empty: that its keys are gone, the walk itself proves (sweep.lua).
local keys = {
  kind = "redis.keys",
  rights = { redis = { "SCAN", "UNLINK" } },
  rehearsal = { none = "keys of caches and sessions are data" },
  class = "idempotent",
  guard = "none: no key is compared, and all with the prefix go; the walk itself proves that they are gone",
  -- Services write keys all the time: they are never a conflict.
  interim = function() return true end,
  image = function(value) return value and { keys = "some" } end, -- a run does not count them before it removes them
  record = function(target) return { prefix = target.prefix, glob = target.glob, whole = target.whole } end,
  undo = {
    before = "that there are keys; the result has their number",
    how = "not possible",
    never = true,
    cannot = "removed keys: services fill their caches again, users log in again",
  },
  key = function(target) return target.prefix .. (target.glob or "*") end,
}

local function begin(ctx, target, remove)
  return ctx:client("redis"):walk(target.prefix, { glob = target.glob, remove = remove, progress = ctx.progress })
end

local function count_keys(ctx, target)
  local walk = begin(ctx, target, false)
  walk:finish()
  if walk.keys > 0 then return { keys = walk.keys, parts = target.whole and walk.parts or nil } end
end

function keys.read(ctx, target)
  if ctx.mode == "plan" then return count_keys(ctx, target) end
  if target.swept then return nil end
  target.walk = begin(ctx, target, true)
  return target.walk:find() and { keys = "some" } or nil
end

function keys.info(_, target)
  return { removed = target.removed or "unknown", parts = target.whole and target.removed and target.parts or nil }
end

-- A write to a replica would be lost, or refused halfway.
local function check_primary(ctx, client)
  local replication = client:info "replication"
  if replication.role == nil or replication.role == "master" then return end
  ctx:log("warning", ("Redis is a replica of %s:%s now"):format(replication.master_host, replication.master_port))
  client:close() -- the name may resolve to another server by now
  errors.raise {
    kind = "unreachable",
    module = "redis",
    op = "unlink",
    code = "READONLY",
    retryable = true,
    message = ("this Redis is a replica of %s:%s"):format(replication.master_host, replication.master_port),
    hint = "set REDIS_URL to the primary; a failover may be under way",
  }
end

-- Finishes a walk, and counts what it has removed, which a lost connection may have cut short.
local function finish(target, walk)
  local ok, err = pcall(walk.finish, walk)
  target.removed, target.parts = (target.removed or 0) + walk.removed, target.parts or {}
  for part, n in pairs(walk.removed > 0 and walk.parts or {}) do
    target.parts[part] = (target.parts[part] or 0) + n
  end
  if not ok then error(err, 0) end
  return walk.ignored or walk.keys > 0 and walk.removed == 0
end

local WALKS <const> = 3

local function fail_ignored(target, walk)
  local some_removed = walk.removed > 0
  errors.raise {
    kind = "failed",
    module = "redis",
    op = "unlink",
    message = ("Redis says that it removed %s with the prefix %s%s"):format(
      some_removed and some(walk.removed) or "none of " .. some(walk.keys),
      target.prefix,
      some_removed and ", and they are still there" or ""
    ),
    hint = "look at what stands between: a proxy, or a command that was renamed",
  }
end

-- Redis answers how many keys it has removed. If it has removed none of those that it gave, or they are there right
-- after that, they were gone by themselves, or it ignores the command: then other walks find them again.
local function remove_all(ctx, target, walk)
  for left = WALKS - 1, 0, -1 do
    if not finish(target, walk) then return end
    if left == 0 then fail_ignored(target, walk) end
    walk = begin(ctx, target, true)
  end
end

-- "3 keys removed: 2 of cache, 1 of session"
local function removed_text(target)
  local list = {}
  for i, name in ipairs(target.whole and sorted_keys(target.parts) or {}) do
    list[i] = ("%s of %s"):format(out.count(target.parts[name]), name)
  end
  return some(target.removed) .. " removed" .. (#list > 0 and ": " or "") .. table.concat(list, ", ")
end

function keys.write(ctx, target, desired, before)
  if desired ~= nil then
    errors.raise {
      kind = "failed",
      module = "redis",
      op = "unlink",
      message = "removed keys cannot be restored",
      hint = "services fill their caches again; users log in again",
    }
  end
  check_primary(ctx, ctx:client "redis")
  local walk = target.walk or begin(ctx, target, true)
  target.walk = nil -- after a failure the gate reads again
  remove_all(ctx, target, walk)
  target.swept = true
  ctx:log("info", removed_text(target))
  return keys.info(ctx, target)
end

local function lines_of(parts, total)
  local lines, names = {}, sorted_keys(parts or {})
  for i, name in ipairs(names) do
    lines[i] = ("- %s of %s"):format(some(parts[name]), name)
  end
  lines[#lines + 1] = ("- %s%s"):format(some(total), #names > 0 and " in all" or "")
  return lines
end

-- A key may have spaces and quotes in it: xargs takes each line for a key.
function keys.by_hand(_, target)
  return { ([[%s | xargs -r -d '\n' -n 500 %s unlink]]):format(scan(target.prefix, target.glob), CLI) }
end

function keys.show(target, before)
  local lines = {}
  if before then lines = before.keys == "some" and { "- all of them" } or lines_of(before.parts, before.keys) end
  return { title = "Redis " .. keys.key(target), lines = lines }
end

local function input(message, hint)
  errors.raise { kind = "input", module = "redis", op = "clear", message = message, hint = hint }
end

-- A pattern matches what follows the prefix. One that begins with a wildcard was probably meant for whole keys.
local function check_glob(glob)
  if type(glob) ~= "string" or glob == "" then input("a pattern must not be empty", "such as session:*") end
  if glob:find "^[%*%?%[\\]" then
    input(
      ("pattern %q begins with a wildcard"):format(glob),
      "it is matched after the tenant's prefix: such as session:*"
    )
  end
end

local function clear(ctx, prefix, glob)
  if glob ~= nil then check_glob(glob) end
  local whole = false
  for _, granted in ipairs(ctx.scope.redis or {}) do
    whole = whole or prefix == granted
  end
  local target = { prefix = prefix, glob = glob, whole = whole and not glob }
  local _, outcome = ctx:effect("redis.keys", target, nil)
  return target.removed or 0, outcome
end

return {
  name = "redis",
  declares = "redis:write",
  types = { count, info, ping, keys },
  api = function(ctx)
    return {
      --- Removes the keys with a prefix of the tenant's, in batches that do not block the server.
      ---@param prefix string "TIDLT-100008:" or a longer one
      ---@param glob string? only keys that match it after the prefix: "user-1*"
      ---@return integer removed
      ---@return string outcome
      clear = function(prefix, glob) return clear(ctx, prefix, glob) end,
      --- The answer of INFO as a table, with numbers as numbers.
      ---@param section string?
      ---@return table
      info = function(section) return ctx:read("redis.info", section or "all") end,
      --- The number of keys with a prefix of the tenant's.
      ---@param pattern string "TIDLT-100008:*"
      ---@return integer
      count = function(pattern) return ctx:read("redis.count", prefix_of(pattern)) end,
      --- Checks that the server answers; raises if not.
      ---@return boolean
      ping = function() return ctx:read("redis.ping", "ping") end,
    }
  end,
}
