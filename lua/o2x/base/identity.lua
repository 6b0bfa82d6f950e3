--- The user and host of a run, as recorded in locks, journals and maintenance notes.

local fs = require "o2x.base.fs"

local M = {}

--- The user's and the machine's names.
---@return string user
---@return string host
function M.here()
  local host = fs.read_if("/proc/sys/kernel/hostname") or "?"
  local user = os.getenv("USER") or os.getenv("LOGNAME") or "uid-" .. require("o2x.core.fs").user()
  return user, (host:gsub("%s+$", ""))
end

return M
