--- Redis for runbooks: what the server says of itself, and how many keys the tenant has there.

local errors = require "o2x.error"

-- "TIDLT-100008:*" or "TIDLT-100008:session:" → the prefix that it means.
local function prefix_of(pattern)
  local prefix = type(pattern) == "string" and pattern:gsub("%*$", "")
  if not prefix or prefix:find "[%*%?%[%]\\]" then
    errors.raise { kind = "input", module = "redis", op = "count",
      message = ("%q is not a prefix such as TIDLT-100008:session:*"):format(tostring(pattern)) }
  end
  return prefix
end

local count = {
  kind = "redis.count",
  class = "read",
  key = function(target) return target end,
  read = function(ctx, prefix) return ctx.client("redis"):count(prefix) end,
}

local info = {
  kind = "redis.info",
  class = "read",
  key = function(target) return target end,
  read = function(ctx, section) return ctx.client("redis"):info(section ~= "all" and section or nil) end,
}

local ping = {
  kind = "redis.ping",
  class = "read",
  key = function() return "ping" end,
  read = function(ctx) return ctx.client("redis"):ping() end,
}

return {
  name = "redis",
  declares = "redis:write",
  types = { count, info, ping },
  api = function(ctx)
    return {
      --- What INFO says, as a table; numbers as numbers.
      ---@param section string?
      ---@return table
      info = function(section) return ctx:read("redis.info", section or "all") end,
      --- The number of keys with a prefix of the tenant's.
      ---@param pattern string "TIDLT-100008:*"
      ---@return integer
      count = function(pattern) return ctx:read("redis.count", prefix_of(pattern)) end,
      --- Is the server there? Raises if not.
      ---@return boolean
      ping = function() return ctx:read("redis.ping", "ping") end,
    }
  end,
}
