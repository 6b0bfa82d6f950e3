--- What the lab's HTTP servers were asked, counted by method and path: `o2x lab requests`. The benchmarks and tests
--- that count requests take the difference of two looks.

local M = {}

local MOST <const> = 10000 -- different lines; a lab that was used for long has seen more, which count as "other"

--- A new, empty count.
---@return { lines: table<string, integer>, different: integer }
function M.new() return { lines = {}, different = 0 } end

--- Counts the requests of a service before its handler gets them.
---@param counted table
---@param service string
---@param handle function
---@return function
function M.wrap(counted, service, handle)
  return function(req)
    local line = ("%s %s %s"):format(service, req.method, req.target)
    if not counted.lines[line] then
      if counted.different < MOST then
        counted.different = counted.different + 1
      else
        line = service .. " other"
      end
    end
    counted.lines[line] = (counted.lines[line] or 0) + 1
    return handle(req)
  end
end

return M
