-- The calendar: forms of times, what holds when, whom it concerns, and what is wrong with a file, in one line.

local calendar = require "o2x.project.calendar"
local fs = require "o2x.base.fs"

local KNOWN <const> = { "acme", "acme-sbx", "beta" }
local DAYS <const> = { Mon = 0, Tue = 1, Wed = 2, Thu = 3, Fri = 4, Sat = 5, Sun = 6 }

describe("the calendar", function()
  local folder, path
  setup(function()
    folder = fs.temp_folder "/tmp/o2x-calendar-"
    path = folder .. "/calendar.yaml"
  end)
  teardown(function() fs.remove_tree(folder) end)

  local function read(text)
    fs.write(path, text)
    return calendar.read(path, KNOWN)
  end

  -- "Fri 16:30" in some week, or a date and time.
  local function at(text)
    local day, hour, minute = text:match "^(%u%l%l) (%d+):(%d+)$"
    if day then
      return { moment = "2026-06-01 00:00", minute = DAYS[day] * 1440 + tonumber(hour) * 60 + tonumber(minute) }
    end
    return { moment = text, minute = 0 }
  end

  local function closed(text, time, tenant)
    return calendar.closed(read(text), tenant or { name = "acme", environment = "production" }, at(time))
  end

  -- By a weekly time: times at which it holds, and times at which it does not.
  local WEEKLY <const> = {
    { "Sat", { "Sat 00:00", "Sat 23:59" }, { "Fri 23:59", "Sun 00:00" } },
    { "sat", { "Sat 12:00" }, { "Sun 12:00" } },
    { "Mon-Wed", { "Mon 00:00", "Tue 12:00", "Wed 23:59" }, { "Thu 00:00", "Sun 23:59" } },
    { "Sat-Mon", { "Sat 00:00", "Sun 12:00", "Mon 23:59" }, { "Tue 00:00", "Fri 23:59" } },
    { "Mon 09:00-17:00", { "Mon 09:00", "Mon 16:59" }, { "Mon 08:59", "Mon 17:00", "Tue 10:00" } },
    { "Mon-Thu 22:00-05:00", { "Mon 22:00", "Tue 04:59", "Fri 04:59" }, { "Mon 04:00", "Tue 05:00", "Fri 22:00" } },
    { "Sun 22:00-05:00", { "Sun 23:00", "Mon 04:59" }, { "Mon 05:00", "Sat 23:00" } },
    { "Fri 16:00 - Mon 06:00", { "Fri 16:00", "Sun 12:00", "Mon 05:59" }, { "Fri 15:59", "Mon 06:00" } },
    { "Sun 20:00 - Mon 20:00", { "Sun 20:00", "Mon 19:59" }, { "Sun 19:59", "Mon 20:00" } },
    { "daily 01:00-04:00", { "Mon 01:00", "Sun 03:59" }, { "Mon 00:59", "Sun 04:00" } },
    { "daily", { "Mon 00:00", "Sun 23:59" }, {} },
    { "Mon 00:00-24:00", { "Mon 00:00", "Mon 23:59" }, { "Tue 00:00" } },
    { "[Sat, Sun 10:00-11:00]", { "Sat 05:00", "Sun 10:30" }, { "Sun 09:00" } },
  }

  for _, row in ipairs(WEEKLY) do
    it("knows " .. row[1], function()
      local freeze = ("freezes:\n  - weekly: %s\n"):format(row[1])
      local window = ("windows:\n  - weekly: %s\n"):format(row[1])
      for _, time in ipairs(row[2]) do
        assert.truthy(closed(freeze, time), time)
        assert.is_nil(closed(window, time), time)
      end
      for _, time in ipairs(row[3]) do
        assert.is_nil(closed(freeze, time), time)
        assert.truthy(closed(window, time), time)
      end
    end)
  end

  it("knows dates and times, the last day whole", function()
    local text = "freezes:\n  - from: 2026-12-20\n    to: 2027-01-04\n"
    for time, holds in pairs {
      ["2026-12-19 23:59"] = false,
      ["2026-12-20 00:00"] = true,
      ["2027-01-04 23:59"] = true,
      ["2027-01-05 00:00"] = false,
    } do
      assert.equal(holds, closed(text, time) ~= nil, time)
    end
    text = "freezes:\n  - from: 2026-12-20 18:00\n    to: 2026-12-20 19:30\n"
    assert.is_nil(closed(text, "2026-12-20 17:59"))
    assert.truthy(closed(text, "2026-12-20 18:00"))
    assert.is_nil(closed(text, "2026-12-20 19:30"))
    assert.truthy(closed("freezes:\n  - from: 2028-02-29\n    to: 2028-02-29\n", "2028-02-29 12:00"))
  end)

  it("says until when, whom to ask, and when the next window begins", function()
    local text = "zone: Europe/Berlin\nfreezes:\n  - name: weekend\n    weekly: Fri 16:00 - Mon 06:00\n    ask: Ann\n"
    assert.same({
      name = "weekend",
      message = "acme is frozen until Mon 06:00 (Europe/Berlin): weekend",
      ask = "Ann",
    }, closed(text, "Sat 12:00"))
    local found = closed("windows:\n  - weekly: [Mon 22:00-23:00, Thu 22:00-23:00]\n", "Tue 12:00")
    assert.equal("acme is changed within its windows only; the next begins Thu 22:00 (UTC)", found.message)
    found = closed("windows:\n  - from: 2026-01-01\n    to: 2026-01-02\n", "2026-03-01 12:00")
    assert.equal("acme is changed within its windows only; there is no next one", found.message)
  end)

  it("concerns all, names, or fields; a freeze counts more than a window", function()
    local function whom(tenants, tenant)
      return closed(("freezes:\n  - weekly: daily\n    tenants: %s\n"):format(tenants), "Mon 12:00", tenant) ~= nil
    end
    local acme = { name = "acme", environment = "production", company = "Acme Ltd, Inc" }
    assert.is_true(whom("all", acme))
    assert.is_true(whom("beta, acme", acme))
    assert.is_true(whom("[beta, acme]", acme))
    assert.is_false(whom("acme-sbx", acme))
    assert.is_true(whom("env=production", acme))
    assert.is_true(whom("environment=production", acme))
    assert.is_false(whom("env=production,region=eu", acme))
    assert.is_false(whom("env=sandbox", acme))
    local both = "freezes:\n  - weekly: Mon\nwindows:\n  - weekly: Mon\n"
    assert.truthy(closed(both, "Mon 12:00"))
    assert.is_nil(closed("windows:\n  - weekly: Mon\n    tenants: beta\n", "Tue 12:00"))
    assert.is_nil(closed("windows:\n  - weekly: Mon\n  - weekly: Tue\n", "Tue 12:00"))
  end)

  -- By a bad file: what is said of it, and its line.
  local BAD <const> = {
    { "zone: Mars/Base", "unknown time zone Mars/Base", 1 },
    { "zone: ../../etc/passwd", "unknown time zone", 1 },
    { "\nfrezes: []", "unknown field frezes; did you mean freezes", 2 },
    { "freezes: 1", "freezes: expected a list", 1 },
    { "freezes: {a: 1}", "freezes: expected a list", 1 },
    { "freezes: [1]", "expected a list of maps", nil },
    { "text", "expected a map", nil },
    { "freezes:\n  - name: a\n    weekly: Sat\n  - weekly: Mondays", "expected such as Sat", 4 },
    { "freezes:\n  - weekly: Sat 25:00-01:00", "expected such as Sat", 2 },
    { "freezes:\n  - weekly: Sat 10:60-11:00", "expected such as Sat", 2 },
    { "freezes:\n  - weekly: []", "expected a time of the week", 2 },
    { "freezes:\n  - weekly: 12", "expected such as Sat", 2 },
    { "freezes:\n  - from: 2026-02-30\n    to: 2026-03-01", "expected a date", 2 },
    { "freezes:\n  - from: 2026-02-01\n    to: tomorrow", "expected a date", 3 },
    { "freezes:\n  - from: 2026-03-02\n    to: 2026-03-01", "it ends before it begins", 3 },
    { "freezes:\n  - from: 2026-03-02", "expected weekly, or both from and to", 2 },
    { "freezes:\n  - name: x", "expected weekly, or both from and to", 2 },
    { "freezes:\n  - weekly: Sat\n    from: 2026-03-02", "expected either weekly, or from and to", 2 },
    { "freezes:\n  - weekly: Sat\n    tenant: acme", "unknown field tenant; did you mean tenants", 3 },
    { "freezes:\n  - weekly: Sat\n    tenants: acmee", "there is no tenant acmee; did you mean acme", 3 },
    { "freezes:\n  - weekly: Sat\n    tenants: env=production,acme", "expected all, names, or FIELD=VALUE", 3 },
    { "freezes:\n  - weekly: Sat\n    tenants: ''", "expected all, names, or FIELD=VALUE", 3 },
  }

  for _, row in ipairs(BAD) do
    it("is bad: " .. row[1]:gsub("\n", " | "), function()
      local ok, err = pcall(read, row[1] .. "\n")
      assert.is_false(ok)
      assert.same({ "input", row[3] and ("%s:%d"):format(path, row[3]) or path }, { err.kind, err.where })
      assert.truthy(err.message:find(row[2], 1, true), err.message)
    end)
  end

  it("is not there, or empty", function()
    assert.is_false(pcall(calendar.read, folder .. "/none.yaml", KNOWN))
    assert.is_nil(closed("", "Mon 12:00"))
    assert.is_nil(closed("# nothing yet\n", "Mon 12:00"))
  end)

  it("has the time of its zone, also where the clock is set back", function()
    local rule = read "zone: CET-1CEST,M3.5.0,M10.5.0/3\n"
    -- 2026-10-25T00:30Z is 02:30 in summer time, an hour later it is 02:30 again
    assert.same({ moment = "2026-10-25 02:30", minute = 6 * 1440 + 150 }, calendar.time(rule, 1792888200))
    assert.same({ moment = "2026-10-25 02:30", minute = 6 * 1440 + 150 }, calendar.time(rule, 1792891800.9))
    assert.equal("2026-10-25 00:30", calendar.time(read "", 1792888200).moment)
  end)
end)
