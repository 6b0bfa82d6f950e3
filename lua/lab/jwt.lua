--- JSON Web Tokens, signed with HS256.

local crypto = require "o2x.base.crypto"
local json = require "o2x.base.json"

local M = {}

local URL_SAFE <const> = { ["+"] = "-", ["/"] = "_", ["="] = "" }
local PLAIN <const> = { ["-"] = "+", ["_"] = "/" }
local HEADER <const> = '{"alg":"HS256","typ":"JWT"}'

local function encode(bytes) return (crypto.base64(bytes):gsub("[+/=]", URL_SAFE)) end

local function decode(text) return crypto.unbase64(text:gsub("[-_]", PLAIN) .. ("="):rep(-#text % 4)) end

local function signature(text, key) return encode(crypto.hmac_sha256_bytes(key, text)) end

--- A signed token.
---@param claims table
---@param key string
---@return string
function M.sign(claims, key)
  local text = encode(HEADER) .. "." .. encode(json.encode(claims))
  return text .. "." .. signature(text, key)
end

--- The claims of a token, without a check of its signature.
---@param token any
---@return table|nil claims nil if it is not a token
function M.claims(token)
  local payload = tostring(token):match "^[%w_-]+%.([%w_-]+)%.[%w_-]*$"
  if not payload then return nil end
  local ok, claims = pcall(function() return json.decode(decode(payload)) end)
  return ok and type(claims) == "table" and claims or nil
end

--- The claims of a token that was signed with the key.
---@param token string
---@param key string
---@return table|nil claims nil if the token or its signature is invalid
function M.verify(token, key)
  local text, given = token:match "^([%w_-]+%.[%w_-]+)%.([%w_-]+)$"
  return text and given == signature(text, key) and M.claims(token) or nil
end

return M
