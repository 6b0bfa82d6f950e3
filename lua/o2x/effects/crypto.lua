--- Hashes for runbooks: require "o2x.crypto". A password is passed as a secret; its bcrypt hash is a secret too.

local crypto = require "o2x.base.crypto"
local guesses = require "o2x.base.guesses"
local origin = require "o2x.base.origin"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

return {
  name = "crypto",
  secrets = { bcrypt = true, bcrypt_matches = true }, -- a digest or a code of a secret would give it away
  api = function()
    local count = guesses.new "crypto.bcrypt_matches"
    return {
      --- The bcrypt hash of a password, as a secret: hashes can be cracked, so none is in a plan or a journal. In a
      --- plan, a password that would be generated is unknown, and so is its hash.
      ---@param password userdata|string a secret
      ---@return userdata secret
      bcrypt = function(password)
        if value.is_unknown(password) then return value.unknown end
        local hash = secret.mark_fresh(secret.new(crypto.bcrypt(password), "bcrypt hash"))
        return secret.is(password) and origin.note(hash, { how = "bcrypt", of = password }) or hash
      end,
      --- Does the hash match the password? A run may compare a secret with a text 20 times.
      ---@param password userdata|string
      ---@param hash string
      ---@return boolean
      bcrypt_matches = function(password, hash)
        count(password, hash)
        return not value.is_unknown(password) and crypto.bcrypt_matches(password, hash)
      end,
      --- SHA-256 in hex digits.
      ---@param text string
      ---@return string
      sha256 = crypto.sha256,

      --- Base64 of a text.
      ---@param text string
      ---@return string
      base64 = crypto.base64,

      --- The text of base64.
      ---@param text string
      ---@return string
      unbase64 = crypto.unbase64,
      --- Bytes as hex digits.
      ---@param bytes string
      ---@return string
      hex = crypto.hex,
    }
  end,
}
