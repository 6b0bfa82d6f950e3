local liveness = require "o2x.base.liveness"
local proc = require "o2x.base.proc"
local program = require "o2x.core.program"

local function start_of(pid)
  return proc.run({ argv = { "awk", "{ print $22 }", ("/proc/%d/stat"):format(pid) }, timeout = 10 }).stdout:match "%d+"
end

describe("a process", function()
  it("is its number and its start", function()
    assert.equal(("%d %s"):format(program.pid(), start_of(program.pid())), liveness.process())
    assert.is_false(liveness.has_ended(liveness.machine(), liveness.process()))
  end)

  it("has ended when it is dead, and when its number is another one's by now", function()
    local child = proc.start { argv = { "sleep", "60" }, timeout = 60 }
    local pid = child:pid()
    local name = ("%d %s"):format(pid, start_of(pid))
    assert.is_false(liveness.has_ended(liveness.machine(), name))
    assert.is_true(liveness.has_ended(liveness.machine(), ("%d 1"):format(pid)))
    child:kill(9)
    proc.wait(child, 10)
    assert.is_true(liveness.has_ended(liveness.machine(), name))
    child:close()
  end)

  it("of another machine may live: nobody knows", function()
    assert.is_false(liveness.has_ended("another one", "1 1"))
    assert.is_false(liveness.has_ended(nil, "1 1"))
    assert.is_false(liveness.has_ended(liveness.machine(), nil))
    assert.is_false(liveness.has_ended(liveness.machine(), "1 ?"))
  end)
end)
