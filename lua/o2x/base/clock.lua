---UTC time and its text forms. Runbooks read it through the journal (`effects/clock.lua`), so that a resumed run gets
---the same times.

local core = require "o2x.core.clock"
local errors = require "o2x.base.error"

local M = {}

---Seconds since the machine started, with the time that it slept. Only differences mean something.
---@return number
function M.boottime() return core.boottime() end

---Seconds since 1970, with a fraction.
---@return number
function M.now()
  local seconds, nanoseconds = core.wall()
  return seconds + nanoseconds / 1e9
end

---Seconds of a monotonic clock; for durations.
---@return number
M.monotonic = core.monotonic

local FIRST <const>, LAST <const> = -62135596800, 253402300799 -- of the years 0001 and 9999

---A time in ISO 8601: "2026-02-14T09:30:00Z". A time outside of the years 0001 to 9999 is bad input.
---@param time number? now if absent
---@param digits integer? number of fractional digits, 0 if absent
---@return string
function M.iso(time, digits)
  local seconds, nanoseconds
  if time then
    if not (time >= FIRST and time <= LAST + 1) then
      errors.input(("%s is no time of the years 0001 to 9999, in seconds since 1970"):format(time))
    end
    seconds = math.min(LAST, math.floor(time)) -- a float has no digits left for 9999-12-31T23:59:59.999999Z
    nanoseconds = math.min(999999999, math.floor((time - seconds) * 1e9 + 0.5))
  else
    seconds, nanoseconds = core.wall()
  end
  return core.format(seconds, nanoseconds, digits or 0)
end

---Today's date: "2026-02-14".
---@param time number? now if absent
---@return string
function M.today(time) return M.iso(time):sub(1, 10) end

local ENDLESS <const> = { infinity = math.huge, ["-infinity"] = -math.huge }

---Parses a date, or a date and time with an offset, as servers write them. PostgreSQL's infinity is math.huge.
---@param text string
---@return number seconds since 1970
function M.parse(text)
  if ENDLESS[text] then return ENDLESS[text] end
  local seconds, nanoseconds, code = core.parse(text)
  if not seconds then
    errors.raise { kind = "input", module = "clock", op = "parse", message = nanoseconds, code = code }
  end
  return nanoseconds == 0 and seconds or seconds + nanoseconds / 1e9
end

local MONTHS <const> =
  { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

---Parses the date of an HTTP header: "Sat, 14 Feb 2026 09:30:00 GMT".
---@param text string
---@return number? seconds since 1970; nil if it is none
function M.parse_http(text)
  local day, month, year, time = text:match("^%a+, (%d%d) (%a+) (%d%d%d%d) (%d%d:%d%d:%d%d) GMT$")
  if not MONTHS[month] then return nil end
  local seconds = core.parse(("%s-%02d-%sT%sZ"):format(year, MONTHS[month], day, time))
  return seconds
end

return M
