-- A free block is kept for others of its size. A script that uses one size after the other must not get the limit of
-- memory once for each size: what counts is what the process has from the system.

local build = require "tests.support.build"
local folder = require "tests.support.folder"
local proc = require "o2x.base.proc"

if build.sanitized then return end -- each block is malloc's

local SCRIPT <const> = [==[
require("o2x.core.program").memory_limit(LIMIT * 1024 * 1024)
local kept = {}
local ok, problem = pcall(function()
  for size = 40, 440, 50 do
    local list = {}
    for i = 1, 30 * 1024 * 1024 // (size + 40) do
      list[i] = ("x"):rep(size - 10) .. ("%09d"):format(i)
      if KEEPS and i % 100 == 0 then kept[#kept + 1] = list[i] end
    end
    list = nil
    collectgarbage()
  end
end)
kept = nil
collectgarbage()
print(ok and "done" or problem)
for line in io.lines "/proc/self/status" do print(line) end
return 0
]==]

-- -> the first line that the script prints, MiB that the process had at most
local function run(limit, keeps)
  local place <close> = folder()
  local path = place:write("script.lua", (SCRIPT:gsub("LIMIT", tostring(limit)):gsub("KEEPS", tostring(keeps))))
  local result = proc.run { argv = { build.dev, path }, timeout = 120 }
  assert.equal(0, result.code, result.stderr)
  return result.stdout:match "^[^\n]*", tonumber(result.stdout:match "VmHWM:%s*(%d+)") // 1024
end

describe("a limit of memory", function()
  it("holds for a script that uses one size after the other, which goes on", function()
    local line, peak = run(96, false)
    assert.equal("done", line)
    assert.is_true(peak < 96 + 24, peak .. " MiB")
  end)

  it("holds where a block of each chunk lives", function()
    local line, peak = run(96, true)
    assert.equal("not enough memory", line)
    assert.is_true(peak < 96 + 24, peak .. " MiB")
  end)
end)
