--- A client of the Security Token Service: keys of a role. The Query API of 2011-06-15.

local aws = require "o2x.client.aws.support"
local http = require "o2x.client.http"
local keys = require "o2x.client.aws.credentials.keys"
local secret = require "o2x.base.secret"

local M = {}

local VERSION <const> = "2011-06-15"
local TIMEOUT <const> = 20 -- seconds
local PAUSE <const> = 1 -- seconds

---@class o2x.aws.sts.options
---@field endpoint string
---@field region string
---@field ca_file string?
---@field credentials table? who asks; nil: the request is not signed

-- The form as a secret, if a value of it is one.
local function form(action, parameters)
  local text = ("Action=%s&Version=%s"):format(action, VERSION)
  for _, pair in ipairs(parameters) do
    local name, value = pair[1], pair[2]
    if secret.is(value) then
      text = text .. "&" .. name .. "=" .. value -- a token in base64url, which needs no escapes
    elseif value ~= nil then
      text = text .. "&" .. name .. "=" .. http.percent_encode(tostring(value))
    end
  end
  return text
end

local function send_once(options, body)
  local request = {
    method = "POST",
    url = options.endpoint:gsub("/$", "") .. "/",
    body = body,
    headers = { ["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8" },
    ca_file = options.ca_file,
    timeout = TIMEOUT,
    secret_body = "answer of STS",
    module = "sts",
  }
  if options.credentials then aws.sign(request, options, "sts", options.region) end
  local response = http.request(request)
  local root, found = keys.from_xml(response.body, "STS's answer")
  return { status = response.status, headers = response.headers, root = root, secrets = found }
end

-- Asking for keys changes nothing that matters: it may be done again after any failure.
local function request(options, action, parameters, what)
  local body = form(action, parameters)
  local response = aws.send(function() return send_once(options, body) end, PAUSE)
  if response.status == 200 then return response end
  local code, message = aws.problem(response)
  keys.refuse(what, ("STS: %s (%s)"):format(message, code), nil, {
    code = code,
    status = response.status,
    kind = response.status >= 500 and "unreachable" or "unauthorised",
    retryable = response.status >= 500,
  })
end

local function keys_of(response, action, what)
  local part = response.root:find(action .. "Result", "Credentials")
  local function value(name) return part and part:value(name) end
  return keys.check({
    access_key = value "AccessKeyId",
    secret_key = response.secrets.SecretAccessKey[1],
    session_token = response.secrets.SessionToken[1],
    expires = value "Expiration",
  }, what)
end

--- Keys of a role.
---@param options o2x.aws.sts.options
---@param role { arn: string, session: string, external_id: string?, seconds: integer? }
---@param what string the source of credentials, for messages
---@return o2x.aws.keys
function M.assume_role(options, role, what)
  local response = request(options, "AssumeRole", {
    { "RoleArn", role.arn },
    { "RoleSessionName", role.session },
    { "ExternalId", role.external_id },
    { "DurationSeconds", role.seconds },
  }, what)
  return keys_of(response, "AssumeRole", what)
end

--- Keys of a role for a token of an identity provider; nothing else is needed.
---@param options o2x.aws.sts.options
---@param role { arn: string, session: string, seconds: integer? }
---@param token userdata secret
---@param what string the source of credentials, for messages
---@return o2x.aws.keys
function M.assume_role_with_web_identity(options, role, token, what)
  local action = "AssumeRoleWithWebIdentity"
  local response = request(options, action, {
    { "RoleArn", role.arn },
    { "RoleSessionName", role.session },
    { "WebIdentityToken", token },
    { "DurationSeconds", role.seconds },
  }, what)
  return keys_of(response, action, what)
end

return M
