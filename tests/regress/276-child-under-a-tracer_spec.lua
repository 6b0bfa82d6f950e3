-- Under strace -f a child's end was seen before its exit code could be had, and the code was nil: helm was said to have
-- failed though it had done its work. Its descriptor is readable then, and its parent is told nothing yet.

local proc = require "o2x.base.proc"

-- A child that has ended; how is told only when it is asked for so many times.
local function traced(child, told_at, ...)
  local how, asked = { true, ... }, 0
  return {
    fd = function(_, which) return child:fd(which) end,
    status = function()
      asked = asked + 1
      if asked < told_at then return false end
      return table.unpack(how, 1, 3)
    end,
  }
end

describe("a child that a tracer holds", function()
  for _, case in ipairs {
    { told_at = 1, code = 0 },
    { told_at = 2, code = 0 },
    { told_at = 3, code = 3 },
    { told_at = 6, signal = 15 },
    { told_at = math.huge, signal = "timeout" },
  } do
    it(("is waited for until it is known how it ended (%s)"):format(case.told_at), function()
      local child <close> = proc.start { argv = { "true" } }
      assert.equal(0, (proc.wait(child)))
      local code, signal = proc.wait(traced(child, case.told_at, case.code, case.signal), 0.3)
      assert.same({ case.code, case.signal }, { code, signal })
    end)
  end
end)
