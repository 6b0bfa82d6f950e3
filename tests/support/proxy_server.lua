--- A proxy for tests: CONNECT, requests with a whole URL, and SOCKS5. Whatever host it is asked for, it connects to
--- this machine, at the port that it was asked for. It records what it was asked, and the bytes that passed.
--
--   local proxy <close> = proxy_server.open()
--   http.request { url = "https://other.example:" .. port, proxy = "http://127.0.0.1:" .. proxy.port }
--   proxy.asked      --> { "CONNECT other.example:4711" }
--   proxy.heads      --> the heads of the requests to the proxy itself

local bytes_of = require "lab.bytes_of"
local listen = require "o2x.core.listen"
local net = require "o2x.base.net"
local task = require "o2x.base.task"

local M = {}

local more, write = bytes_of.more, bytes_of.write

local function pipe(from, to, opened, seen)
  for bytes in function() return more(from) end do
    if seen then seen[#seen + 1] = bytes end
    if not write(to, bytes, opened) then return end
  end
end

-- Reads until the text has what is waited for.
local function read_until(connection, held, enough)
  while not enough(held) do
    local bytes = more(connection)
    if not bytes then return held, false end
    held = held .. bytes
  end
  return held, true
end

local function tunnel(self, client, port, rest)
  local server <close> = net.connect { host = "127.0.0.1", port = port }
  write(server, rest, true)
  local up = task.spawn(pipe, client, server, true, self.up)
  self.handles[#self.handles + 1] = up
  pipe(server, client)
  up:cancel()
end

local function by_http(self, client, held)
  held = read_until(client, held, function(text) return text:find("\r\n\r\n", 1, true) end)
  local head, rest = held:match "^(.-\r\n\r\n)(.*)$"
  if not head then return end
  self.heads[#self.heads + 1] = head
  local method, target = head:match "^(%u+) (%S+)"
  self.asked[#self.asked + 1] = method .. " " .. target
  if self.refuse then return write(client, ("HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n"):format(self.refuse)) end
  local port = target:match "^[^/]*:(%d+)$"
  if method == "CONNECT" then
    write(client, "HTTP/1.1 200 OK\r\nX-Of-The-Proxy: yes\r\n\r\n")
    return tunnel(self, client, math.tointeger(tonumber(port)), rest)
  end
  local authority, path = target:match "^http://([^/]+)(.*)$"
  local port_of = math.tointeger(tonumber(authority:match ":(%d+)$"))
  tunnel(self, client, port_of, head:gsub("^(%u+) %S+", "%1 " .. path, 1) .. rest)
end

local function by_socks(self, client, held)
  held = read_until(client, held, function(text) return #text >= 2 and #text >= 2 + text:byte(2) end)
  write(client, "\5\0")
  held = read_until(
    client,
    held:sub(3 + held:byte(2)),
    function(text) return #text >= 5 and #text >= (text:byte(4) == 3 and 7 + text:byte(5) or 10) end
  )
  local host, rest
  if held:byte(4) == 3 then
    host, rest = (">s1"):unpack(held, 5), held:sub(6 + held:byte(5))
  else
    host, rest = ("%d.%d.%d.%d"):format(held:byte(5, 8)), held:sub(9)
  end
  local port = (">I2"):unpack(rest)
  self.asked[#self.asked + 1] = ("SOCKS %s:%d"):format(host, port)
  write(client, "\5\0\0\1\127\0\0\1\0\0")
  tunnel(self, client, port, rest:sub(3))
end

local function serve(self, client)
  local held <close> = client
  local bytes = more(client)
  if not bytes then return end
  if bytes:byte(1) == 5 then return by_socks(self, held, bytes) end
  return by_http(self, held, bytes)
end

--- Opens one.
---@param options { refuse: string? }? refuse: "407 Proxy Authentication Required": its answer to each request
---@return table proxy port, url, asked, heads, up: the bytes from clients within tunnels; <close> it
function M.open(options)
  local listener = assert(listen.open("127.0.0.1", 0))
  local self = { port = listener:port(), asked = {}, heads = {}, up = {}, refuse = options and options.refuse }
  self.url = "http://127.0.0.1:" .. self.port
  local handles = {}
  self.handles = handles
  handles[1] = task.spawn(function()
    while true do
      local client = listener:accept()
      if client then
        handles[#handles + 1] = task.spawn(serve, self, client)
      else
        task.wait_fd(listener:fd(), "r", math.huge)
      end
    end
  end)
  return setmetatable(self, {
    __close = function()
      for _, handle in ipairs(handles) do
        handle:cancel()
      end
      for _, handle in ipairs(handles) do
        handle:wait(5, true)
      end
      listener:close()
    end,
  })
end

return M
