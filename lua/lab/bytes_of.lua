--- The bytes of a connection, for relays and simulators: waits until there are some, or until all are taken.

local task = require "o2x.base.task"

local M = {}

local SECONDS <const> = 600 -- a connection that is idle longer is forgotten

-- What is to be waited for, of an accepted connection (nil, message, code) or of one that we opened (false, "r").
local function wait(connection, answer, what, code, direction)
  if answer == nil and code ~= "EAGAIN" then return false end
  return task.wait_fd(connection:fd(), answer == false and what or direction, SECONDS) and true or false
end

--- Reads at least one byte more; nil at the end.
---@param connection table accepted, or opened by us
---@return string? bytes
function M.more(connection)
  repeat
    local bytes, what, code = connection:read()
    if bytes then return bytes ~= "" and bytes or nil end
  until not wait(connection, bytes, what, code, "r")
end

--- Writes all bytes; false if the other side is gone. An accepted connection says how many bytes it took, one that we
--- opened the position of the next.
---@param connection table
---@param bytes string
---@param opened boolean did we open it?
---@return boolean
function M.write(connection, bytes, opened)
  local at = 1
  while at <= #bytes do
    local count, what, code = connection:write(bytes, at)
    if count then
      at = opened and count or at + count
    elseif not wait(connection, count, what, code, "w") then
      return false
    end
  end
  return true
end

return M
