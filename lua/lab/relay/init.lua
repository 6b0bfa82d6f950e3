--- A relay in front of a real server, so that a fault takes exactly one statement or command. It passes bytes on as
--- they are; a protocol (lab.relay.postgres, lab.relay.redis) reads what the client says, and decides.

local acceptor = require "lab.acceptor"
local bytes_of = require "lab.bytes_of"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local listen = require "o2x.core.listen"
local net = require "o2x.base.net"
local task = require "o2x.base.task"

local M = {}

local function ending(handle)
  return defer(function()
    handle:cancel()
    handle:wait(5, true)
  end)
end

-- `talk` is the protocol's view of this connection: up(bytes) and down(bytes) → the bytes to pass on, and whether the
-- connection breaks then.
local function pipe(from, to, opened, pass, over)
  for bytes in function() return bytes_of.more(from) end do
    local passed, breaks = pass(bytes)
    if not bytes_of.write(to, passed, opened) or breaks then break end
  end
  over:set()
end

--- Passes on what each side says, until one of them ends.
---@param client table an accepted connection
---@param server table one that we opened
---@param up fun(bytes: string): string, boolean? of what the client says: what is passed on, and is that the end?
---@param down fun(bytes: string): string, boolean? likewise of what the server says
function M.join(client, server, up, down)
  local over <close> = task.event()
  local _up <close> = ending(task.spawn(pipe, client, server, true, up, over))
  local _down <close> = ending(task.spawn(pipe, server, client, false, down, over))
  task.wait(over, math.huge)
end

local function serve(self, accepted)
  local client <close> = accepted
  local server <close> = net.connect { host = "127.0.0.1", port = self.target() }
  local talk = self.protocol(self.take, function(bytes) bytes_of.write(client, bytes) end)
  M.join(client, server, function(bytes) return talk:up(bytes) end, function(bytes) return talk:down(bytes) end)
end

---@class lab.relay
---@field port integer
local Relay = {}
Relay.__index = Relay

--- Breaks all connections.
function Relay:cut() self.acceptor:cut() end

--- Closes it and its connections.
function Relay:close() self.acceptor:close() end

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
  local self = { port = port, target = options.target, protocol = options.protocol, take = options.take }
  self.acceptor = acceptor.start(listener, function(client) serve(self, client) end)
  return setmetatable(self, Relay)
end

return M
