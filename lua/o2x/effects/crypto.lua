--- Hashes for runbooks: require "o2x.crypto". A password goes in as a secret and comes out as its bcrypt hash.

local crypto = require "o2x.crypto"
local value = require "o2x.value"

return {
  name = "crypto",
  api = function()
    return {
      -- In a plan a password that would be generated is not known, and neither is its hash.
      bcrypt = function(password) return value.is_unknown(password) and value.unknown or crypto.bcrypt(password) end,
      bcrypt_matches = function(password, hash)
        return not value.is_unknown(password) and crypto.bcrypt_matches(password, hash)
      end,
      sha256 = crypto.sha256, base64 = crypto.base64, unbase64 = crypto.unbase64, hex = crypto.hex,
    }
  end,
}
