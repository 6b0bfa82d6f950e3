-- A tenant's keys are removed from Redis, as a user who may not ask for the server's time: then pages are of one size,
-- and so the work for each key is the same each time.

local servers = require "tests.support.servers"

local PREFIX <const> = "TIDLT-100008:"
local FILL <const> = "for i = 1, tonumber(ARGV[2]) do redis.call('SET', ARGV[1] .. 'session:' .. i, 'x') end"

return function(count)
  local server = servers.start "redis"
  local function cli(...) server.client("redis-cli", "--no-auth-warning", "-u", server.env.REDIS_URL, ...) end
  local function instructions(keys)
    cli("EVAL", FILL, "0", PREFIX, tostring(keys))
    local url = ("redis://narrow:narrow@127.0.0.1:%d/0"):format(server.port)
    return count.instructions { "build/o2x-dev", "bench/flush/o2x.lua", url, PREFIX }
  end
  cli("ACL", "SETUSER", "narrow", "on", ">narrow", "~" .. PREFIX .. "*", "-@all", "+info", "+scan", "+unlink")
  local small, large = instructions(20000), instructions(80000)
  server.stop()
  return { ["a removed key, instructions"] = (large - small) // 60000 }
end
