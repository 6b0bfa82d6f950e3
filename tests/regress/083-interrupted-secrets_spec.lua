-- `--secrets=-` read standard input with a blocking call: Ctrl-C did nothing until it ended.
local build = require "tests.support.build"
local eventually = require "tests.support.eventually"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

local SIGINT <const> = 2

-- Does the process handle SIGINT itself?
local function catches(pid)
  local caught = (fs.read_if(("/proc/%d/status"):format(pid)) or ""):match "SigCgt:%s*(%x+)"
  return caught and tonumber(caught, 16) & 1 << (SIGINT - 1) ~= 0
end

describe("o2x that waits for secrets from standard input", function()
  it("ends by Ctrl-C at once", function()
    local toy <close> = toys.new()
    toy:runbook("tend", 'step("plant", function() end)')
    local place <close> = folder {}
    proc.run { argv = { "mkfifo", place:at "pipe" } }
    local child <close> = proc.start {
      argv = {
        "sh",
        "-c",
        'exec "$0" "$1" run tend alpha --secrets=- <> "$2"',
        fs.realpath(build.dev),
        fs.realpath "tests/support/o2x.lua",
        place:at "pipe",
      },
      env = toy:environment {},
      cwd = toy.project,
      timeout = 60,
    }
    eventually("a handler of SIGINT", function() return catches(child:pid()) end)
    child:kill(SIGINT)
    assert.equal(130, (proc.wait(child, 30)))
  end)
end)
