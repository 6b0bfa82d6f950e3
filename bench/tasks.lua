--- Many tasks at once, each with a few round trips one after the other.

local answer = require "bench.http.answer"
local proc = require "o2x.base.proc"

local TASKS <const>, TRIPS <const> = 1000, 5

local function check(result) assert(result.stdout:find(TASKS * TRIPS .. " answers", 1, true), result.stdout) end

return {
  title = ("%d tasks at once, each with %d HTTP round trips"):format(TASKS, TRIPS),
  differs = "a task of the floor is a counter; one of o2x is a coroutine with deadline, cancellation and result",
  setup = function() return answer() end,
  teardown = function(server) proc.stop(server.child) end,
  contenders = function(server)
    local words = { server.url, tostring(TASKS), tostring(TRIPS) }
    return {
      { name = "floor: libcurl on libuv", argv = { "build/bench/tasks", table.unpack(words) }, check = check },
      { name = "o2x", argv = { "build/o2x-dev", "bench/tasks/o2x.lua", table.unpack(words) }, check = check },
      {
        name = "Python aiohttp",
        argv = { "python3", "bench/tasks/aiohttp_peer.py", table.unpack(words) },
        check = check,
        missing = "python3 -m pip install aiohttp",
        probe = { "python3", "-c", "import aiohttp" },
      },
    }
  end,
  must = { { "o2x", 1.3, "floor: libcurl on libuv" } },
}
