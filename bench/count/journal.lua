-- What a record costs when it is written, and when it is read again; and a run in a list of very many.

local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local setting = dofile "bench/runs/setting.lua"

-- The list of a store, until it has summaries of all: a journal must rest for a moment before one is kept.
local function settle(folder, runs)
  local last, deadline = ("R-20260210-000000-%04x"):format(runs), os.time() + 60
  repeat
    assert(proc.run({ argv = { "build/o2x", "runs" }, env = { O2X_STATE = folder } }).code == 0)
    assert(os.time() < deadline, "no summaries")
  until (fs.read_if(folder .. "/summaries") or ""):find(last, 1, true)
end

return function(count)
  local function writing(records, tasks)
    local file = fs.join(count.folder, ("written-%d-%d"):format(records, tasks))
    fs.remove(file)
    return { "build/o2x-dev", "bench/journal/o2x.lua", file, tostring(records), tostring(tasks) }
  end
  local function reading(effects)
    local file = fs.join(count.folder, "read-" .. effects)
    setting.journal(file, effects, 100)
    return count.instructions { "build/o2x-dev", "bench/runs/replay.lua", file }
  end
  local function listing(runs)
    local folder = fs.join(count.folder, "runs-" .. runs)
    setting.store(folder, runs)
    settle(folder, runs)
    return count.instructions({ "build/o2x", "runs" }, { env = { O2X_STATE = folder } })
  end
  local function more(fn, small, large) return (fn(large) - fn(small)) // (large - small) end
  return {
    ["1,000 records, 100 at once, syncs"] = { count.calls(writing(1000, 100)).syncs, 0.5 },
    ["a durable record, instructions"] = more(
      function(records) return count.instructions(writing(records, 1)) end,
      200,
      1000
    ),
    ["an effect and its step read again, instructions"] = more(reading, 500, 2500),
    ["a run in a list, instructions"] = more(listing, 500, 2500),
  }
end
