-- The server of bench/memory.lua: /bytes/N and /lines/N are answers of that size, made as they are sent; a PUT is taken
-- and forgotten. Its port is written into the file that is its argument.

package.path = "./?.lua;" .. package.path

local fs = require "o2x.base.fs"
local raw_server = require "tests.support.raw_server"
local task = require "o2x.base.task"

local PORTION <const> = ("x"):rep(65535) .. "\n"
local LINE <const> = "a line of a log, of a list or of something else that is sent a hundred bytes at a time, or so\n"

local POD <const> = '{"metadata":{"name":"acme-%d","labels":{"tenant":"acme"},"uid":"uid-%d"},"spec":{"containers":'
  .. '[{"name":"app","image":"registry.example.com/app:1.0","env":['
  .. ('{"name":"A_VARIABLE","value":"and its value"},'):rep(40):sub(1, -2)
  .. "]}]}}"

local function write(connection, bytes)
  local at = 1
  while at <= #bytes do
    local put, _, code = connection:write(at == 1 and bytes or bytes:sub(at))
    if put then
      at = at + put
    elseif code == "EAGAIN" then
      task.wait_fd(connection:fd(), "w", 60)
    else
      return false
    end
  end
  return true
end

local function send(connection, length, portion)
  local sent = 0
  while sent < length do
    local bytes = length - sent >= #portion and portion or portion:sub(1, length - sent)
    if not write(connection, bytes) then return end
    sent = sent + #bytes
  end
end

local function take(connection, request)
  local length = tonumber(request:match "[Cc]ontent%-[Ll]ength: (%d+)") or 0
  local got = #request - (request:find("\r\n\r\n", 1, true) + 3)
  if request:find "100%-continue" then write(connection, "HTTP/1.1 100 Continue\r\n\r\n") end
  while got < length do
    local bytes, _, code = connection:read()
    if bytes == "" or not bytes and code ~= "EAGAIN" then return end
    if bytes then
      got = got + #bytes
    else
      task.wait_fd(connection:fd(), "r", 60)
    end
  end
end

-- A page of a list of so many pods, from the place in its token on.
local function page(size, request)
  local from = tonumber(request:match "continue=(%d+)") or 0
  local limit = tonumber(request:match "limit=(%d+)") or size
  local items = {}
  for i = from + 1, math.min(from + limit, size) do
    items[#items + 1] = POD:format(i, i)
  end
  local after = from + #items
  local token = after < size and ('"continue":"%d"'):format(after) or ""
  return ('{"kind":"PodList","apiVersion":"v1","metadata":{%s},"items":[%s]}'):format(token, table.concat(items, ","))
end

local server <close> = raw_server.serve(function(request, _, connection)
  local pods = request:match "^GET /pods/(%d+)/"
  if pods then
    local body = page(tonumber(pods), request)
    write(connection, ("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"):format(#body))
    return write(connection, body)
  end
  local what, size = request:match "^GET /(%a+)/(%d+)"
  local length = what == "lines" and tonumber(size) * #LINE or tonumber(size or 0)
  if not what then take(connection, request) end
  write(connection, ("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"):format(length))
  send(connection, length, what == "lines" and LINE:rep(600) or PORTION)
end)
fs.write(arg[2], tostring(server.port))
task.sleep(3600)
