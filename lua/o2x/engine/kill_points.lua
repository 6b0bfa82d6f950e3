--- For tests: O2X_KILL_AT=n ends the process at the n-th kill point of an effect (before the intent, after it, after
--- the write, after the result), by the same signal as kill -9.

local program = require "o2x.core.program"

local M = {}

local at, passed = tonumber(os.getenv("O2X_KILL_AT")), 0

--- A kill point.
function M.pass()
  if not at then return end
  passed = passed + 1
  if passed == at then program.kill_now() end
end

return M
