--- What the lab's HTTP servers were asked and carried out, in order: who was asked, for what, what came out, and
--- whether it was a write. Tests that a plan only reads, and that nothing is done twice, look here.

local clock = require "o2x.base.clock"
local writes = require "lab.asked.writes"

local M = {}

local MOST <const> = 20000 -- requests; a lab that is used by hand keeps no more

--- A new, empty list.
---@return { list: table[], left_out: integer }
function M.new() return { list = {}, left_out = 0 } end

--- Forgets all requests.
---@param asked table
function M.empty(asked)
  asked.list, asked.left_out = {}, 0
end

local function add(asked, entry)
  if #asked.list >= MOST then
    asked.left_out = asked.left_out + 1
    return
  end
  asked.list[#asked.list + 1] = entry
end

--- Notes a statement or command that a relay passed on, or a query of the name server.
---@param asked table
---@param entry { service: string, statement: string?, method: string?, target: string? }
function M.note(asked, entry)
  entry.at = clock.now()
  add(asked, entry)
end

--- Notes the requests of a service. A request is noted before it is handled, so that the order is that of the effects;
--- its status comes when it is there.
---@param asked table
---@param service string
---@param handle function
---@return function
function M.wrap(asked, service, handle)
  if service == "control" then return handle end
  return function(req)
    local entry = { at = clock.now(), service = service, method = req.method, target = req.target }
    entry.write, entry.identity, entry.content, entry.object = writes.judge(service, req)
    add(asked, entry)
    local status, headers, body = handle(req)
    entry.status = status or not req.taken and 200 or nil
    return status, headers, body
  end
end

return M
