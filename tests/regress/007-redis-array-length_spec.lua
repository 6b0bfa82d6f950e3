-- A server that announced an array of 1,000,000,000 elements made o2x allocate and free 8 GB before it read any.
local listen = require "o2x.core.listen"
local raised = require "tests.support.raised"
local redis = require "o2x.client.redis"
local task = require "o2x.base.task"

describe("the length of a Redis array", function()
  it("costs nothing when it is more than a reply can hold", function()
    local listener <close> = assert(listen.open("127.0.0.1", 0))
    local server = task.spawn(function()
      while true do
        local connection <close> = listener:accept()
        if connection then
          task.wait_fd(connection:fd(), "r")
          connection:write "*1000000000\r\n"
        end
        task.wait_fd(listener:fd(), "r", math.huge)
      end
    end)
    local client <close> = redis.connect { url = "redis://127.0.0.1:" .. listener:port() }
    local start = os.clock()
    assert.matches("a reply that is too large", raised(client.command, client, "GET", "x").message)
    assert.is_true(os.clock() - start < 0.5)
    server:cancel()
    server:wait(nil, true)
  end)
end)
