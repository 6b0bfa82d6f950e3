--- What PostgreSQL keeps of a password, made with one iteration instead of 4,096. They protect passwords that people
--- choose; those of a lab in memory are 128 random bits, and whoever logs in would compute them each time.

local crypto = require "o2x.base.crypto"

local M = {}

local function hmac(key, text) return crypto.unhex(crypto.hmac_sha256(key, text)) end

--- The verifier for CREATE or ALTER ROLE … PASSWORD.
---@param password string letters and digits
---@return string verifier a quoted SQL string
function M.verifier(password)
  local salt = crypto.random(16)
  local salted = hmac(password, salt .. string.pack(">I4", 1))
  local stored = crypto.unhex(crypto.sha256(hmac(salted, "Client Key")))
  local server = hmac(salted, "Server Key")
  return ("'SCRAM-SHA-256$1:%s$%s:%s'"):format(crypto.base64(salt), crypto.base64(stored), crypto.base64(server))
end

return M
