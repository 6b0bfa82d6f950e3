--- The reference tools that o2x is compared with; vendor/reference installs them.

local fs = require "o2x.base.fs"

local M = {}

--- A program of a reference tool; nil if the tool is not installed.
---@param tool string as vendor/reference knows it
---@param program string its path in the tool's folder
---@return string? path
function M.find(tool, program)
  local cache = os.getenv "XDG_CACHE_HOME" or fs.join(os.getenv "HOME" or "/", ".cache")
  local path = fs.join(cache, "o2x", "reference", tool, program)
  return fs.exists(fs.join(cache, "o2x", "reference", tool, ".complete")) and fs.exists(path) and path or nil
end

return M
