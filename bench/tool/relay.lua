-- A relay as a program: relay.lua PORT MILLISECONDS FILE. Writes the port that it listens on into the file, and serves
-- until it is ended.

package.path = "./?.lua;" .. package.path

local fs = require "o2x.base.fs"
local relay = require "tests.support.relay"
local task = require "o2x.base.task"

local one = relay.open { port = math.tointeger(tonumber(arg[2])), seconds = tonumber(arg[3]) / 1000 }
fs.write(arg[4], tostring(one.port))
task.wait(task.event(), math.huge)
