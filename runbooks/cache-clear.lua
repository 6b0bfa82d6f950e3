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
  help = [[
Why: stale values after a change in the database, sessions that must end, a rate limit that hit the wrong one.
Touches: the keys of Redis that begin with the tenant's id and a colon; no other tenant's. Without part and pattern, all
of them. They are counted first; plan shows how many. SCAN and UNLINK in small parts, with rests: no other client waits.
Who is logged in has to log in again (part=session); the first requests are slower until the cache is warm (part=cache).
Verify: redis-cli -u "$REDIS_URL" --scan --pattern 'TIDLT-…:session:*' | wc -l
Go back: there is nothing to go back to; the services make the keys anew.]],
  params = {
    part = { "choice", choices = cache.PARTS, optional = true, help = "only these: session, cache or rate-limit" },
    pattern = { "string", optional = true, help = "only keys that go on so after the tenant's id, as 'session:5f*'" },
  },
  effects = { "redis:write" },

  run = function(tenant, params)
    if params.part and params.pattern then invalid("part and pattern are both given: one of them says it") end
    tenant.id = tenant.id or registry.find(tenant)
    step("Clear the cache", cache.clear, tenant, params)
  end,
}
