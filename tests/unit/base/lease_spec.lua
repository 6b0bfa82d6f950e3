local defer = require "o2x.base.defer"
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

  it("that is lost stops the programs that write, and says so; those that have ended it leaves alone", function()
    local stops, stopped = {}, {}
    local lost = {
      check = over.check,
      on_loss = function(_, stop)
        stops[stop] = true
        return defer(function() stops[stop] = nil end)
      end,
    }
    lease.within(lost, function()
      local ended = lease.watch("helm", function() stopped[#stopped + 1] = "ended" end)
      getmetatable(ended).__close(ended)
      local watch <close> = lease.watch("helm", function() stopped[#stopped + 1] = "under way" end)
      watch:check()
      for stop in pairs(stops) do
        stop()
      end
      assert.same({ "under way" }, stopped)
      local err = raised(watch.check, watch)
      assert.equal("locked it is over; helm was stopped in the middle of its work", err.kind .. " " .. err.message)
    end)
    assert.is_nil(next(stops))
    local none <close> = lease.watch("helm", function() end)
    none:check()
  end)

  it("is none of what runs beside it", function()
    pcall(lease.within, over, lease.check)
    assert.is_nil(lease.current())
    lease.check()
  end)
end)
