--- Clears a tenant's keys in Redis (guide: "Emergency Procedures", Clear Cache).

local cache = require "stdlib.cache"
local registry = require "stdlib.registry"
local runbook = require "o2x.runbook"

return runbook {
  name = "cache-clear",
  version = "1.0.0",
  api = 1,
  severe = true,
  summary = "Remove a tenant's sessions, cached values and rate limits from Redis",
  emergency = "TENANT --confirm=TENANT",
  help = [[
Why:     stale values after a change in the database, sessions that must end, or a wrong rate limit.
Does:    removes the keys that begin with the tenant's id and a colon, with SCAN and UNLINK, and counts them. A batch
         is as large as keeps Redis busy for one to two milliseconds, so that other clients do not wait. Without part=
         and pattern= it removes all of them.
Touches: this tenant's keys only. With part=session, users must log in again; with part=cache, the first requests are
         slower until the cache is warm.
Before:  o2x plan cache-clear TENANT shows how many keys, and changes nothing
Verify:  redis-cli -u "$REDIS_URL" --scan --pattern 'TIDLT-…:session:*' | wc -l
Undo:    not possible, and not needed: the services create the keys again.]],
  params = {
    part = { "choice", choices = cache.PARTS, optional = true, help = "only session, cache or rate-limit keys" },
    pattern = { "string", optional = true, help = "only keys that match this after the tenant's id, as 'session:5f*'" },
  },
  effects = { "redis:write" },

  run = function(tenant, params)
    cache.check(params)
    tenant.id = tenant.id or registry.find(tenant)
    step("Clear the cache", cache.clear, tenant, params)
  end,
}
