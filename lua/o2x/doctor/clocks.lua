--- Whether this machine's clock and a system's agree.

local clock = require "o2x.base.clock"
local units = require "o2x.base.units"

local M = {}

local MOST <const> = 5 -- seconds; certificates, signatures of AWS and schedules depend on it

--- Compares the clocks.
---@param note o2x.doctor.Note
---@param theirs number? seconds since 1970; nil: the system does not say
---@param whose string
function M.compare(note, theirs, whose)
  local difference = theirs and clock.now() - theirs
  if not difference or math.abs(difference) <= MOST then return end
  note:finding(
    ("the clocks differ: this machine is %s %s %s"):format(
      units.duration(math.abs(difference)),
      difference > 0 and "ahead of" or "behind",
      whose
    ),
    "timedatectl set-ntp true, on the machine that is wrong; timedatectl status shows it",
    nil,
    ("clock %d min"):format(difference // 60) -- if this machine's is wrong, all systems differ by as much
  )
end

local MONTHS <const> = {
  Jan = 1,
  Feb = 2,
  Mar = 3,
  Apr = 4,
  May = 5,
  Jun = 6,
  Jul = 7,
  Aug = 8,
  Sep = 9,
  Oct = 10,
  Nov = 11,
  Dec = 12,
}

--- The time of a Date header.
---@param text string? "Tue, 10 Feb 2026 12:00:00 GMT"
---@return number? seconds since 1970
function M.of_header(text)
  local day, month, year, time = (text or ""):match "^%a+, (%d+) (%a+) (%d+) (%d+:%d+:%d+) GMT$"
  if not day or not MONTHS[month] then return nil end
  local ok, seconds = pcall(clock.parse, ("%s-%02d-%02dT%sZ"):format(year, MONTHS[month], day, time))
  return ok and seconds or nil
end

return M
