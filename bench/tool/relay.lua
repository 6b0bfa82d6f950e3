-- A relay as a program: relay.lua PORT MILLISECONDS [FILE]. Prints the port that it listens on; ends when its standard
-- input does. FILE gets the first bytes of each round trip, and at the end the counts.

package.path = "./?.lua;" .. package.path

local relay = require "tests.support.relay"
local task = require "o2x.base.task"

local port, milliseconds, path = math.tointeger(tonumber(arg[2])), tonumber(arg[3]), arg[4]
local file = path and assert(io.open(path, "w"))

local function note(bytes)
  if file then file:write(bytes:gsub("%c+", " "), "\n") end
end

local one = relay.open { port = port, seconds = milliseconds / 1000, on_turn = note }
print(one.port)
io.stdout:flush()
task.wait_fd(0, "r", math.huge)
if file then
  file:write(("connections %d, round trips %d\n"):format(one.connections, one.turns))
  file:close()
end
os.exit(0)
