--- A relay to a server on this machine that is as far away as one likes, and counts what a client asks of it.
---
---     local relay <close> = relay.open { port = server.port, seconds = 0.02 }
---     pg.connect { port = relay.port … }
---     relay.connections, relay.turns      --> 1, 4
---     relay.cut = { way = "up", after = 300 }   -- the connection breaks after 300 bytes more to the server
---     relay.passed.down                    --> bytes that came from the server until now
---     relay.silent = true                  -- from now on it takes what the client sends, and never answers
---
--- A turn is a round trip: the client sends after the server has spoken. The handshake of TCP is one more; it is not
--- counted, but it takes its time. On a way that takes no time, a server may speak before the client has said all, so
--- counts need some milliseconds. Nobody waits for an answer to PostgreSQL's farewell, so that is none.

local bytes_of = require "lab.bytes_of"
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

-- What of a portion still passes, and whether the connection breaks then.
local function passing(self, way, bytes)
  if self.silent then return "", false end
  local cut = self.cut
  local breaks = cut and cut.way == way and #bytes >= cut.after
  if breaks then
    self.cut, bytes = nil, bytes:sub(1, cut.after)
  elseif cut and cut.way == way then
    cut.after = cut.after - #bytes
  end
  self.passed[way] = self.passed[way] + #bytes
  return bytes, breaks
end

-- Passes bytes on when they are due. `heard` is called for each portion as it comes, and tells for how much longer it
-- takes, what of it passes, and whether it is the last.
local function pipe(from, to, opened, seconds, heard)
  local queue, news = {}, task.event()
  local _reader <close> = ending(task.spawn(function()
    for bytes in function() return bytes_of.more(from) end do
      local extra, passes, last = heard(bytes)
      queue[#queue + 1] = { task.now() + seconds + extra, passes }
      news:set()
      if last then break end
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
  local first, spoken, broken = self.seconds, true, false
  local function heard(bytes)
    if spoken and bytes ~= FAREWELL then
      self.turns = self.turns + 1
      if self.on_turn then self.on_turn(bytes) end
    end
    spoken = false
    local handshake = first
    first = 0
    local passes, last = passing(self, "up", bytes)
    broken = last
    return handshake, passes, last
  end
  local function answered(bytes)
    spoken = true
    return 0, passing(self, "down", bytes)
  end
  local over = task.event()
  local _up <close> = ending(task.spawn(function()
    pipe(client, server, true, self.seconds / 2, heard)
    if broken then over:set() end -- otherwise the server has something to say yet
  end))
  local _down <close> = ending(task.spawn(function()
    pipe(server, client, false, self.seconds / 2, answered)
    over:set()
  end))
  task.wait(over, math.huge)
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
---@return table relay port, connections, turns, passed, cut
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
    passed = { up = 0, down = 0 },
  }
  self.handles[1] = task.spawn(accept_all, self, listener)
  return setmetatable(self, Relay)
end

return M
