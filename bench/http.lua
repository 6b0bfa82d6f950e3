--- Small requests one after the other, on one connection.

local answer = require "bench.http.answer"
local proc = require "o2x.base.proc"

local COUNT <const> = 5000

local function check(result) assert(result.stdout:find(COUNT .. " answers", 1, true), result.stdout) end

return {
  title = COUNT .. " small HTTP requests in sequence",
  differs = "the floor neither checks grants nor masks the token; requests checks neither",
  setup = function() return answer() end,
  teardown = function(server) proc.stop(server.child) end,
  contenders = function(server)
    local count = tostring(COUNT)
    return {
      { name = "floor: curl_easy", argv = { "build/bench/http", server.url, count }, check = check },
      { name = "o2x", argv = { "build/o2x-dev", "bench/http/o2x.lua", server.url, count }, check = check },
      {
        name = "Python requests",
        argv = { "python3", "bench/http/requests_peer.py", server.url, count },
        check = check,
        missing = "python3 -m pip install requests",
        probe = { "python3", "-c", "import requests" },
      },
    }
  end,
  must = { { "o2x", 1.10, "floor: curl_easy" } },
}
