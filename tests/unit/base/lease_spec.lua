local errors = require "o2x.base.error"
local lease = require "o2x.base.lease"
local raised = require "tests.support.raised"
local task = require "o2x.base.task"

local over = { check = function() errors.raise { kind = "locked", message = "it is over" } end }

describe("a lease", function()
  it("is asked by what runs within it, and by the tasks that this starts", function()
    local asked = 0
    local held = { check = function() asked = asked + 1 end }
    lease.within(held, function()
      lease.check()
      task.parallel { lease.check, lease.check }
      assert.equal(held, lease.current())
    end)
    assert.equal(3, asked)
  end)

  it(
    "ends what wants to write when it is over",
    function() assert.equal("it is over", raised(lease.within, over, lease.check).message) end
  )

  it("is none of what runs beside it", function()
    pcall(lease.within, over, lease.check)
    assert.is_nil(lease.current())
    lease.check()
  end)
end)
