--- What the lab's HTTP servers were asked, counted by method and path: `o2x lab requests`. The benchmarks and tests
--- that count requests take the difference of two looks. Whoever must see more (was it a write?) makes the file
--- `requests.log` in the lab's folder: from then on each request is added to it, a JSON object a line;
--- with its body where that is text.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"

local M = {}

--- Name of the file in the lab's folder.
M.LOG = "requests.log"

local MOST <const> = 10000 -- different lines; a lab that was used for long has seen more, which count as "other"

--- A new, empty count.
---@param folder string? of the lab
---@return { lines: table<string, integer>, different: integer, log: string? }
function M.new(folder) return { lines = {}, different = 0, log = folder and fs.join(folder, M.LOG) } end

local function note(path, service, req)
  if not fs.exists(path) then return end
  local body = utf8.len(req.body) and req.body or nil -- helm and kubectl send protobuf
  local line = json.encode { service = service, method = req.method, target = req.target, body = body }
  fs.append(path, line .. "\n")
end

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
    if counted.log and service ~= "control" then note(counted.log, service, req) end
    return handle(req)
  end
end

return M
