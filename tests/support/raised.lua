--- Calls a function that must raise; gives the error object.
local errors = require "o2x.base.error"

return function(fn, ...)
  local ok, problem = pcall(fn, ...)
  if ok then error("nothing was raised", 2) end
  if not errors.is(problem) then error("not an error object: " .. tostring(problem), 2) end
  return problem
end
