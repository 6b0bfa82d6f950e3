--- Where a secret comes from, for people who must get it by hand: noted where it is read or made, and never shown with
--- it. A secret without a note comes from the tenant's secrets file, and its label is its place there.

local M = {}

local origins = setmetatable({}, { __mode = "k" })

---@class o2x.origin
---@field how "vault"|"generated"|"bcrypt" read from Vault; made by chance; the hash of another one
---@field mount string? of Vault
---@field path string?
---@field field string?
---@field length integer? of a generated one
---@field of userdata? the secret of which it is the hash

--- Notes where a secret comes from.
---@param secret userdata
---@param origin o2x.origin
---@return userdata secret the same
function M.note(secret, origin)
  origins[secret] = origin
  return secret
end

--- Where a secret comes from.
---@param secret userdata
---@return o2x.origin?
function M.of(secret) return origins[secret] end

return M
