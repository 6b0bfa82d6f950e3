--- Keys from the agent beside a container: Amazon ECS (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) and EKS Pod Identity
--- (AWS_CONTAINER_CREDENTIALS_FULL_URI with a token in a file, which is renewed).

local cleartext = require "o2x.client.cleartext"
local errors = require "o2x.base.error"
local http = require "o2x.client.http"
local keys = require "o2x.client.aws.credentials.keys"
local retry = require "o2x.base.retry"
local secret = require "o2x.base.secret"

local M = {}

local AGENT <const> = "http://169.254.170.2"
-- Link-local addresses of the agents; anything else is this machine, or speaks TLS.
local AGENTS <const> = { ["169.254.170.2"] = true, ["169.254.170.23"] = true, ["[fd00:ec2::23]"] = true }
local PRINTABLE <const> = " -~" -- characters of a token
local TIMEOUT <const>, ATTEMPTS <const> = 5, 3

local function url_of(env)
  local relative = env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or ""
  if relative ~= "" then return AGENT .. relative, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" end
  local full = env.AWS_CONTAINER_CREDENTIALS_FULL_URI or ""
  if full ~= "" then return full, "AWS_CONTAINER_CREDENTIALS_FULL_URI" end
end

local function check_url(url, variable)
  local scheme, host = http.split(url)
  if scheme == "https" then return end
  if scheme == "http" and (AGENTS[host] or cleartext.is_local(host)) then return end
  errors.input(
    ("%s: %s is neither this machine, an agent of AWS, nor https"):format(variable, url),
    "unset it, or give the agent's address"
  )
end

local function token_of(env, what)
  local path = env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or ""
  if path ~= "" then return keys.token(path, PRINTABLE, what) end
  local token = env.AWS_CONTAINER_AUTHORIZATION_TOKEN or ""
  return token ~= "" and secret.new(token, "container token") or nil
end

local function ask(url, env, what)
  local response = http.request {
    url = url,
    headers = { Accept = "application/json", Authorization = token_of(env, what) },
    timeout = TIMEOUT,
    connect_timeout = TIMEOUT,
    proxy = url:find("^http:") and "" or nil, -- the agent is beside the container
    secret_body = "container credentials",
    module = "aws",
  }
  if response.status == 200 then return response.body end
  keys.refuse(what, ("the agent answered HTTP %d"):format(response.status), nil, {
    status = response.status,
    kind = response.status >= 500 and "unreachable" or "unauthorised",
    retryable = response.status >= 500 or response.status == 429,
  })
end

--- The source of a container's keys; nil if there is none.
---@param source table the environment as credentials/init.lua sees it
---@return table? origin
function M.find(source)
  local env = source.process_env
  local url, variable = url_of(env)
  if not url then return nil end
  check_url(url, variable)
  local what = ("the container's agent (%s)"):format(variable)
  return {
    what = what,
    fetch = function()
      local body = retry.read({ attempts = ATTEMPTS }, ask, url, env, what)
      local document = keys.from_json(body, { "SecretAccessKey", "Token" }, what)
      return keys.check({
        access_key = document.AccessKeyId,
        secret_key = document.SecretAccessKey,
        session_token = document.Token,
        expires = document.Expiration,
      }, what)
    end,
  }
end

return M
