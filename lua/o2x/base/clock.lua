---UTC time and its text forms. Runbooks read it through the journal (`effects/clock.lua`), so that a resumed run gets
---the same times.

local core = require "o2x.core.clock"
local errors = require "o2x.base.error"

local M = {}

---Seconds since 1970, with a fraction.
---@return number
function M.now()
  local seconds, nanoseconds = core.wall()
  return seconds + nanoseconds / 1e9
end

---Seconds of a monotonic clock; for durations.
---@return number
M.monotonic = core.monotonic

---A time in ISO 8601: "2026-02-14T09:30:00Z".
---@param time number? now if absent
---@param digits integer? number of fractional digits, 0 if absent
---@return string
function M.iso(time, digits)
  local seconds, nanoseconds
  if time then
    seconds = math.floor(time)
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

---Parses a date, or a date and time with an offset.
---@param text string
---@return number seconds since 1970
function M.parse(text)
  local seconds, nanoseconds, code = core.parse(text)
  if not seconds then
    errors.raise { kind = "input", module = "clock", op = "parse", message = nanoseconds, code = code }
  end
  return nanoseconds == 0 and seconds or seconds + nanoseconds / 1e9
end

return M
