--- The tunnel through which the API server reaches pods and kubelets: a proxy for CONNECT on a socket in the file
--- system. The addresses are nobody's; the port says which of the lab's own servers is meant.

local bytes_of = require "lab.bytes_of"
local errors = require "o2x.base.error"
local listen = require "o2x.core.listen"
local net = require "o2x.base.net"
local relay = require "lab.relay"
local task = require "o2x.base.task"

local M = {}

local LONGEST <const> = 8192 -- bytes of a request's head

local function same(bytes) return bytes end

-- The port in "CONNECT 10.244.0.7:8080 HTTP/1.1"; the client waits for the answer before it says more.
local function asked_for(client)
  local head = ""
  while not head:find("\r\n\r\n", 1, true) do
    local bytes = bytes_of.more(client)
    head = head .. (bytes or "")
    if not bytes or #head > LONGEST then return nil end
  end
  return math.tointeger(tonumber(head:match "^CONNECT %S+:(%d+) "))
end

local function serve(self, accepted)
  local client <close> = accepted
  local port = asked_for(client)
  if not port then return end
  local server <close> = net.connect { host = "127.0.0.1", port = self.target(port) }
  if bytes_of.write(client, "HTTP/1.1 200 OK\r\n\r\n", false) then relay.join(client, server, same, same) end
end

local function accept_all(self)
  while true do
    local client = self.listener:accept()
    if client then
      local handle = task.spawn(serve, self, client)
      self.handles[handle] = true
      handle.on_end = function() self.handles[handle] = nil end
    else
      task.wait_fd(self.listener:fd(), "r", math.huge)
    end
  end
end

---@class lab.real.Tunnel
local Tunnel = {}
Tunnel.__index = Tunnel

--- Closes it and its connections.
function Tunnel:close()
  self.accepting:cancel()
  self.accepting:wait()
  for handle in pairs(self.handles) do
    handle:cancel()
  end
  self.listener:close()
end

--- Opens a tunnel.
---@param path string of its socket
---@param target fun(port: integer): integer the local port for a port that is asked for
---@return lab.real.Tunnel
function M.open(path, target)
  local fields = { kind = "failed", module = "lab", op = "tunnel", message = path }
  local listener = errors.check(fields, listen.open_path(path))
  local self = setmetatable({ listener = listener, target = target, handles = {} }, Tunnel)
  self.accepting = task.spawn(accept_all, self)
  return self
end

return M
