--- What the parts of the Vault simulator answer with: plain tables that vault.lua turns into HTTP.

local clock = require "o2x.base.clock"
local crypto = require "o2x.base.crypto"

local M = {}

---@param data table?
---@param fields table? auth, wrap_info, warnings, mount_type, status
function M.ok(data, fields)
  local answer = { status = 200, data = data }
  for name, value in pairs(fields or {}) do
    answer[name] = value
  end
  return answer
end

--- An answer outside the usual envelope, as those of sys/health and the like are.
function M.plain(status, body) return { status = status, plain = body } end

--- An answer without a body.
function M.empty() return { status = 204 } end

---@param status integer
---@param ... string messages; none for the bare 404
function M.fail(status, ...) return { status = status, errors = { ... } } end

--- Vault's word for a token that is unknown, expired or revoked.
function M.invalid_token() return M.fail(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n") end

--- Vault's word for a token whose policies do not allow it.
function M.denied() return M.fail(403, "1 error occurred:\n\t* permission denied\n\n") end

--- Vault's word for a path that no engine is mounted at.
---@param path string
function M.no_route(path) return M.fail(404, ("no handler for route %q. route entry not found."):format(path)) end

--- A moment as Vault writes it.
function M.moment(now) return clock.iso(now, 9) end

--- A random UUID, as Vault names requests, accessors and leases.
---@return string
function M.uuid()
  local hex = crypto.hex(crypto.random(16))
  return ("%s-%s-%s-%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12), hex:sub(13, 16), hex:sub(17, 20), hex:sub(21))
end

local ALPHABET <const> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

--- Random letters and digits.
function M.letters(count)
  return (
    crypto.random(count):gsub(".", function(byte)
      local i = byte:byte() % #ALPHABET + 1
      return ALPHABET:sub(i, i)
    end)
  )
end

local UNITS <const> = { s = 1, m = 60, h = 3600, d = 86400 }

--- Seconds of "768h", "1h30m", "60", 60; nil if it is none of these.
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

--- The names of a table, sorted.
function M.names(set)
  local list = {}
  for name in pairs(set) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

return M
