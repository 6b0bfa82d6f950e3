--- Redis for runbooks: information about the server, the number of the tenant's keys, and their removal.

local errors = require "o2x.base.error"
local out = require "o2x.report.out"
local sorted_keys = require "o2x.base.sorted_keys"

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

local count = {
  kind = "redis.count",
  class = "read",
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
  key = function() return "ping" end,
  read = function(ctx) return ctx:client "redis":ping() end,
}

-- ---- removing keys ----

local MOST_PARTS = 20

local function some(n) return n == 1 and "1 key" or out.count(n) .. " keys" end

-- Keys with a prefix: { keys = n, parts = { session = n … } }, or nil if there are none. Running services write new
-- keys during and after the removal. These are not left over, so a target that was swept reads as empty.
local keys = {
  kind = "redis.keys",
  class = "idempotent",
  -- Services write keys all the time: they are never a conflict.
  interim = function() return true end,
  info = function(_, target) return { removed = target.removed or "unknown" } end,
  undo = {
    before = "the number of keys",
    how = "not possible",
    cannot = "removed keys: services fill their caches again, users log in again",
  },
  key = function(target) return target.prefix .. (target.glob or "*") end,
}

-- Counts a tenant's keys by what follows the prefix: session, cache, rate-limit.
local function counter(target)
  local parts, known = {}, 0
  return parts,
    function(key)
      local part = key:match("^([%w_-]+):", #target.prefix + 1) or "(others)"
      if not parts[part] and known >= MOST_PARTS then part = "(others)" end
      if not parts[part] then
        parts[part], known = 0, known + 1
      end
      parts[part] = parts[part] + 1
    end
end

function keys.read(ctx, target)
  local parts, seen
  if target.whole then
    parts, seen = counter(target)
  end
  local found = ctx:client("redis"):count(target.prefix, { glob = target.glob, progress = ctx.progress, seen = seen })
  if not target.swept then return found > 0 and { keys = found, parts = parts } or nil end
  if found > 0 then ctx:log("info", ("services have written %s since"):format(some(found))) end
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
  local client = ctx:client "redis"
  check_primary(ctx, client)
  ctx:log("info", ("%s to remove"):format(some(before and before.keys or 0)))
  local removed = client:unlink(target.prefix, { glob = target.glob, progress = ctx.progress })
  target.swept, target.removed = true, (target.removed or 0) + removed
  return { removed = removed }
end

function keys.show(target, before)
  local lines, names = {}, sorted_keys(before and before.parts or {})
  for i, name in ipairs(names) do
    lines[i] = ("- %s of %s"):format(some(before.parts[name]), name)
  end
  if before then lines[#lines + 1] = ("- %s%s"):format(some(before.keys), #names > 0 and " in all" or "") end
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
