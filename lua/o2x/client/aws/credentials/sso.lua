--- Keys of a person who has logged in with `aws sso login`: the token that it left in ~/.aws/sso/cache is exchanged for
--- keys. The token is never renewed here, because its file is that tool's.

local clock = require "o2x.base.clock"
local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local http = require "o2x.client.http"
local keys = require "o2x.client.aws.credentials.keys"

local M = {}

local TIMEOUT <const> = 20 -- seconds
local WANTED <const> = { "sso_account_id", "sso_role_name", "sso_start_url", "sso_region" }

local function bad(source, message) errors.input(message, "aws configure sso", source.profiles:path(source.profile)) end

-- A profile's own options, completed by those of its [sso-session NAME].
local function settings_of(source)
  local o, session = source.options, source.options.sso_session
  local settings = {}
  for _, name in ipairs(WANTED) do
    settings[name] = o[name]
  end
  if not session then return settings end
  local shared = source.profiles.sso_sessions[session]
  if not shared then bad(source, ("sso_session %s of profile %s does not exist"):format(session, source.profile)) end
  for name, value in pairs(shared) do
    if settings[name] and settings[name] ~= value then
      bad(source, ("%s of profile %s is not that of sso_session %s"):format(name, source.profile, session))
    end
    settings[name] = value
  end
  return settings
end

local function token_of(source, settings, what, hint)
  local name = source.options.sso_session or settings.sso_start_url
  local path = fs.join(source.process_env.HOME or "", ".aws", "sso", "cache", crypto.sha1(name) .. ".json")
  if not fs.exists(path) then keys.refuse(what, "nobody has logged in", hint) end
  local document =
    keys.from_json(fs.read_secret(path, "sso token"), { "accessToken", "refreshToken", "clientSecret" }, what)
  local ok, expires = pcall(clock.parse, (tostring(document.expiresAt):gsub("UTC$", "Z")))
  if not ok or not document.accessToken then keys.refuse(what, path .. " holds no token", hint) end
  if expires <= clock.now() then
    keys.refuse(what, "the login expired at " .. clock.iso(expires), hint, { code = "expired" })
  end
  return document.accessToken
end

local function fetch(source, settings, what, hint)
  local query = ("role_name=%s&account_id=%s"):format(
    http.percent_encode(settings.sso_role_name),
    http.percent_encode(settings.sso_account_id)
  )
  local response = http.request {
    url = ("%s/federation/credentials?%s"):format(source:endpoint("sso", settings.sso_region), query),
    headers = { ["x-amz-sso_bearer_token"] = token_of(source, settings, what, hint) },
    ca_file = source.ca_file,
    timeout = TIMEOUT,
    secret_body = "sso credentials",
    module = "aws",
  }
  local document = keys.from_json(response.body, { "secretAccessKey", "sessionToken" }, what)
  if response.status ~= 200 then
    local message = document.message or ("HTTP %d"):format(response.status)
    keys.refuse(what, tostring(message), response.status == 401 and hint or nil, {
      status = response.status,
      kind = response.status >= 500 and "unreachable" or "unauthorised",
      retryable = response.status >= 500 or response.status == 429,
    })
  end
  local given = document.roleCredentials
  if type(given) ~= "table" then keys.refuse(what, "no roleCredentials in the answer") end
  return keys.check({
    access_key = given.accessKeyId,
    secret_key = given.secretAccessKey,
    session_token = given.sessionToken,
    expires = given.expiration,
  }, what, hint)
end

--- The source of keys of a person's login; nil if the profile has none.
---@param source table the profile as credentials/init.lua sees it
---@return table? origin
function M.find(source)
  local o = source.options
  if not o.sso_account_id and not o.sso_role_name then return nil end
  local settings = settings_of(source)
  for _, name in ipairs(WANTED) do
    if not settings[name] then bad(source, ("profile %s has no %s"):format(source.profile, name)) end
  end
  local what = ("the login of profile %s (account %s, role %s)"):format(
    source.profile,
    settings.sso_account_id,
    settings.sso_role_name
  )
  local hint = ("aws sso login --profile %s"):format(source.profile)
  return { what = what, hint = hint, fetch = function() return fetch(source, settings, what, hint) end }
end

return M
