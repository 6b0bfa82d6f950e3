--- The project's calendar: when tenants may be changed. `calendar: FILE` in o2x.yaml names a YAML file:
---
---   zone: Europe/Berlin            # of all times below; UTC if absent
---   freezes:                       # nothing is changed meanwhile
---     - name: year end
---       from: 2026-12-20           # the whole day, or 2026-12-20 18:00
---       to: 2027-01-04
---       tenants: all               # as --tenants: all, names, or FIELD=VALUE; all if absent
---       ask: the platform's lead   # who may know more
---   windows:                       # who has one is changed within one only
---     - name: nights
---       weekly: [Mon-Thu 22:00-05:00, Sat, Sun]
---       tenants: environment=production
---
--- Times are those of a clock on the wall there: where it is set back, an hour counts twice; where it is set forward,
--- what begins in the missing hour begins after it.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local selection = require "o2x.project.selection"
local suggest = require "o2x.base.suggest"
local yaml = require "o2x.base.yaml"

local M = {}

local LARGEST <const> = 1 << 20 -- bytes of the file
local ZONES <const> = "/usr/share/zoneinfo"
local DAYS <const> = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" }
local DAY <const>, WEEK <const> = 24 * 60, 7 * 24 * 60 -- minutes
local FIELDS <const> = {
  freezes = { "name", "from", "to", "weekly", "tenants", "ask" },
  windows = { "name", "weekly", "from", "to", "tenants", "ask" },
}

-- "PATH:LINE" of a text in the file, in the entry with this number of its list.
local function place(path, text, list, number)
  local line_number, entry, inside, found = 0, 0, list == nil, nil
  for line in (fs.read(path, LARGEST) .. "\n"):gmatch "(.-)\r?\n" do
    line_number = line_number + 1
    local section = line:match "^(%a+)%s*:"
    if section and list then inside = section == list end
    if inside and line:find "^%s*%- " and not line:find "^%s*%-%s*[%a*]+%s*%d?%d?:?%d?%d?[%s-]*$" then
      entry = entry + 1
    end
    local ours = inside and (not list or entry == number)
    if ours then found = found or line_number end
    if ours and line:find(text, 1, true) then return ("%s:%d"):format(path, line_number) end
  end
  return found and ("%s:%d"):format(path, found) or path
end

-- ---- times ----

local function day_of(word)
  for i, name in ipairs(DAYS) do
    if word:lower() == name:lower() then return (i - 1) * DAY end
  end
end

local function minute_of(word)
  local hour, minute = word:match "^(%d%d?):(%d%d)$"
  hour, minute = tonumber(hour), tonumber(minute)
  if not hour or minute > 59 or hour > 24 or hour == 24 and minute > 0 then return nil end
  return hour * 60 + minute
end

local function span(list, from, length, text) list[#list + 1] = { from = from % WEEK, length = length, text = text } end

-- "Fri 16:00 - Mon 06:00": from one time of the week to another.
local function across(list, text)
  local first, from, last, to = text:match "^(%a+)%s+(%S+)%s*%-%s*(%a+)%s+(%S+)$"
  local a, b = first and day_of(first), last and day_of(last)
  local c, d = from and minute_of(from), to and minute_of(to)
  if not (a and b and c and d) then return false end
  local length = (b + d - a - c) % WEEK
  span(list, a + c, length == 0 and WEEK or length, text)
  return true
end

-- "Mon-Thu 22:00-05:00", "Sat", "daily 01:00-04:00": the same on each of several days.
local function each_day(list, text)
  local days, from, to = text:match "^(%S+)%s+(%d%d?:%d%d)%s*%-%s*(%d%d?:%d%d)$"
  days = days or text
  local first, last = days:match "^(%a+)%-(%a+)$"
  local a, b = day_of(first or days), day_of(last or first or days)
  if days:lower() == "daily" then
    a, b = 0, 6 * DAY
  end
  local c, d = 0, DAY
  if from then
    c, d = minute_of(from), minute_of(to)
  end
  if not (a and b and c and d) then return false end
  for day = a, b >= a and b or b + WEEK, DAY do
    span(list, day + c, d > c and d - c or d - c + DAY, text)
  end
  return true
end

local function weekly(value, wrong)
  local list = {}
  for _, text in ipairs(type(value) == "table" and value or { value }) do
    if type(text) ~= "string" or not (across(list, text) or each_day(list, text)) then
      wrong(tostring(text), "expected such as Sat, Mon-Thu 22:00-05:00 or Fri 16:00 - Mon 06:00")
    end
  end
  if #list == 0 then wrong("weekly", "expected a time of the week, or a list of them") end
  return list
end

local LENGTHS <const> = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function is_date(year, month, day)
  local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  local length = LENGTHS[month] and LENGTHS[month] + (leap and month == 2 and 1 or 0)
  return length ~= nil and day >= 1 and day <= length
end

-- A date and time in the form in which times are compared: "2026-12-20 18:00".
local function moment(value, last, wrong)
  local text = tostring(value)
  local year, month, day, rest = text:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$"
  local time = rest and rest:match "^[ T](%d%d:%d%d)$"
  local good = year and is_date(tonumber(year), tonumber(month), tonumber(day))
  if not good or rest ~= "" and not (time and minute_of(time)) then
    wrong(text, "expected a date, or a date and time: 2026-12-20 or 2026-12-20 18:00")
  end
  return ("%s-%s-%s %s"):format(year, month, day, time or last and "24:00" or "00:00")
end

-- ---- the file ----

local function entry_of(kind, number, given, path, known)
  local function wrong(text, message) errors.input(message, "o2x help windows", place(path, text, kind, number)) end
  if type(given) ~= "table" then wrong(tostring(given), ("%s: expected a list of maps"):format(kind)) end
  for field in pairs(given) do
    local name = tostring(field)
    local fits = false
    for _, one in ipairs(FIELDS[kind]) do
      fits = fits or one == name
    end
    if not fits then wrong(name, ("unknown field %s%s"):format(name, suggest.did_you_mean(name, FIELDS[kind]))) end
  end
  local entry = { name = tostring(given.name or kind:sub(1, -2)), ask = given.ask and tostring(given.ask) }
  local words, text, message = selection.words(given.tenants, known)
  entry.tenants = words or wrong(text, message)
  if given.weekly ~= nil then
    if given.from ~= nil or given.to ~= nil then wrong("weekly", "expected either weekly, or from and to") end
    entry.weekly = weekly(given.weekly, wrong)
    return entry
  end
  if given.from == nil or given.to == nil then wrong(entry.name, "expected weekly, or both from and to") end
  entry.from, entry.to = moment(given.from, false, wrong), moment(given.to, true, wrong)
  if entry.to <= entry.from then wrong(tostring(given.to), "it ends before it begins") end
  return entry
end

-- A rule of POSIX, such as EST5 or CET-1CEST,M3.5.0,M10.5.0/3. Of what is none, the C library makes UTC.
local function is_posix(name)
  local rest = name:match "^%u%u%u+[+-]?%d%d?(.*)$"
  if not rest then return false end
  return rest == "" or rest:find "^%u%u%u+,M%d[%d.]*[%d:/]*,M%d[%d.]*[%d:/]*$" ~= nil
end

local function check_zone(zone, path)
  local name = tostring(zone or "UTC")
  local there = name:find "^[%w_+/-]+$" and fs.stat(fs.join(ZONES, name)) -- "Europe" alone is a folder
  if name == "UTC" or there and there.type == "file" or is_posix(name) then return name end
  errors.input(
    ("unknown time zone %s"):format(name),
    "such as UTC or Europe/Berlin; tzdata has them",
    place(path, "zone")
  )
end

--- Reads a calendar.
---@param path string
---@param known string[] the names of all tenants
---@return table calendar zone, freezes, windows
function M.read(path, known)
  local text = fs.read_if(path, LARGEST)
  if not text then
    errors.input("the calendar is not there", "calendar: in o2x.yaml names it; without that key there is none", path)
  end
  local document = yaml.read(text, path, { exact = true }) or {}
  if type(document) ~= "table" then errors.input("expected a map: zone, freezes, windows", nil, path) end
  for name in pairs(document) do
    if name ~= "zone" and not FIELDS[name] then
      local near = suggest.did_you_mean(tostring(name), { "zone", "freezes", "windows" })
      errors.input(("unknown field %s%s"):format(name, near), "o2x help windows", place(path, tostring(name)))
    end
  end
  local calendar = { path = path, zone = check_zone(document.zone, path), freezes = {}, windows = {} }
  for kind in pairs(FIELDS) do
    local list = document[kind] or {}
    if type(list) ~= "table" or next(list) ~= nil and #list == 0 then
      errors.input(("%s: expected a list"):format(kind), "o2x help windows", place(path, kind))
    end
    for i, given in ipairs(list) do
      calendar[kind][i] = entry_of(kind, i, given, path, known)
    end
  end
  return calendar
end

-- ---- what holds at a time ----

local function week_text(minute)
  minute = minute % WEEK
  return ("%s %02d:%02d"):format(DAYS[minute // DAY + 1], minute % DAY // 60, minute % 60)
end

-- Until when an entry holds; nil if it does not.
local function holds(entry, now)
  if entry.from then return entry.from <= now.moment and now.moment < entry.to and entry.to or nil end
  local longest
  for _, one in ipairs(entry.weekly) do
    local since = (now.minute - one.from) % WEEK
    local left = one.length - since
    if left > 0 and (not longest or left > longest) then longest = left end
  end
  return longest and week_text(now.minute + longest) or nil
end

-- When the next of the windows begins: of the weekly ones the nearest, else the first that is still to come.
local function next_begin(windows, now)
  local nearest, first
  for _, entry in ipairs(windows) do
    for _, one in ipairs(entry.weekly or {}) do
      local wait = (one.from - now.minute) % WEEK
      nearest = (not nearest or wait < nearest) and wait or nearest
    end
    if entry.from and entry.from > now.moment then first = (not first or entry.from < first) and entry.from or first end
  end
  return nearest and week_text(now.minute + nearest) or first
end

--- Why a tenant must not be changed now.
---@param calendar table
---@param tenant table with its fields
---@param now { moment: string, minute: integer } the time there: "2026-12-20 18:00", and the minute of the week
---@return { name: string, message: string, ask: string? }? closed nil: it may be changed
function M.closed(calendar, tenant, now)
  for _, entry in ipairs(calendar.freezes) do
    local ends = selection.has(entry.tenants, tenant) and holds(entry, now)
    if ends then
      local message = ("%s is frozen until %s (%s): %s"):format(tenant.name, ends, calendar.zone, entry.name)
      return { name = entry.name, message = message, ask = entry.ask }
    end
  end
  local own = {}
  for _, entry in ipairs(calendar.windows) do
    if selection.has(entry.tenants, tenant) then
      own[#own + 1] = entry
      if holds(entry, now) then return nil end
    end
  end
  if #own == 0 then return nil end
  local begins = next_begin(own, now)
  local when = begins and ("the next begins %s (%s)"):format(begins, calendar.zone) or "there is no next one"
  return {
    name = "outside of its windows",
    message = ("%s is changed within its windows only; %s"):format(tenant.name, when),
    ask = own[1].ask,
  }
end

--- The time in a calendar's zone.
---@param calendar table
---@param seconds number since 1970
---@return { moment: string, minute: integer }
function M.time(calendar, seconds)
  local result = proc.run {
    argv = { "date", ("-d@%d"):format(seconds // 1), "+%Y-%m-%d %H:%M %u" },
    env = { TZ = calendar.zone, PATH = os.getenv "PATH", LC_ALL = "C" },
    timeout = 5,
  }
  local text, hour, minute, day = result.stdout:match "^(%d+%-%d+%-%d+ (%d+):(%d+)) (%d)"
  if not text then
    errors.raise { kind = "failed", module = "calendar", op = "date", message = "date does not say what time it is" }
  end
  return { moment = text, minute = (day - 1) * DAY + hour * 60 + minute }
end

return M
