--- A target: runs fn on an input; errors for people are as good as results, all others are faults.

local errors = require "o2x.base.error"

return function(fn)
  return function(text)
    local ok, problem = xpcall(fn, errors.handler, text)
    if ok then return end
    if problem.kind == "bug" then error(problem.traceback or problem.message, 0) end
    if #tostring(problem) > 4096 then error("the message is too long for a line", 0) end
  end
end
