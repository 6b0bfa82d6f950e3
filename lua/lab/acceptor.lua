--- Takes the connections of a listener: each has a task of its own, and ends with the acceptor.

local task = require "o2x.base.task"

local M = {}

---@class lab.acceptor
local Acceptor = {}
Acceptor.__index = Acceptor

local function accept_all(self)
  while true do
    local client = self.listener:accept()
    if client then
      local handle = task.spawn(self.serve, client)
      self.handles[handle] = true
      handle.on_end = function() self.handles[handle] = nil end
    else
      task.wait_fd(self.listener:fd(), "r", math.huge)
    end
  end
end

--- Starts to accept.
---@param listener userdata of o2x.core.listen; the acceptor's from now on
---@param serve fun(client: userdata) closes the connection
---@return lab.acceptor
function M.start(listener, serve)
  local self = setmetatable({ listener = listener, serve = serve, handles = {} }, Acceptor)
  self.accepting = task.spawn(accept_all, self)
  return self
end

--- Breaks all connections.
function Acceptor:cut()
  for handle in pairs(self.handles) do
    handle:cancel()
  end
end

--- Closes the listener and its connections.
function Acceptor:close()
  self.accepting:cancel()
  self.accepting:wait()
  self:cut()
  self.listener:close()
end

return M
