---JSON with exact integers and sorted keys; secrets are rejected.

local core = require "o2x.core.json"
local errors = require "o2x.base.error"

local M = {}

---The value of JSON's null; equal only to itself.
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

---Decodes JSON. Without options it reads what a server may send, as Go reads it: an integer beyond 64 bits becomes the
---nearest float, `\u0000` a NUL byte, half of a surrogate pair U+FFFD, and of two members with one name the last one
---counts. In a file that an operator wrote (`exact`) each of these is an error with its line. Trailing text, invalid
---UTF-8, a number that no double can hold and more than 256 levels always are.
---@param text string
---@param source string? the file or request the text is from, for the error's message
---@param options { exact: boolean? }?
---@return any
function M.decode(text, source, options)
  local value, message, code = core.decode(text, options and options.exact or false)
  if message then raise("decode", message, code, source or "json") end
  return value
end

---Removes what is null from maps, in place. Readers take null and absent for the same; Lua does not: `x or {}` keeps a
---null. Items of lists stay, because their places count.
---@param value any decoded JSON or YAML
---@return any value nil for null
M.without_nulls = core.without_nulls

---Decodes JSON for a reader: what is null is absent.
---@param text string
---@param source string? the file or request the text is from, for the error's message
---@param options { exact: boolean? }? as for decode
---@return any value nil for null
function M.read(text, source, options) return M.without_nulls(M.decode(text, source, options)) end

---Decodes secret JSON, as `decode` does without options; every string below the dotted `prefix` becomes a secret.
---@param text userdata a secret
---@param prefix string such as "data.data"; "" for everything
---@param label string? prefix of the secrets' labels
---@return any
function M.decode_secret(text, prefix, label)
  local value, message, code = core.decode_secret(text, prefix, label)
  if message then raise("decode_secret", message, code, label or "json") end
  return value
end

---Encodes to JSON on one line, with sorted keys.
---@param value any
---@return string
function M.encode(value)
  local text, message, code = core.encode(value)
  if not text then raise("encode", message, code) end
  return text
end

---Encodes to indented JSON (two spaces), with sorted keys and no final newline.
---@param value any
---@return string
function M.pretty(value)
  local text, message, code = core.encode(value, true)
  if not text then raise("pretty", message, code) end
  return text
end

---Encodes values that may contain secrets; the result is a secret.
---@param value any
---@return userdata secret
function M.encode_secret(value)
  local text, message, code = core.encode_secret(value)
  if not text then raise("encode_secret", message, code) end
  return text
end

return M
