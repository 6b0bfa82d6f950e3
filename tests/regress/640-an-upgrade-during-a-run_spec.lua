-- A package's upgrade replaced the program while `o2x prove` went on. When it started its next lab it ended with
-- "/proc/self/exe: No such file or directory": the link names the file that is gone.

local build = require "tests.support.build"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local SCRIPT <const> = [[
local fs = require "o2x.base.fs"
local before = fs.program()
fs.rename(before .. ".new", before)
print(before, fs.program(), require("o2x.project.project").find().root)
]]

describe("an upgrade while o2x goes on", function()
  it("leaves it its own place", function()
    local home <close> = folder { ["script.lua"] = SCRIPT, ["o2x.yaml"] = "" }
    local program = fs.join(fs.realpath(home.path), "o2x-dev")
    for _, path in ipairs { program, program .. ".new" } do
      local copied = proc.run { argv = { "cp", build.dev, path } }
      assert.equal(0, copied.code, copied.stderr)
    end
    local result = proc.run { argv = { program, home:at "script.lua" }, cwd = home.path }
    assert.equal(0, result.code, result.stderr)
    local said = ("%s\t%s\t%s\n"):format(program, program, fs.realpath(home.path))
    assert.equal(said, result.stdout)
  end)
end)
