---Hashes, random bytes, base64, hex and bcrypt.

local core = require "o2x.core.crypto"
local errors = require "o2x.base.error"

local M = {}

local function check(op, value, message, code)
  if value == nil then errors.raise { kind = "input", module = "crypto", op = op, code = code, message = message } end
  return value
end

---SHA-1 as 40 hexadecimal digits: for names of files that others chose by it, never for security.
---@param text string
---@return string
function M.sha1(text) return core.hex(core.sha1(text)) end

---SHA-256 as 64 hexadecimal digits. Rejects secrets, because a plain hash of a short one can be guessed; use
---`secret.fingerprint(s)`.
---@param text string
---@return string
function M.sha256(text) return core.hex(core.sha256(text)) end

---SHA-256 as 32 bytes.
---@param text string
---@return string
M.sha256_bytes = core.sha256

---HMAC-SHA-256 as 64 hexadecimal digits.
---@param key string|userdata
---@param text string|userdata
---@return string
function M.hmac_sha256(key, text) return core.hex(core.hmac_sha256(key, text)) end

---HMAC-SHA-256 as 32 bytes, or as a secret if a label is given (a derived key).
---@param key string|userdata
---@param text string|userdata
---@param label string?
---@return string|userdata
M.hmac_sha256_bytes = core.hmac_sha256

---CRC-32C; `before` is the checksum of the preceding text.
---@param text string
---@param before integer?
---@return integer
M.crc32c = core.crc32c

---Random bytes from the kernel.
---@param count integer
---@return string
M.random = core.random

--- Bytes as hex digits.
---@param bytes string
---@return string
M.hex = core.hex

--- The bytes of hex digits; other text is bad input.
---@param text string
---@return string
function M.unhex(text) return check("unhex", core.unhex(text)) end

--- Bytes as base64.
---@param bytes string
---@return string
M.base64 = core.base64

--- The bytes of base64; other text is bad input.
---@param text string
---@return string
function M.unbase64(text) return check("unbase64", core.unbase64(text)) end

local function hash(password, cost, setting)
  local operation = check("bcrypt", core.bcrypt(password, cost, setting))
  return check("bcrypt", require("o2x.base.task").result(operation, 60))
end

---A bcrypt hash ("$2b$10$…") of a password with a new salt.
---@param password string|userdata 1 to 72 bytes
---@param cost integer? 10 if absent
---@return string
function M.bcrypt(password, cost) return hash(password, cost) end

---Does a bcrypt hash belong to this password?
---@param password string|userdata
---@param expected string the hash
---@return boolean
function M.bcrypt_matches(password, expected)
  if not expected:match "^%$2[abxy]%$%d%d%$[./%w]+$" or #expected ~= 60 then return false end
  return hash(password, nil, expected) == expected
end

return M
