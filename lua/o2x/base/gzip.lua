--- Unpacks gzip.

local core = require "o2x.core.gzip"
local errors = require "o2x.base.error"

local M = {}

--- The bytes that gzip has packed. Bytes that are no gzip, are cut, or unpack to more than allowed are bad input.
---@param bytes string
---@param most integer bytes of the result at most
---@param what string what it is, for the error: "Secret sh.helm.release.v1.sso.v1"
---@return string
function M.unpack(bytes, most, what)
  local text, problem = core.unpack(bytes, most)
  if text then return text end
  errors.raise { kind = "input", module = "gzip", op = "unpack", message = what .. ": " .. problem }
end

return M
