-- Replies of Redis and pages of its keys, as they come in over a connection.
local listen = require "o2x.core.listen"
local net = require "o2x.core.net"
local only = require "tests.fuzz.only"
local redis = require "o2x.core.redis"

local MOST <const> = 64 * 1024 -- bytes: what a socket holds, so that nothing need be waited for

return only(function(bytes)
  local listener <close> = assert(listen.open("127.0.0.1", 0))
  local connection = assert(net.connect("127.0.0.1", listener:port()))
  local server <close> = listener:accept()
  local client <close> = redis.new(connection)
  if not server then return end
  server:write(bytes:sub(1, MOST))
  for i = 1, 100 do
    local state = i % 2 == 0 and client:reply() or client:page("a:", true)
    if not state then return end
    if state == "more" and client:fill() ~= true then return end
  end
end)
