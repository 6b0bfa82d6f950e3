--- A target: runs fn on an input; errors for people are as good as results, all others are faults.

local errors = require "o2x.base.error"

return function(fn)
  return function(text)
    local ok, problem = xpcall(fn, errors.handler, text)
    if ok then return end
    if problem.kind == "bug" then error(problem.traceback or problem.message, 0) end
    local message = tostring(problem)
    if #message > 4096 or message:find "\n" then error("the message is not one line: " .. message, 0) end
  end
end
