--- The tenant's keys in Redis (guide: "Key Prefixing Pattern", "Clear Cache"). Redis is shared: whatever is removed
--- begins with the tenant's own id.

local naming = require "stdlib.naming"
local redis = require "o2x.redis"

local M = {}

--- What the services keep there: TENANT-ID:PART:…
M.PARTS = { "session", "cache", "rate-limit" }

-- The guide writes patterns with the id in front; without it they mean the same.
local function after_prefix(tenant, pattern)
  local id, rest = pattern:match("^(TIDLT%-[^:]*):(.*)$")
  if id == tenant.id then return rest end
  if naming.is_tenant_id(id) or pattern:find "^TIDLT%-" then
    invalid(
      ("pattern=%s is not %s's: its keys begin with %s:"):format(pattern, tenant.name, tenant.id),
      "the pattern is what follows that, such as pattern=session:*"
    )
  end
  return pattern
end

--- Removes the tenant's keys: all, those of one part, or those that a pattern says.
---@param tenant table
---@param params { part: string?, pattern: string? }
function M.clear(tenant, params)
  local prefix = tenant.id .. ":"
  if params.pattern then
    redis.clear(prefix, after_prefix(tenant, params.pattern))
  elseif params.part then
    redis.clear(prefix .. params.part .. ":")
  else
    redis.clear(prefix)
  end
end

return M
