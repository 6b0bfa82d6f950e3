--- Plain values as effects carry them: comparing them, and copying them without their secrets.

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local secret = require "o2x.base.secret"

local M = {}

-- What a plan cannot know yet (a generated id, a load balancer's name). Joining it with text or indexing it gives
-- it again, so that a runbook goes on as if it were there.
local Unknown = { __name = "o2x.unknown", __metatable = false }
local unknown = setmetatable({}, Unknown)
Unknown.__tostring = function() return "(known after apply)" end
Unknown.__concat = function() return unknown end
Unknown.__index = function() return unknown end
Unknown.__newindex = function()
  errors.raise { kind = "failed", message = "cannot change a value that is known only after apply" }
end

--- The value that is known only after apply.
M.unknown = unknown

--- Is the value known only after apply?
---@param value any
---@return boolean
function M.is_unknown(value) return rawequal(value, unknown) end

local function is_reference(value)
  return type(value) == "table" and not M.is_unknown(value) and rawget(value, "$secret") ~= nil
end

-- A live secret against another, against text, or against the reference that a journal keeps of it.
local function equal_secrets(a, b)
  if is_reference(a) then
    a, b = b, a
  end
  if is_reference(b) then return secret.is(a) and a:fingerprint() == b.fp or is_reference(a) and a.fp == b.fp end
  local function comparable(v) return secret.is(v) or type(v) == "string" end
  return comparable(a) and comparable(b) and secret.equal(a, b)
end

--- Are two values the same, all the way down? Secrets are compared by content; what is unknown equals nothing.
---@param a any
---@param b any
---@return boolean
function M.equal(a, b)
  if M.is_unknown(a) or M.is_unknown(b) then return false end
  if rawequal(a, b) then return true end
  if secret.is(a) or secret.is(b) or is_reference(a) or is_reference(b) then return equal_secrets(a, b) end
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in next, a do
    if not M.equal(value, b[key]) then return false end
  end
  for key in next, b do
    if a[key] == nil then return false end
  end
  return true
end

--- Does a value hold a secret anywhere?
---@param value any
---@return boolean
function M.has_secret(value)
  if secret.is(value) then return true end
  if type(value) ~= "table" or M.is_unknown(value) then return false end
  for _, item in next, value do
    if M.has_secret(item) then return true end
  end
  return false
end

--- Does a value, read back from a journal, stand for something that is not in it: a secret, or bytes that are no text?
---@param value any
---@return boolean
function M.has_reference(value)
  if type(value) ~= "table" then return false end
  if is_reference(value) or value["$bytes"] then return true end
  for _, item in next, value do
    if M.has_reference(item) then return true end
  end
  return false
end

--- A text that JSON can hold, whatever a system put into its message.
---@param text any
---@return string
function M.text(text)
  text = tostring(text)
  if utf8.len(text) and not text:find("\0", 1, true) then return text end
  return (text:gsub("[%z\128-\255]", "?"))
end

--- A copy that JSON can hold: a secret becomes {"$secret": label, "fp": tag}, never its content.
---@param value any
---@param what string? what it is, for the error about a function or a handle in it
---@return any
function M.plain(value, what)
  if secret.is(value) then
    return { ["$secret"] = tostring(value):match("^‹secret (.*)›$") or "", fp = value:fingerprint() }
  end
  if M.is_unknown(value) then return { ["$unknown"] = true } end
  local kind = type(value)
  if kind == "table" then
    local copy = {}
    for key, item in next, value do
      copy[key] = M.plain(item, what)
    end
    return json.is_array(value) and json.array(copy) or copy
  end
  if kind == "string" and (value:find("\0", 1, true) or not utf8.len(value)) then
    return { ["$bytes"] = crypto.base64(value) } -- JSON has no way to say it
  end
  if kind == "string" or kind == "number" or kind == "boolean" or kind == "nil" or value == json.null then
    return value
  end
  local message = ("%s holds a %s, which cannot be recorded"):format(what or "the value", kind)
  errors.raise { kind = "failed", message = message }
end

return M
