-- `zone: Europe` (a folder of tzdata) and `zone: CETX` passed, and the C library made UTC of both: a freeze began and
-- ended hours too late, without a word.

local calendar = require "o2x.project.calendar"
local fs = require "o2x.base.fs"

describe("the zone of a calendar", function()
  local path
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  local function read(zone)
    fs.write(path, ("zone: %s\n"):format(zone))
    return pcall(calendar.read, path, {})
  end

  for _, zone in ipairs { "Europe", "America", "CETX", "CET-1garbage", "EST5 ", "'EST5EDT,M3'", "../../etc/passwd" } do
    it("is not " .. zone, function()
      local ok, problem = read(zone)
      if zone == "EST5 " then return assert.is_true(ok) end -- YAML leaves the blank out
      assert.is_false(ok)
      assert.matches("unknown time zone", problem.message)
    end)
  end

  -- What the C library makes of each is known: 12:00 UTC in winter and in summer.
  for zone, hours in pairs {
    ["Europe/Berlin"] = { 13, 14 },
    ["UTC"] = { 12, 12 },
    ["Asia/Kolkata"] = { 17, 17 },
    ["EST5"] = { 7, 7 },
    ["'CET-1CEST,M3.5.0,M10.5.0/3'"] = { 13, 14 },
  } do
    it("may be " .. zone, function()
      local ok, found = read(zone)
      assert.is_true(ok, tostring(found))
      for i, seconds in ipairs { 1768564800, 1784203200 } do -- 2026-01-16 and 2026-07-16, 12:00 UTC
        assert.equal(hours[i], calendar.time(found, seconds).minute % 1440 // 60)
      end
    end)
  end
end)
