--- A server that speaks Redis' protocol and answers each command as a test wants.

local listen = require "o2x.core.listen"
local redis = require "o2x.client.redis"
local task = require "o2x.base.task"

local LONGEST <const> = 30 -- seconds

-- Answers one connection until it ends.
local function serve(listener, answer)
  task.wait_fd(listener:fd(), "r", LONGEST)
  local connection <close> = listener:accept()
  while true do
    local bytes, _, code = connection:read()
    if bytes == "" then return end
    if bytes then
      for command in bytes:gmatch("%*%d+\r\n%$%d+\r\n(%u+)") do
        connection:write(answer(command))
      end
    elseif code == "EAGAIN" then
      task.wait_fd(connection:fd(), "r", LONGEST)
    else
      return
    end
  end
end

--- Calls fn with a client of such a server.
---@param answer fun(command: string): string
---@param fn fun(client: table): any
---@return boolean ok
---@return any result or problem
return function(answer, fn)
  local listener <close> = assert(listen.open("127.0.0.1", 0))
  local handle = task.spawn(serve, listener, answer)
  local client <close> = redis.connect { url = ("redis://127.0.0.1:%d/0"):format(listener:port()) }
  local result = table.pack(pcall(task.timeout, LONGEST, fn, client))
  client:close()
  handle:wait(5)
  return table.unpack(result, 1, result.n)
end
