local clock = require "o2x.base.clock"
local secret = require "o2x.base.secret"

describe("clock", function()
  it("writes and reads moments", function()
    assert.equal("1970-01-01T00:00:00Z", clock.iso(0))
    assert.equal("2026-02-28T23:59:59.250Z", clock.iso(clock.parse "2026-02-28T23:59:59.25Z", 3))
    assert.equal("2026-02-14", clock.today(clock.parse "2026-02-14T23:59:59Z"))
    assert.equal(clock.parse "2026-02-14T08:30:00Z", clock.parse "2026-02-14 09:30:00+01")
    assert.equal(clock.parse "2026-02-14T14:00:00Z", clock.parse "2026-02-14T09:30:00-0430")
    assert.equal(clock.parse "2026-02-14T08:30:00Z", clock.parse "2026-02-14t14:00:00.000+05:30")
    assert.equal(1771027200, clock.parse "2026-02-14")
    assert.equal(951782400, clock.parse "2000-02-29")
  end)

  it("refuses what is no moment", function()
    for _, text in ipairs {
      "",
      "2026",
      "2026-2-14",
      "2026-02-30",
      "2026-13-01",
      "2025-02-29",
      "2026-02-14T09:30:00",
      "2026-02-14T24:00:00Z",
      "2026-02-14T09:60:00Z",
      "2026-02-14T09:30:00.Z",
      "2026-02-14T09:30:00Zx",
      "2026-02-14T09:30:00+25:00",
      "2026-02-14T09:30Z",
      "now",
    } do
      assert.is_false(pcall(clock.parse, text), text)
    end
  end)

  it("reads the moment that a secret holds, and tells nothing of one that holds none", function()
    local coded = secret.new("MjAyNy0wMi0xMVQxMDowMDowMFo=", "expiry")
    assert.equal(clock.parse "2027-02-11T10:00:00Z", clock.parse(coded:unbase64()))
    assert.is_true(secret.equal("2027-02-11T10:00:00Z", coded:unbase64()))
    local ok, problem = pcall(clock.parse, secret.new("hunter22-hunter22", "password"))
    assert.is_false(ok)
    assert.equal("not a date or a time with an offset", tostring(problem))
    assert.is_nil((secret.new("a?b=", "none"):unbase64()))
    assert.equal(0, secret.new("", "empty"):unbase64():length())
  end)

  it("goes forward", function()
    local a, b = clock.monotonic(), clock.monotonic()
    assert.is_true(b >= a)
    assert.is_true(clock.now() > 1700000000)
    assert.is_truthy(clock.iso(nil, 6):match "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d%d%d%dZ$")
  end)
end)
