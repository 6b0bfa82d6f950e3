--- Small requests, many of them in flight.

local answer = require "bench.http.answer"
local proc = require "o2x.base.proc"

local COUNT <const>, IN_FLIGHT <const> = 5000, 64

local function check(result) assert(result.stdout:find(COUNT .. " answers", 1, true), result.stdout) end

return {
  title = ("%d small HTTP requests, %d in flight"):format(COUNT, IN_FLIGHT),
  differs = "o2x starts a task a request, and has at most 16 requests to a server under way",
  setup = function() return answer() end,
  teardown = function(server) proc.stop(server.child) end,
  contenders = function(server)
    local words = { server.url, tostring(COUNT), tostring(IN_FLIGHT) }
    return {
      { name = "floor: curl_multi", argv = { "build/bench/flight", table.unpack(words) }, check = check },
      { name = "o2x", argv = { "build/o2x-dev", "bench/flight/o2x.lua", table.unpack(words) }, check = check },
      {
        name = "Python aiohttp",
        argv = { "python3", "bench/flight/aiohttp_peer.py", table.unpack(words) },
        check = check,
        missing = "python3 -m pip install aiohttp",
        probe = { "python3", "-c", "import aiohttp" },
      },
    }
  end,
  must = { { "o2x", 1.15, "floor: curl_multi" } },
}
