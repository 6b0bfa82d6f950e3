-- Reads a journal as a resumed run does, and prints the time of a record: replay.lua FILE

local history = require "o2x.engine.history"
local journal = require "o2x.engine.journal"
local task = require "o2x.base.task"

local start = task.now()
local state
local h = history.new(function(place) return journal.record_at(arg[2], state.reader, place) end)
state = journal.each(arg[2], function(record, place) history.add(h, record, place) end, history.LARGE)
local seconds = task.now() - start
assert(#h.effects > 0)
print(("also: %.1f µs a record"):format(seconds / state.number * 1e6))
print(("figure: %.9f"):format(seconds))
