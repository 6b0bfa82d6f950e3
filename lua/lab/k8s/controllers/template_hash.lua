--- The short hash in the names of ReplicaSets and pods, of their pod template.
local crypto = require "o2x.base.crypto"
local json = require "o2x.base.json"

local M = {}

local LETTERS = "bcdfghjklmnpqrstvwxz2456789"

--- The hash of a pod template.
---@param template table
---@return string such as "7cdf8c4b8b"
function M.hash(template)
  local digits = tostring(crypto.crc32c(json.encode(template)))
  return (digits:gsub(".", function(c)
    local at = c:byte() % #LETTERS + 1
    return LETTERS:sub(at, at)
  end))
end

return M
