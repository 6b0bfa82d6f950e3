--- Keys as a source of credentials gives them: read from its answer without their secrets becoming plain texts.

local clock = require "o2x.base.clock"
local errors = require "o2x.base.error"
local extract = require "o2x.base.extract"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local secret = require "o2x.base.secret"
local xml = require "o2x.base.xml"

local M = {}

---@class o2x.aws.keys
---@field access_key string
---@field secret_key userdata
---@field session_token userdata?
---@field expires number? seconds since 1970

--- Refuses what a source of credentials gave or said.
---@param what string the source, for the message
---@param message string
---@param hint string?
---@param more table? other fields of the error
function M.refuse(what, message, hint, more)
  local fields = { kind = "unauthorised", module = "aws", op = "credentials", hint = hint, retryable = false }
  fields.message = ("AWS credentials from %s: %s"):format(what, message)
  for name, value in pairs(more or {}) do
    fields[name] = value
  end
  errors.raise(fields)
end

--- The token that a file holds, without what surrounds it: an editor adds a line end.
---@param path string
---@param characters string that a token is made of, as in a Lua pattern's set
---@param what string the source of credentials, for messages
---@return userdata secret
function M.token(path, characters, what)
  if not fs.exists(path) then M.refuse(what, ("the token file %s does not exist"):format(path)) end
  local text = fs.read_secret(path, "token")
  local rest, found = extract.secrets(text, ("([%s]+)"):format(characters), "token")
  if rest:match "^%s*$" and not found[1] then M.refuse(what, ("the token file %s is empty"):format(path)) end
  if #found ~= 1 or not rest:match "^%s*‹1›%s*$" then
    M.refuse(what, ("the token file %s holds something else than a token"):format(path))
  end
  return found[1]
end

-- A text in JSON's own form may have escapes: the secret is read as JSON itself.
local function unescape(each, label) return json.decode_secret('"' .. each .. '"', "", label) end

--- Decodes JSON that holds keys.
---@param body userdata|string
---@param names string[] of the fields that are secrets, wherever they are
---@param what string the source, for the message
---@return table document
function M.from_json(body, names, what)
  local found = {}
  local text = body
  for _, name in ipairs(names) do
    text, found[name] = extract.secrets(text, ('"%s"%%s*:%%s*"([^"]*)"'):format(name), name)
  end
  local ok, document = pcall(json.read, text)
  if not ok or type(document) ~= "table" then M.refuse(what, "the answer is not JSON") end
  local function put(map)
    for name, value in pairs(map) do
      local each = found[name] and extract.marked(value, found[name])
      if each then map[name] = unescape(each, name) end
      if type(value) == "table" then put(value) end
    end
  end
  put(document)
  return document
end

--- Decodes XML that holds keys.
---@param body userdata|string
---@param what string whose answer it is
---@return xml.element root
---@return table<string, userdata[]> secrets by the name of their element
function M.from_xml(body, what)
  local text, found = body, {}
  for _, name in ipairs { "SecretAccessKey", "SessionToken" } do
    text, found[name] = extract.secrets(text, ("<%s>%%s*([^<%%s]*)%%s*<"):format(name), name)
  end
  return xml.parse(text, what), found
end

local function time_of(value, what)
  if value == nil then return nil end
  if math.type(value) == "integer" then return value / 1000 end -- milliseconds, as the SSO portal has it
  local ok, seconds = pcall(clock.parse, tostring(value))
  if not ok then M.refuse(what, ("the time %q is no time"):format(tostring(value))) end
  return seconds
end

--- Checks keys, and gives them a common form.
---@param given { access_key: any, secret_key: any, session_token: any, expires: any }
---@param what string the source, for the message
---@param hint string? what to type when they have expired
---@return o2x.aws.keys
function M.check(given, what, hint)
  local token = given.session_token
  if type(given.access_key) ~= "string" or given.access_key == "" then M.refuse(what, "no access key in the answer") end
  if not secret.is(given.secret_key) then M.refuse(what, "no secret access key in the answer") end
  if token and not secret.is(token) then token = nil end -- an empty text
  local expires = time_of(given.expires, what)
  if expires and expires <= clock.now() then
    M.refuse(what, "they expired at " .. clock.iso(expires), hint, { code = "expired" })
  end
  return {
    access_key = given.access_key,
    secret_key = given.secret_key,
    session_token = token,
    expires = expires,
  }
end

return M
