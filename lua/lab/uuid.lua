--- Random UUIDs (version 4).

local crypto = require "o2x.base.crypto"

---@return string
return function()
  local hex = crypto.hex(crypto.random(16))
  local variant = ("%x"):format(8 | tonumber(hex:sub(17, 17), 16) & 3)
  return ("%s-%s-4%s-%s%s-%s"):format(
    hex:sub(1, 8),
    hex:sub(9, 12),
    hex:sub(14, 16),
    variant,
    hex:sub(18, 20),
    hex:sub(21)
  )
end
