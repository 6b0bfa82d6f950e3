--- Responses of the Vault simulator: plain tables that lab.vault turns into HTTP.

local clock = require "o2x.base.clock"
local crypto = require "o2x.base.crypto"

local M = {}

--- A successful response.
---@param data table?
---@param fields table? auth, wrap_info, warnings, mount_type, status
---@return table response
function M.ok(data, fields)
  local response = { status = 200, data = data }
  for name, value in pairs(fields or {}) do
    response[name] = value
  end
  return response
end

--- A response without the usual envelope, such as that of sys/health.
---@param status integer
---@param body table
---@return table response
function M.plain(status, body) return { status = status, plain = body } end

--- A response without a body.
---@return table response
function M.empty() return { status = 204 } end

--- An error response.
---@param status integer
---@param ... string messages; none for a plain 404
---@return table response
function M.fail(status, ...) return { status = status, errors = { ... } } end

--- The response to a token that is unknown, expired or revoked.
---@return table response
function M.invalid_token() return M.fail(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n") end

--- The response to a request that the token's policies do not allow.
---@return table response
function M.denied() return M.fail(403, "1 error occurred:\n\t* permission denied\n\n") end

--- The response to a path without a mounted engine.
---@param path string
---@return table response
function M.no_route(path) return M.fail(404, ("no handler for route %q. route entry not found."):format(path)) end

--- The response to an operation that a path does not have.
---@return table response
function M.unsupported() return M.fail(405, "1 error occurred:\n\t* unsupported operation\n\n") end

--- A time in Vault's format.
---@param now number seconds since 1970
---@return string
function M.time(now) return clock.iso(now, 9) end

local ALPHABET <const> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

--- Random letters and digits.
---@param count integer
---@return string
function M.letters(count)
  return (
    crypto.random(count):gsub(".", function(byte)
      local i = byte:byte() % #ALPHABET + 1
      return ALPHABET:sub(i, i)
    end)
  )
end

local UNITS <const> = { s = 1, m = 60, h = 3600, d = 86400 }

--- A duration in seconds: of "768h", "1h30m", "60" or 60; nil if it is invalid, 0 if it is absent.
---@param value string|number|nil
---@return integer|nil
function M.seconds(value)
  if value == nil or value == "" then return 0 end
  local number = tonumber(value)
  if number then return math.tointeger(number // 1) end
  local total, rest = 0, value
  if type(value) ~= "string" then return nil end
  while rest ~= "" do
    local count, unit, after = rest:match "^(%d+)([smhd])(.*)$"
    if not count then return nil end
    total, rest = total + tonumber(count) * UNITS[unit], after
  end
  return math.tointeger(total)
end

return M
