--- A relay to a server on this machine that is as far away as one likes, and counts what a client asks of it.
---
---     local relay <close> = relay.open { port = server.port, seconds = 0.02 }
---     pg.connect { port = relay.port … }
---     relay.connections, relay.turns      --> 1, 4
---
--- A turn is a round trip: the client sends after the server has spoken. The handshake of TCP is one more; it is not
--- counted, but it takes its time. On a way that takes no time, a server may speak before the client has said all, so
--- counts need some milliseconds. Nobody waits for an answer to PostgreSQL's farewell, so that is none.

local bytes_of = require "tests.support.bytes_of"
local defer = require "o2x.base.defer"
local listen = require "o2x.core.listen"
local net = require "o2x.base.net"
local task = require "o2x.base.task"

local M = {}

local FAREWELL <const> = "X\0\0\0\4"

-- Ends a task when the block ends, before the descriptors that it watches are closed.
local function ending(handle)
  return defer(function()
    handle:cancel()
    handle:wait(5, true)
  end)
end

-- Passes bytes on when they are due. `heard` is called for each portion as it comes.
local function pipe(from, to, opened, seconds, heard)
  local queue, news = {}, task.event()
  local _reader <close> = ending(task.spawn(function()
    for bytes in function() return bytes_of.more(from) end do
      local extra = heard(bytes) or 0
      queue[#queue + 1] = { task.now() + seconds + extra, bytes }
      news:set()
    end
    queue[#queue + 1] = { task.now() + seconds }
    news:set()
  end))
  while true do
    while not queue[1] do
      task.wait(news, math.huge)
      news:clear()
    end
    local due, bytes = table.unpack(table.remove(queue, 1), 1, 2)
    if due > task.now() then task.sleep(due - task.now()) end
    if not bytes or not bytes_of.write(to, bytes, opened) then return end
  end
end

local function serve(self, accepted)
  local client <close> = accepted
  local server <close> = net.connect { host = "127.0.0.1", port = self.target }
  self.connections = self.connections + 1
  local first, spoken = self.seconds, true
  local function heard(bytes)
    if spoken and bytes ~= FAREWELL then
      self.turns = self.turns + 1
      if self.on_turn then self.on_turn(bytes) end
    end
    spoken = false
    local handshake = first
    first = 0
    return handshake
  end
  local _up <close> = ending(task.spawn(pipe, client, server, true, self.seconds / 2, heard))
  pipe(server, client, false, self.seconds / 2, function() spoken = true end)
end

local function accept_all(self, listener)
  while true do
    local client = listener:accept()
    if client then
      self.handles[#self.handles + 1] = task.spawn(serve, self, client)
    else
      task.wait_fd(listener:fd(), "r", math.huge)
    end
  end
end

local Relay = {}
Relay.__index = Relay

--- Closes it and its connections.
function Relay:close()
  for _, handle in ipairs(self.handles) do
    handle:cancel()
  end
  for _, handle in ipairs(self.handles) do
    handle:wait(5, true)
  end
  self.listener:close()
end

Relay.__close = Relay.close

--- Opens one; close it.
---@param options { port: integer, seconds: number?, on_turn: fun(bytes: string)? } seconds: how long a round trip takes
---@return table relay port, connections, turns
function M.open(options)
  local listener = assert(listen.open("127.0.0.1", 0))
  local self = {
    port = listener:port(),
    target = options.port,
    seconds = options.seconds or 0,
    on_turn = options.on_turn,
    listener = listener,
    handles = {},
    connections = 0,
    turns = 0,
  }
  self.handles[1] = task.spawn(accept_all, self, listener)
  return setmetatable(self, Relay)
end

return M
