--- A tenant's grants as a user of Redis' access control lists.

local M = {}

-- What o2x sends: the counts and the removal of keys, how long they take, and what it asks about the server.
local COMMANDS <const> = "-@all +auth +hello +select +ping +info +time +scan +unlink +exists"

--- The command that makes the user, who cannot log in before somebody gives a password. SCAN is not limited by key
--- patterns: it gives the names of all keys, but no value.
---@param identity string
---@param grants table
---@return string
function M.text(identity, grants)
  local words = { "ACL SETUSER", identity, "reset", "on", "resetchannels" }
  for _, prefix in ipairs(grants.redis or {}) do
    words[#words + 1] = "~" .. prefix .. "*"
  end
  words[#words + 1] = COMMANDS
  return table.concat(words, " ")
end

return M
