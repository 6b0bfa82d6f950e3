local api = require "tests.support.api"
local value = require "o2x.base.value"

-- The api in a run that saw this time before.
local function at(time)
  local clock, ctx = api "clock"
  function ctx.recorded() return time end
  return clock
end

describe("o2x.clock", function()
  it("gives whole seconds", function() assert.equal("integer", math.type(api("clock").now())) end)

  it("gives a resumed run the time that it saw", function()
    local clock = at(1771027200)
    assert.equal(1771027200, clock.now())
    assert.equal("2026-02-14", clock.today())
    assert.equal("2026-02-14T00:00:00Z", clock.iso())
  end)

  it("stamps with the time of the run, which a plan does not know", function()
    local clock, ctx = api "clock"
    function ctx.of_the_run() return 1771027200 end
    assert.equal("2026-02-14T00:00:00Z", clock.stamp())
    assert.same({ "2026-02-14T00:00:00Z", "2026-02-14T01:00:00Z" }, { clock.stamp(0, 3600) })
    function ctx.of_the_run() return value.unknown end
    local now, ends = clock.stamp(0, 3600)
    assert.is_true(value.is_unknown(now) and value.is_unknown(ends))
  end)

  it("writes and reads any time", function()
    local clock = at(0)
    assert.equal("2026-02-14T00:00:00Z", clock.iso(1771027200))
    assert.equal(1771027200, clock.parse "2026-02-14T00:00:00Z")
  end)
end)
