--- A server of HTTP/2 for tests: `openssl s_server` speaks TLS, the frames are written here. It serves one connection,
--- answers 200 to each request once `at_once` of them have come, and knows no more of HPACK than that.
--
--   local server <close> = h2_server.open(certs.good, { at_once = 8 })
--   http.request { url = server.url, ca = certs.ca }
--   server.requests   --> how many came
--   server.bodies     --> the bodies that came, by their streams

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local listen = require "o2x.core.listen"
local proc = require "o2x.base.proc"
local task = require "o2x.base.task"

local M = {}

local PREFACE <const> = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
local DATA <const>, HEADERS <const>, RST_STREAM <const>, SETTINGS <const>, PING <const> = 0, 1, 3, 4, 6
local GOAWAY <const> = 7
local END_STREAM <const>, END_HEADERS <const>, ACK <const> = 1, 4, 1
local STATUS_200 <const> = "\x88" -- in HPACK's static table

local function frame(kind, flags, stream, payload) return (">I3BBI4"):pack(#payload, kind, flags, stream) .. payload end

local Server = {}
Server.__index = Server

function Server:send(bytes)
  local at, done = 1, false
  while not done do
    local next_at, more = self.child:write(bytes, at)
    if next_at then
      at, done = next_at, more
    else
      task.wait_fd(self.child:fd "stdin", "w", 60)
    end
  end
end

-- Bytes from the client, exactly so many; nil when it has left.
function Server:take(count)
  while #self.held < count do
    local bytes, why = self.child:read "stdout"
    if bytes == "" or not bytes and why ~= "again" then return nil end
    if bytes then
      self.held = self.held .. bytes
    else
      task.wait_fd(self.child:fd "stdout", "r", 60)
    end
  end
  local taken = self.held:sub(1, count)
  self.held = self.held:sub(count + 1)
  return taken
end

function Server:answer(stream)
  local action = self.options.instead
  if action == "reset" then return self:send(frame(RST_STREAM, 0, stream, (">I4"):pack(2))) end
  if action == "leave" then
    self:send(frame(GOAWAY, 0, 0, (">I4I4"):pack(stream, 2)))
    return self.child:kill(15)
  end
  self:send(frame(HEADERS, END_HEADERS, stream, STATUS_200) .. frame(DATA, END_STREAM, stream, "ok " .. stream))
end

function Server:complete(stream)
  self.requests = self.requests + 1
  self.open[#self.open + 1] = stream
  if #self.open < (self.options.at_once or 1) then return end
  local waiting = self.open
  self.open = {}
  for _, each in ipairs(waiting) do
    self:answer(each)
  end
end

function Server:on_frame(kind, flags, stream, payload)
  if kind == SETTINGS and flags & ACK == 0 then self:send(frame(SETTINGS, ACK, 0, "")) end
  if kind == PING and flags & ACK == 0 then self:send(frame(PING, ACK, 0, payload)) end
  if kind == DATA then self.bodies[stream] = (self.bodies[stream] or "") .. payload end
  if (kind == HEADERS or kind == DATA) and flags & END_STREAM ~= 0 then self:complete(stream) end
end

function Server:serve()
  if self:take(#PREFACE) ~= PREFACE then return end
  self:send(frame(SETTINGS, 0, 0, ""))
  while true do
    local head = self:take(9)
    if not head then return end
    local size, kind, flags, stream = (">I3BBI4"):unpack(head)
    local payload = self:take(size)
    if not payload then return end
    self:on_frame(kind, flags, stream, payload)
  end
end

local function free_port()
  local listener <close> = assert(listen.open("127.0.0.1", 0))
  return listener:port()
end

--- Starts a server.
---@param certificate { cert: string, key: string } of "localhost"
---@param options { at_once: integer?, instead: "reset"|"leave"|nil }? instead: of an answer
---@return table server url, requests, bodies; <close> it
function M.open(certificate, options)
  local folder, port = fs.temp_folder(), free_port()
  local function file(name)
    fs.write(fs.join(folder, name), certificate[name])
    return fs.join(folder, name)
  end
  local child = proc.start {
    argv = {
      "openssl",
      "s_server",
      "-quiet",
      "-alpn",
      "h2",
      "-accept",
      tostring(port),
      "-cert",
      file "cert",
      "-key",
      file "key",
    },
    stdin = "",
  }
  local server = setmetatable({
    child = child,
    folder = folder,
    url = ("https://localhost:%d/"):format(port),
    options = options or {},
    held = "",
    requests = 0,
    open = {},
    bodies = {},
  }, Server)
  server.handle = task.spawn(function() server:serve() end)
  eventually("openssl listens", function()
    for line in io.lines "/proc/net/tcp" do
      if line:find((":%04X 00000000:0000 0A"):format(port), 1, true) then return true end
    end
    for line in io.lines "/proc/net/tcp6" do
      if line:find((":%04X 0+:0000 0A"):format(port)) then return true end
    end
  end)
  return server
end

--- Stops the server.
function Server:close()
  self.handle:cancel()
  self.handle:wait(5, true)
  self.child:close()
  fs.remove_tree(self.folder)
end

Server.__close = Server.close

return M
