---JSON: exact integers, sorted keys, secrets refused.

local core = require "o2x.core.json"
local errors = require "o2x.base.error"

local M = {}

---The value that JSON's null becomes; equal only to itself.
M.null = core.null

---Marks a table as an array, so that an empty one is written `[]`.
---@generic T: table
---@param t T
---@return T
M.array = core.array

---@param v any
---@return boolean
M.is_array = core.is_array

local function raise(op, message, code, source)
  local place, what = message:match "^(%d+:%d+): (.*)"
  errors.raise {
    kind = code == "secret" and "refused" or "input",
    module = "json",
    op = op,
    code = code,
    message = what or message,
    where = place and source .. ":" .. place,
  }
end

---Reads JSON. Trailing text, duplicate keys, `\u0000`, bad UTF-8, integers beyond 64 bit and more than 64 levels are
---errors.
---@param text string
---@param source string? the file or request the text is from, for the error's message
---@return any
function M.decode(text, source)
  local value, message, code = core.decode(text)
  if message then raise("decode", message, code, source or "json") end
  return value
end

---Reads a secret JSON text; every string below the dotted `prefix` comes out as a secret.
---@param text userdata a secret
---@param prefix string such as "data.data"; "" for everything
---@param label string? what the names of the secrets begin with
---@return any
function M.decode_secret(text, prefix, label)
  local value, message, code = core.decode_secret(text, prefix, label)
  if message then raise("decode_secret", message, code, label or "json") end
  return value
end

---Writes JSON on one line, object keys sorted.
---@param value any
---@return string
function M.encode(value)
  local text, message, code = core.encode(value)
  if not text then raise("encode", message, code) end
  return text
end

---Writes JSON for people: two spaces a level, object keys sorted, no newline at the end.
---@param value any
---@return string
function M.pretty(value)
  local text, message, code = core.encode(value, true)
  if not text then raise("pretty", message, code) end
  return text
end

---Writes JSON that may hold secrets; the result is a secret.
---@param value any
---@return userdata secret
function M.encode_secret(value)
  local text, message, code = core.encode_secret(value)
  if not text then raise("encode_secret", message, code) end
  return text
end

return M
