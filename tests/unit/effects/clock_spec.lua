local api = require "tests.support.api"

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

  it("writes and reads any time", function()
    local clock = at(0)
    assert.equal("2026-02-14T00:00:00Z", clock.iso(1771027200))
    assert.equal(1771027200, clock.parse "2026-02-14T00:00:00Z")
  end)
end)
