-- HTTP requests and tasks: instructions of the client, and that they grow as their number does. The server takes two
-- milliseconds, so that each answer is waited for: what is found at once takes other ways through libcurl.

local answer = require "bench.http.answer"
local proc = require "o2x.base.proc"

return function(count)
  local server = answer(2)
  local function ask(name, ...)
    return count.instructions { "build/o2x-dev", ("bench/%s/o2x.lua"):format(name), server.url, ... }
  end
  local start = ask("http", "1")
  local sequence = ask("http", "101") - start
  local some, many = ask("tasks", "250", "1") - start, ask("tasks", "1000", "1") - start
  proc.stop(server.child)
  return {
    ["100 requests in sequence, instructions"] = sequence,
    ["250 requests at once, instructions"] = some,
    ["1,000 requests at once, beside 250"] = count.grows(some, many),
  }
end
