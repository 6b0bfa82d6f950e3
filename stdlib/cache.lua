--- The tenant's keys in Redis (guide: "Key Prefixing Pattern", "Clear Cache"). Redis is shared, so
--- every key that is removed begins with the tenant's own id.

local naming = require "stdlib.naming"
local redis = require "o2x.redis"

local M = {}

--- The parts of the keys that the services write: TENANT-ID:PART:…
M.PARTS = { "session", "cache", "rate-limit" }

-- A pattern may begin with the tenant's own id, as in the guide.
local function after_prefix(tenant, pattern)
  local id, rest = pattern:match("^(TIDLT%-[^:]*):(.*)$")
  if id == tenant.id then return rest end
  if naming.is_tenant_id(id) or pattern:find "^TIDLT%-" then
    invalid(
      ("pattern=%s does not belong to %s, whose keys begin with %s:"):format(pattern, tenant.name, tenant.id),
      "give only what follows, such as pattern=session:*"
    )
  end
  return pattern
end

--- An input error if both a part and a pattern are given.
---@param params { part: string?, pattern: string? }
function M.check(params)
  if params.part and params.pattern then invalid("part and pattern are both given: give only one") end
end

--- Removes the tenant's keys: all of them, those of one part, or those that match a pattern. An input error if the
--- pattern names another tenant.
---@param tenant table
---@param params { part: string?, pattern: string? } part: one of M.PARTS; pattern: a Redis glob after the tenant's id
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
