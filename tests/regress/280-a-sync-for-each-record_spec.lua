-- Each record of a run had a sync of its own, also where branches of a parallel waited at the same time, and also
-- records that nothing outside of the journal depends on.

local build = require "tests.support.build"
local faults = require "tests.support.faults"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

if build.sanitized then return end

local PROGRAM <const> = [[
  local journal = require "o2x.engine.journal"
  local task = require "o2x.base.task"
  local run = journal.create(arg[2], { tenant = "alpha" })
  local list = {}
  for i = 1, 200 do list[i] = i end
  task.each(list, function(i)
    run:append({ t = "step", path = "a" .. i }, true)
    run:append { t = "intent", key = "a" .. i }
    run:append { t = "result", key = "a" .. i }
    run:append({ t = "done", path = "a" .. i }, true)
  end)
  run:close()
]]

describe("two hundred parallel effects", function()
  teardown(faults.forget)

  it("need three syncs: the beginning, the intents, the results", function()
    local folder <const> = fs.temp_folder "/tmp/o2x-syncs-"
    fs.write(folder .. "/program.lua", PROGRAM)
    for failing, expected in pairs { [3] = true, [4] = false } do
      local env, struck = faults.env("fsync", failing, "EIO")
      fs.remove(folder .. "/journal")
      proc.run { argv = { build.dev, folder .. "/program.lua", folder .. "/journal" }, env = env, timeout = 60 }
      assert.equal(expected, struck(), "sync " .. failing)
    end
    fs.remove_tree(folder)
  end)
end)
