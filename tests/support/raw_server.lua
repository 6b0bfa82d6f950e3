--- A TCP server that answers whatever a test wants, for what no well-behaved HTTP server sends.
local listen = require "o2x.core.listen"
local task = require "o2x.base.task"

local M = {}

local function read_request(connection)
  local held = ""
  while not held:find("\r\n\r\n", 1, true) do
    local bytes, _, code = connection:read()
    if bytes == "" then return held end
    if bytes then
      held = held .. bytes
    elseif code ~= "EAGAIN" then
      return held
    else
      task.wait_fd(connection:fd(), "r")
    end
  end
  return held
end

---Serves each connection with handler(request_text, send, connection) in its own task; closed when it returns.
---@param handler function
---@param options { silent: boolean? }? silent: the client does not speak first, so there is no request_text
---@return table server port, connections (how many came); <close> it
function M.serve(handler, options)
  local listener = assert(listen.open("127.0.0.1", 0))
  local server = { port = listener:port(), connections = 0 }
  local handles = {}
  handles[1] = task.spawn(function()
    while true do
      local connection = listener:accept()
      if not connection then
        task.wait_fd(listener:fd(), "r", math.huge)
        goto continue
      end
      server.connections = server.connections + 1
      handles[#handles + 1] = task.spawn(function()
        local _held <close> = connection
        local request = not (options and options.silent) and read_request(connection) or nil
        handler(request, function(bytes) connection:write(bytes) end, connection)
      end)
      ::continue::
    end
  end)
  return setmetatable(server, {
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
