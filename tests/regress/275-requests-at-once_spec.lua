-- The start and the end of a request each looked at all the others: a thousand at once took nine seconds of the
-- processor, and four times as many took sixty times as long.

local http = require "o2x.client.http"
local listen = require "o2x.core.listen"
local task = require "o2x.base.task"

-- Nobody listens there: all the work is the client's.
local function closed_port()
  local listener <close> = assert(listen.open("127.0.0.1", 0))
  return listener:port()
end

-- Seconds of the processor that so many requests take, of a few tries the fewest.
local function cost(count)
  local list, least = {}, math.huge
  for i = 1, count do
    list[i] = i
  end
  local request = { url = ("http://127.0.0.1:%d/"):format(closed_port()) }
  for _ = 1, 3 do
    local began = os.clock()
    task.each(list, function() return (pcall(http.request, request)) end)
    least = math.min(least, os.clock() - began)
  end
  return least
end

describe("requests at once", function()
  it("cost the same each, however many there are", function()
    cost(100)
    local some, many = cost(500), cost(2000)
    assert.is_true(many < some * 8, ("500: %.3f s, 2000: %.3f s"):format(some, many))
  end)
end)
