--- Values of effects: compares them, and copies them without their secrets.

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local json = require "o2x.base.json"
local mask = require "o2x.base.mask"
local secret = require "o2x.base.secret"

local M = {}

-- A value that a plan cannot know yet (a generated id, a load balancer's name). Concatenating or indexing it gives the
-- same unknown value, so that a runbook continues as if it were there.
local Unknown = { __name = "o2x.unknown", __metatable = false }
local unknown = frozen.handle(setmetatable({}, Unknown))
Unknown.__tostring = function() return "(known after apply)" end
Unknown.__concat = function() return unknown end
Unknown.__index = function() return unknown end
Unknown.__newindex = function()
  errors.raise { kind = "failed", message = "cannot modify a value that is known only after apply" }
end

--- The value that stands for "known after apply".
M.unknown = unknown

--- Is it the value that stands for "known after apply"?
---@param value any
---@return boolean
function M.is_unknown(value) return rawequal(value, unknown) end

local function is_reference(value)
  return type(value) == "table" and not M.is_unknown(value) and rawget(value, "$secret") ~= nil
end

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
  return (mask.is_reference(a) and a.fp or mask.tag(M.plain(a))) == b.fp
end

--- Deep equality. Secrets are compared by content; an unknown value equals nothing.
---@param a any
---@param b any
---@return boolean
function M.equal(a, b)
  if M.is_unknown(a) or M.is_unknown(b) then return false end
  if rawequal(a, b) then return true end
  if mask.is_reference(a) or mask.is_reference(b) then return equal_masked(a, b) end
  if secret.is(a) or secret.is(b) or is_reference(a) or is_reference(b) then return equal_secrets(a, b) end
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
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

--- Does a value from a journal contain a reference instead of content: to a secret, to a value that contained one, or
--- to binary data?
---@param value any
---@return boolean
function M.has_reference(value)
  if type(value) ~= "table" then return false end
  if is_reference(value) or mask.is_reference(value) or value["$bytes"] then return true end
  for _, item in pairs(value) do
    if M.has_reference(item) then return true end
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

--- A copy that JSON can hold: a secret becomes {"$secret": label, "fp": fingerprint}.
---@param value any
---@param what string? what the value is, for the error about a function or handle in it
---@return any
function M.plain(value, what)
  if secret.is(value) then
    return { ["$secret"] = tostring(value):match("^‹secret (.*)›$") or "", fp = secret.fingerprint(value) }
  end
  if M.is_unknown(value) then return { ["$unknown"] = true } end
  local kind = type(value)
  if kind == "table" then
    local copy = {}
    for key, item in pairs(value) do
      copy[key] = M.plain(item, what)
    end
    return json.is_array(value) and json.array(copy) or copy
  end
  if kind == "string" and (value:find("\0", 1, true) or not utf8.len(value)) then
    return { ["$bytes"] = crypto.base64(value) } -- JSON cannot represent it
  end
  if kind == "string" or kind == "number" or kind == "boolean" or kind == "nil" or value == json.null then
    return value
  end
  local message = ("%s contains a %s, which cannot be recorded"):format(what or "the value", kind)
  errors.raise { kind = "failed", message = message }
end

--- Reverses M.plain: restores binary data. A secret cannot be restored.
---@param value any
---@return any
function M.revive(value)
  if type(value) ~= "table" or value == json.null then return value end
  if type(value["$bytes"]) == "string" then return crypto.unbase64(value["$bytes"]) end
  for key, item in pairs(value) do
    value[key] = M.revive(item)
  end
  return value
end

return M
