--- Secrets of production never leave it: in their place, a rehearsal has texts that it makes up. The same secret gets
--- the same text everywhere in one rehearsal, so that what is equal in production is equal in the lab.

local crypto = require "o2x.base.crypto"
local json = require "o2x.base.json"
local plain = require "o2x.base.plain"
local secret = require "o2x.base.secret"

local M = {}

local MadeUp = {}
MadeUp.__index = MadeUp

-- The key of a hash in what a type takes (effects/pg/row_back.lua).
local HASH <const> = "$bcrypt"

-- The key of a text that was made up, where values are kept as data.
local MARK <const> = "$made_up"

--- The texts of one rehearsal.
---@return table made_up
function M.new() return setmetatable({ key = crypto.random(32), passwords = {}, hashes = {} }, MadeUp) end

-- What is likely to be a password, by the name of its field.
local function is_password(name) return type(name) == "string" and name:lower():find("pass", 1, true) ~= nil end

--- Notes the passwords in a value: a hash of one of them becomes the hash of the text that is made up for it.
---@param value any
---@param name string?
function MadeUp:add_passwords(value, name)
  if secret.is(value) then
    if is_password(name) then table.insert(self.passwords, value) end
  elseif type(value) == "table" and value ~= json.null then
    for key, item in pairs(value) do
      self:add_passwords(item, key)
    end
  end
end

-- A hash of the text that is made up for the same password.
local function hashed(self, hash)
  local item = secret.new(hash, "hash")
  local tag = secret.fingerprint(item)
  if self.hashes[tag] then return item end
  local password = self:text(item)
  for _, each in ipairs(self.passwords) do
    if crypto.bcrypt_matches(each, hash) then password = self:text(each) end
  end
  self.hashes[tag] = crypto.bcrypt(password)
  return item
end

--- A row with secrets in the place of its hashes of passwords.
---@param row table?
---@return table?
function MadeUp:with_hashes(row)
  for name, item in pairs(row or {}) do
    local hash = type(item) == "table" and item[HASH]
    if hash then row[name] = hashed(self, hash) end
  end
  return row
end

--- The text in the place of a secret.
---@param item userdata|table a secret, or the reference to one
---@return string
function MadeUp:text(item)
  local tag = secret.is(item) and secret.fingerprint(item) or tostring(item.fp)
  if self.hashes[tag] then return self.hashes[tag] end
  return "rehearsal-" .. crypto.hmac_sha256(self.key, tag):sub(1, 24)
end

-- Replaces what stands for secrets in plain data. What only contained one is as good as made up.
local function replaced(self, item, stand_in)
  if type(item) ~= "table" or item == json.null then return item end
  if item["$secret"] then return stand_in(item) end
  if item["$masked"] then return item["$masked"] end
  local copy = json.is_array(item) and json.array {} or {}
  for key, field in pairs(item) do
    copy[key] = replaced(self, field, stand_in)
  end
  return copy
end

--- A value as data, with texts made up for its secrets: revive makes it again.
---@param value any
---@param what string for the error about a value that cannot be kept
---@return any
function MadeUp:data(value, what)
  return replaced(
    self,
    plain.of(value, { what = what }),
    function(item) return { [MARK] = item["$secret"], text = self:text(item) } end
  )
end

--- A value with clear texts in the place of its secrets.
---@param value any
---@param base64 boolean? the secrets are base64, and so are the texts
---@return any
function MadeUp:clear(value, base64)
  if secret.is(value) then return base64 and crypto.base64(self:text(value)) or self:text(value) end
  if type(value) ~= "table" or value == json.null then return value end
  local copy = json.is_array(value) and json.array {} or {}
  for key, field in pairs(value) do
    copy[key] = self:clear(field, base64)
  end
  return copy
end

local function secrets_of(item)
  if type(item) ~= "table" or item == json.null then return item end
  if item[MARK] then return secret.new(item.text, item[MARK]) end
  local copy = json.is_array(item) and json.array {} or {}
  for key, field in pairs(item) do
    copy[key] = secrets_of(field)
  end
  return copy
end

--- Makes a value again of what `data` gave.
---@param data any
---@return any
function M.revive(data) return plain.revive(secrets_of(data)) end

return M
