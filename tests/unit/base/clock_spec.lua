local build = require "tests.support.build"
local clock = require "o2x.base.clock"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
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

  -- text → the same in UTC, by date(1)
  local MOMENTS <const> = {
    { "1900-01-01T00:00:00Z", "1900-01-01T00:00:00Z" },
    { "1893-04-01 00:00:00+00:53:28", "1893-03-31T23:06:32Z" }, -- PostgreSQL, in the zone Europe/Berlin
    { "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z" },
    { "1970-01-01T00:00:00+01:00", "1969-12-31T23:00:00Z" },
    { "2000-02-29T12:00:00Z", "2000-02-29T12:00:00Z" },
    { "2024-02-29T23:59:59-00:01", "2024-03-01T00:00:59Z" },
    { "2026-03-29T02:30:00+01:00", "2026-03-29T01:30:00Z" }, -- an hour that Berlin's clocks leave out
    { "2026-10-25 02:30:00+02", "2026-10-25T00:30:00Z" }, -- and one that they show twice
    { "2026-10-25 02:30:00+01", "2026-10-25T01:30:00Z" },
    { "2038-01-19T03:14:08Z", "2038-01-19T03:14:08Z" },
    { "2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z" },
    { "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59Z" },
    { "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z" },
    { "2026-01-01 00:00:00.123456789+05:30", "2025-12-31T18:30:00Z" },
  }
  for _, case in ipairs(MOMENTS) do
    it("reads " .. case[1], function() assert.equal(case[2], clock.iso(clock.parse(case[1]))) end)
  end

  it("reads PostgreSQL's times without end", function()
    assert.equal(math.huge, clock.parse "infinity")
    assert.is_true(clock.parse "-infinity" < clock.now())
  end)

  it("refuses a number that is no time, in words", function()
    for _, number in ipairs { 253402300801, -62135596801, 1e18, math.huge, -math.huge, 0 / 0 } do
      local ok, err = pcall(clock.iso, number)
      assert.is_false(ok)
      assert.equal("input", err.kind)
      assert.matches("no time of the years", tostring(err))
    end
  end)

  it("does not depend on the time zone of the machine", function()
    local words = 'print(require("o2x.base.clock").iso(require("o2x.base.clock").parse "2026-03-29T02:30:00+01:00"))'
    local path = os.tmpname()
    fs.write(path, words)
    for _, zone in ipairs { "", "UTC", "Europe/Berlin", "Asia/Kolkata", "Nowhere/None" } do
      local result = proc.run { argv = { build.dev, path }, env = { TZ = zone } }
      assert.equal("2026-03-29T01:30:00Z\n", result.stdout)
    end
    fs.remove(path)
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
      "Infinity",
      "0000-01-01T00:00:00Z",
      "10000-01-01T00:00:00Z",
      "2026-02-29T00:00:00Z",
      "1900-02-29T00:00:00Z",
      "2026-02-14T09:30:61Z",
      "2026-02-14T09:30:00+01:00:60",
      "0044-03-15 BC",
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
