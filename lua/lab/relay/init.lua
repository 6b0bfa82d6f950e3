--- A relay in front of a real server, so that a fault takes exactly one statement or command. It passes bytes on as
--- they are; a protocol (lab.relay.postgres, lab.relay.redis) reads what the client says, and decides.

local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local listen = require "o2x.core.listen"
local net = require "o2x.base.net"
local task = require "o2x.base.task"

local M = {}

local IDLE <const> = 600 -- seconds

-- Waits until a socket is ready: of an accepted connection (nil, message, code) or of one that we opened (false, "r").
local function ready(connection, answer, what, code, direction)
  if answer == nil and code ~= "EAGAIN" then return false end
  return task.wait_fd(connection:fd(), answer == false and what or direction, IDLE)
end

local function read(connection)
  repeat
    local bytes, what, code = connection:read()
    if bytes then return bytes ~= "" and bytes or nil end
  until not ready(connection, bytes, what, code, "r")
end

-- An accepted connection says how many bytes it took, one that we opened the position of the next.
local function write(connection, bytes, opened)
  local at = 1
  while at <= #bytes do
    local count, what, code = connection:write(bytes, at)
    if count then
      at = opened and count or at + count
    elseif not ready(connection, count, what, code, "w") then
      return false
    end
  end
  return true
end

local function ending(handle)
  return defer(function()
    handle:cancel()
    handle:wait(5, true)
  end)
end

-- `talk` is the protocol's view of this connection: up(bytes) and down(bytes) → the bytes to pass on, and whether the
-- connection breaks then.
local function pipe(from, to, opened, pass, over)
  for bytes in function() return read(from) end do
    local passed, breaks = pass(bytes)
    if not write(to, passed, opened) or breaks then break end
  end
  over:set()
end

local function serve(self, accepted)
  local client <close> = accepted
  local server <close> = net.connect { host = "127.0.0.1", port = self.target() }
  local talk, over <close> = self.protocol(self.take, function(bytes) write(client, bytes) end), task.event()
  local _up <close> = ending(task.spawn(pipe, client, server, true, function(bytes) return talk:up(bytes) end, over))
  local _down <close> =
    ending(task.spawn(pipe, server, client, false, function(bytes) return talk:down(bytes) end, over))
  task.wait(over, math.huge)
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

---@class lab.relay
---@field port integer
local Relay = {}
Relay.__index = Relay

--- Breaks all connections.
function Relay:cut()
  for handle in pairs(self.handles) do
    handle:cancel()
  end
end

--- Closes it and its connections.
function Relay:close()
  self.accepting:cancel()
  self.accepting:wait()
  self:cut()
  self.listener:close()
end

--- Opens a relay.
---@param lab table
---@param name string of its port
---@param options { target: fun(): integer, protocol: function, take: fun(text: string): table? } target: the server's
---  port; protocol(take, answer): a new connection's view; take: the rule for a statement or command
---@return lab.relay
function M.open(lab, name, options)
  local listener, port = lab.on_port(name, function(free)
    local fields = { kind = "failed", module = "lab", op = "relay", message = ("%s:%d"):format(lab.host, free) }
    return errors.check(fields, listen.open(lab.host, free))
  end)
  local self = setmetatable({
    listener = listener,
    port = port,
    target = options.target,
    protocol = options.protocol,
    take = options.take,
    handles = {},
  }, Relay)
  self.accepting = task.spawn(accept_all, self)
  return self
end

return M
