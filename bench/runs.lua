--- What is asked of old runs: the list of 10,000, the search for an unfinished one, and the reading of long journals.

local fs = require "o2x.base.fs"
local setting = dofile "bench/runs/setting.lua"

local RUNS <const> = 10000

return {
  title = ("A list of %d runs; reading journals of 10,000 and 40,000 effects, and one of 120 MB"):format(RUNS),
  differs = "ls looks at each journal and reads none; the journals are those of small runs",
  setup = function(folder)
    local state = { store = fs.join(folder, "runs"), folder = folder }
    setting.store(state.store, RUNS)
    setting.journal(fs.join(folder, "10000"), 10000, 100)
    setting.journal(fs.join(folder, "40000"), 40000, 100)
    setting.journal(fs.join(folder, "120MB"), 10000, 6000)
    return state
  end,
  contenders = function(state)
    local env = { O2X_STATE = state.store }
    local function replay(name) return { "build/o2x-dev", "bench/runs/replay.lua", fs.join(state.folder, name) } end
    return {
      {
        name = "ls: the name and size of each journal",
        argv = { "sh", "-c", 'ls -l "$1"/*/journal > "$1/../ls"', "sh", state.store },
      },
      {
        name = "o2x runs",
        argv = { "sh", "-c", 'exec build/o2x runs > "$1/../list"', "sh", state.store },
        env = env,
        check = function()
          local _, lines = fs.read(fs.join(state.folder, "list")):gsub("\n", "")
          assert(lines == RUNS, lines)
        end,
      },
      {
        name = "o2x resume, which finds nothing",
        argv = { "sh", "-c", "build/o2x resume; [ $? = 3 ]" },
        env = env,
      },
      { name = "10,000 effects", argv = replay "10000" },
      { name = "40,000 effects", argv = replay "40000" },
      { name = "10,000 effects, 120 MB", argv = replay "120MB" },
    }
  end,
  must = { { "40,000 effects", 4.4, "10,000 effects" } },
}
