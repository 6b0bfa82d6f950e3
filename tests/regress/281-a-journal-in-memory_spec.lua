-- A run that was resumed or shown had its whole journal in memory, several times: 120 MB of it took 511 MB.

local fs = require "o2x.base.fs"
local store = require "o2x.engine.store"

local LARGE <const> = ("x"):rep(20000)

-- The memory that the history of a run takes, in KB.
local function history_of(runs, effects)
  local id, _reserved <close> = runs:new_id()
  local _, journal = runs:create(id, { tenant = "alpha", runbook = { name = "build" }, params = {} }, {})
  for i = 1, effects do
    local name = tostring(i)
    journal:append({ t = "step", path = name }, true)
    journal:append(
      { t = "intent", path = name, kind = "thing", key = name, effect = name, slot = name, desired = LARGE .. i },
      true
    )
    journal:append({ t = "result", path = name, effect = name, outcome = "created", after = LARGE .. i }, true)
    journal:append({ t = "done", path = name, result = LARGE .. i }, true)
  end
  journal:close()
  collectgarbage()
  local before = collectgarbage "count"
  local run = runs:reopen(id)
  collectgarbage()
  local kilobytes = collectgarbage "count" - before
  local h, last = run.history, tostring(effects)
  assert.equal(LARGE .. effects, h.by_slot[last][1].desired)
  assert.equal(LARGE .. effects, h.by_slot[last][1].image)
  assert.is_nil(h.by_slot[last][1].before)
  assert.equal(effects, #h.effects)
  run.journal:close()
  return kilobytes
end

describe("the history of a run", function()
  it("holds no large values, however many there are", function()
    local folder = fs.temp_folder "/tmp/o2x-flat-"
    local runs = store.open(folder)
    local small, large = history_of(runs, 50), history_of(runs, 200)
    assert.is_true(large < 1000, ("%.0f KB"):format(large)) -- the journal has 16 MB
    assert.is_true(large < 5 * small, ("%.0f KB, %.0f KB"):format(small, large))
    fs.remove_tree(folder)
  end)
end)
