-- What the host itself prints, when no Lua can print any more.

local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local DEADLOCK = [[
live = require("o2x.core.secret").new("open-sesame-open", "word")
local task = require "o2x.base.task"
local wait = load("local task = ... task.wait(task.event(), math.huge)", "=open-sesame-open\27[2J")
wait(task)
]]

describe("the host's own last words", function()
  it("mask secrets and control characters, in the report of a deadlock", function()
    local dir <close> = folder()
    fs.write(dir.path .. "/main.lua", DEADLOCK)
    local result = proc.run { argv = { require("tests.support.build").dev, dir.path .. "/main.lua" }, timeout = 60 }
    assert.matches("deadlock: 1 task", result.stderr)
    assert.matches("******?[2J:1", result.stderr, 1, true)
    assert.is_nil(result.stderr:find("sesame", 1, true))
  end)
end)
