--- For tests: O2X_KILL_AT=n ends the process at the n-th arrow of an effect (before the intent, after it, after the
-- write, after the result), as abruptly as kill -9 does.

local program = require "o2x.core.program"

local M = {}

local at, passed = tonumber(os.getenv("O2X_KILL_AT")), 0

--- An arrow.
function M.point()
  if not at then return end
  passed = passed + 1
  if passed == at then program.exit_now(137) end
end

return M
