-- A process that ends between the look for its file in /proc and the reading made fs.read_if raise "No such process".
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

describe("the file of a process that has ended", function()
  it("is not there", function()
    local child <close> = proc.start { argv = { "true" } }
    local folder = "/proc/" .. child:pid()
    repeat -- without a wait, so that nobody collects it
      local stat = fs.read(folder .. "/stat")
    until stat:find(") Z ", 1, true)
    local text = fs.read_if(folder .. "/environ") -- older kernels give the empty text
    assert.is_true(text == nil or text == "")
  end)
end)
