-- The timer of the script watch fired until the process was gone. After the end of the Lua state it read memory that
-- had been reused, so that a finished run sometimes ended with a segmentation fault.
local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

-- Finalizers run in the reverse order of their making: this one is the last, with the Lua state all but gone.
local SCRIPT = [[
local function timers()
  local file <close> = io.open "/proc/self/timers"
  return file and select(2, file:read "a":gsub("ClockID:", "")) or -1
end
setmetatable({}, { __gc = function() print("closed", timers()) end })
require("o2x.core.sandbox").watch(5, 15, "")
print("watched", timers())
]]

describe("the watch over scripts", function()
  it("ends with the Lua state", function()
    if not fs.exists "/proc/self/timers" then return end -- a kernel without CONFIG_CHECKPOINT_RESTORE
    local folder = fs.temp_folder "/tmp/o2x-watch-"
    fs.write(folder .. "/watch.lua", SCRIPT)
    local result = proc.run { argv = { build.dev, folder .. "/watch.lua" } }
    fs.remove_tree(folder)
    assert.equal("watched\t1\nclosed\t0\n", result.stdout, result.stderr)
    assert.equal(0, result.code)
  end)
end)
