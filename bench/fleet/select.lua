-- Selects tenants by a field, as o2x run --tenants=region=… does before its first run: FOLDER COUNT

local config = require "o2x.project.config"
local fleets = require "o2x.engine.fleet"
local project = require "o2x.project.project"
local task = require "o2x.base.task"

local folder, count = arg[2], tonumber(arg[3])
local place = project.at(folder)
local start = task.now()
local names = fleets.select(place, config.load(place), "env=sandbox,region=us-east-1")
assert(#names == count // 2, #names)
print(("also: %.0f µs a tenant"):format((task.now() - start) / count * 1e6))
