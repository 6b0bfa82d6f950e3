--- The tunnel through which the API server reaches pods and kubelets: a proxy for CONNECT on a socket in the file
--- system. The addresses are nobody's; the port says which of the lab's own servers is meant.

local acceptor = require "lab.acceptor"
local bytes_of = require "lab.bytes_of"
local errors = require "o2x.base.error"
local listen = require "o2x.core.listen"
local net = require "o2x.base.net"
local relay = require "lab.relay"

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

local function serve(target, accepted)
  local client <close> = accepted
  local port = asked_for(client)
  if not port then return end
  local server <close> = net.connect { host = "127.0.0.1", port = target(port) }
  if bytes_of.write(client, "HTTP/1.1 200 OK\r\n\r\n", false) then relay.join(client, server, same, same) end
end

--- Opens a tunnel.
---@param path string of its socket
---@param target fun(port: integer): integer the local port for a port that is asked for
---@return lab.acceptor tunnel to be closed
function M.open(path, target)
  local fields = { kind = "failed", module = "lab", op = "tunnel", message = path }
  local listener = errors.check(fields, listen.open_path(path))
  return acceptor.start(listener, function(client) serve(target, client) end)
end

return M
