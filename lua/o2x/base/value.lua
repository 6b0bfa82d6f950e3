--- Values of effects: compares them, and copies them without their secrets (plain.lua).

local mask = require "o2x.base.mask"
local plain = require "o2x.base.plain"
local secret = require "o2x.base.secret"
local unknown = require "o2x.base.unknown"

local M = {}

--- The value that stands for "known after apply".
M.unknown = unknown.value

--- Is it the value that stands for "known after apply"?
---@param value any
---@return boolean
M.is_unknown = unknown.is

--- A copy that JSON can hold, as the records keep it: see plain.lua.
---@param value any
---@param what string? what the value is, for the error about a function or handle in it
---@param planned boolean? for a plan: what is made by chance is unknown
---@return any
function M.plain(value, what, planned) return plain.of(value, { what = what, planned = planned }) end

--- A copy that JSON can hold, for people and programs that read it: numbers are numbers.
---@param value any
---@return any
function M.displayed(value) return plain.of(value, { shown = true }) end

--- Makes the value of a record again. A secret stays a reference.
M.revive = plain.revive

--- Does a value from a journal contain a reference instead of content: to a secret, or to a value that contained one?
M.has_reference = plain.has_reference

local is_reference = plain.is_secret

-- Compares a secret with another one, with text, or with its reference from a journal.
local function equal_secrets(a, b)
  if is_reference(a) then
    a, b = b, a
  end
  if is_reference(b) then return secret.is(a) and secret.fingerprint(a) == b.fp or is_reference(a) and a.fp == b.fp end
  local function comparable(v) return secret.is(v) or type(v) == "string" end
  return comparable(a) and comparable(b) and secret.equal(a, b)
end

-- Compares a value with what a journal has of one that contained a secret.
local function equal_masked(a, b)
  if mask.is_reference(a) then
    a, b = b, a
  end
  return (mask.is_reference(a) and a.fp or mask.tag(M.plain(M.revive(a)))) == b.fp
end

-- A kept float stands for the number: a system may give back 2 for the 2.0 that was written.
local function number_of(value)
  return type(value) == "table" and type(rawget(value, "$float")) == "string" and plain.revive(value) or value
end

--- Deep equality. Numbers are compared by value, and NaN equals NaN, as in PostgreSQL; secrets by content; an unknown
--- value equals nothing.
---@param a any
---@param b any
---@return boolean
function M.equal(a, b)
  if M.is_unknown(a) or M.is_unknown(b) then return false end
  if rawequal(a, b) then return true end
  if mask.is_reference(a) or mask.is_reference(b) then return equal_masked(a, b) end
  if secret.is(a) or secret.is(b) or is_reference(a) or is_reference(b) then return equal_secrets(a, b) end
  a, b = number_of(a), number_of(b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b or a ~= a and b ~= b end
  for key, value in pairs(a) do
    if not M.equal(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

--- Does a value contain a secret?
---@param value any
---@return boolean
function M.has_secret(value)
  if secret.is(value) then return true end
  if type(value) ~= "table" or M.is_unknown(value) then return false end
  for _, item in pairs(value) do
    if M.has_secret(item) then return true end
  end
  return false
end

--- Does a value contain one that is known only after apply?
---@param value any
---@return boolean
function M.has_unknown(value)
  if M.is_unknown(value) then return true end
  if type(value) ~= "table" or secret.is(value) then return false end
  for _, item in pairs(value) do
    if M.has_unknown(item) then return true end
  end
  return false
end

local ADDRESSED <const> = { table = true, ["function"] = true, thread = true }

--- tostring without addresses: "table" where Lua gives "table: 0x55…", unless the table has a __tostring.
---@param value any
---@return string
function M.shown(value)
  local metatable = debug.getmetatable(value)
  if ADDRESSED[type(value)] and not (metatable and rawget(metatable, "__tostring")) then return type(value) end
  return tostring(value)
end

--- Text from scripts and other systems made safe for JSON.
---@param text any
---@return string
function M.text(text)
  text = M.shown(text)
  if utf8.len(text) and not text:find("\0", 1, true) then return text end
  return (text:gsub("[%z\128-\255]", "?"))
end

return M
