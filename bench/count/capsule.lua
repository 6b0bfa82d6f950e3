-- What a run keeps for its replay, and what a replay costs. Whose answers come first is not the same each time.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"

return function(count)
  local lab = count.lab()
  local function onboard(record) -- the run, in which nothing changes
    local run =
      json.decode(lab:o2x({ "run", "onboard", "newclient", "--json" }, { env = { O2X_RECORD = record } }).stdout)
    return run.run, fs.stat(fs.join(lab.store, run.run, "journal")).size
  end
  onboard "0"
  local _, without = onboard "0"
  local id, with = onboard "64"
  local file = fs.join(count.folder, "onboard.capsule")
  assert(lab:o2x({ "capsule", id, "--out=" .. file }).code == 0)
  return {
    ["answers of an onboarding, bytes"] = { with - without, 0.1 },
    ["replay of an onboarding, instructions"] = { count.instructions { "build/o2x", "replay", file }, 0.1 },
  }
end
