--- Keys of the machine's own role, from the metadata service of EC2. Only its second version is used, whose requests
--- need a token: the first gives keys to whoever makes a program fetch a URL.

local errors = require "o2x.base.error"
local http = require "o2x.client.http"
local keys = require "o2x.client.aws.credentials.keys"

local M = {}

local ENDPOINT <const>, ENDPOINT_6 <const> = "http://169.254.169.254", "http://[fd00:ec2::254]"
local ROLES <const> = "/latest/meta-data/iam/security-credentials/"
local TOKEN_SECONDS <const> = "21600"
local TIMEOUT <const> = 1 -- seconds; most machines are none of EC2, and nobody answers there
local WHAT <const> = "the instance's role (EC2 metadata)"

--- The address of the metadata service.
---@param source table the environment as credentials/init.lua sees it
---@return string url without a slash at the end
function M.endpoint(source)
  local env, o = source.process_env, source.options
  local given = env.AWS_EC2_METADATA_SERVICE_ENDPOINT or ""
  if given == "" then given = o.ec2_metadata_service_endpoint or "" end
  if given ~= "" then return (given:gsub("/$", "")) end
  local mode = env.AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE or o.ec2_metadata_service_endpoint_mode or "ipv4"
  return mode:lower() == "ipv6" and ENDPOINT_6 or ENDPOINT
end

local function timeout_of(env)
  local seconds = tonumber(env.AWS_METADATA_SERVICE_TIMEOUT)
  return seconds and seconds > 0 and seconds or TIMEOUT
end

local function ask(endpoint, path, seconds, more)
  local request = { url = endpoint .. path, timeout = seconds, connect_timeout = seconds, proxy = "", module = "aws" }
  for name, value in pairs(more) do
    request[name] = value
  end
  return http.request(request)
end

-- Nobody there, or somebody who is not the metadata service: nil.
local function token_of(endpoint, seconds)
  local ok, response = pcall(ask, endpoint, "/latest/api/token", seconds, {
    method = "PUT",
    headers = { ["x-aws-ec2-metadata-token-ttl-seconds"] = TOKEN_SECONDS },
    secret_body = "metadata token",
  })
  if not ok then
    if errors.is(response) and response.kind == "cancelled" then error(response, 0) end
    return nil
  end
  return response.status == 200 and response.body or nil
end

local function fetch(source)
  local endpoint, seconds = M.endpoint(source), timeout_of(source.process_env)
  local token = token_of(endpoint, seconds)
  if not token then return nil end
  local headers = { ["x-aws-ec2-metadata-token"] = token }
  local listed = ask(endpoint, ROLES, seconds, { headers = headers })
  local role = listed.status == 200 and listed.body:match "^%s*(%S+)"
  if not role then return nil end
  local response =
    ask(endpoint, ROLES .. http.percent_encode(role), seconds, { headers = headers, secret_body = "instance role" })
  if response.status ~= 200 then keys.refuse(WHAT, ("HTTP %d for role %s"):format(response.status, role)) end
  local document = keys.from_json(response.body, { "SecretAccessKey", "Token" }, WHAT)
  if document.Code and document.Code ~= "Success" then
    keys.refuse(WHAT, ("%s for role %s"):format(tostring(document.Code), role))
  end
  return keys.check({
    access_key = document.AccessKeyId,
    secret_key = document.SecretAccessKey,
    session_token = document.Token,
    expires = document.Expiration,
  }, WHAT)
end

--- The source of the instance's keys; nil if the metadata service is disabled. Its fetch gives nil if nobody answers.
---@param source table the environment as credentials/init.lua sees it
---@return table? origin
function M.find(source)
  if (source.process_env.AWS_EC2_METADATA_DISABLED or ""):lower() == "true" then return nil end
  return { what = WHAT, optional = true, fetch = function() return fetch(source) end }
end

return M
