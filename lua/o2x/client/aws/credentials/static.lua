--- Keys that are written down: in the configuration, in the environment, in the files of profiles.

local errors = require "o2x.base.error"
local keys = require "o2x.client.aws.credentials.keys"
local secret = require "o2x.base.secret"

local M = {}

local function origin(what, given, hint)
  return { what = what, hint = hint, fetch = function() return keys.check(given, what, hint) end }
end

local function missing(what, name, where)
  errors.input(("AWS credentials from %s: %s is missing"):format(what, name), nil, where)
end

-- ---- the configuration and the environment ----

-- A token belongs to the keys beside it: one that the environment has left over is not for keys of o2x.yaml.
local function token_of(source)
  local keys_from, token_from = source.source_of "aws.access_key_id", source.source_of "aws.session_token"
  local from_env = token_from == "AWS_SESSION_TOKEN" or token_from == "AWS_SECURITY_TOKEN"
  if from_env and keys_from and keys_from ~= "AWS_ACCESS_KEY_ID" then return nil end
  return source.config.aws.session_token
end

--- The keys of the configuration, whose values may be the environment's.
---@param source table what credentials/init.lua knows
---@return table origin
function M.of_config(source)
  local aws = source.config.aws
  local what = source.source_of "aws.access_key_id" or "the configuration"
  if not aws.secret_access_key then missing(what, "AWS_SECRET_ACCESS_KEY") end
  return origin(what, {
    access_key = aws.access_key_id,
    secret_key = aws.secret_access_key,
    session_token = token_of(source),
    expires = what == "AWS_ACCESS_KEY_ID" and source.process_env.AWS_CREDENTIAL_EXPIRATION or nil,
  }, "set new values for AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN")
end

--- The keys of the environment, for a profile with credential_source = Environment.
---@param source table what credentials/init.lua knows
---@return table? origin
function M.of_environment(source)
  local env = source.process_env
  local id, key = env.AWS_ACCESS_KEY_ID or "", env.AWS_SECRET_ACCESS_KEY or ""
  local token = env.AWS_SESSION_TOKEN or env.AWS_SECURITY_TOKEN or ""
  if id == "" then return nil end
  if key == "" then missing("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") end
  return origin("AWS_ACCESS_KEY_ID", {
    access_key = id,
    secret_key = secret.new(key, "AWS_SECRET_ACCESS_KEY"),
    session_token = token ~= "" and secret.new(token, "AWS_SESSION_TOKEN") or nil,
  })
end

-- ---- profiles ----

local function of_file(source, options, path)
  if not options or not options.aws_access_key_id then return nil end
  local what = ("profile %s of %s"):format(source.profile, path)
  if not options.aws_secret_access_key then missing(what, "aws_secret_access_key", path) end
  return origin(what, {
    access_key = options.aws_access_key_id,
    secret_key = options.aws_secret_access_key,
    session_token = options.aws_security_token or options.aws_session_token,
  }, ("aws configure --profile %s"):format(source.profile))
end

--- The keys of a profile in ~/.aws/credentials.
---@param source table the profile as credentials/init.lua sees it
---@return table? origin
function M.of_credentials_file(source)
  return of_file(source, source.profiles.credentials[source.profile], source.profiles.credentials_path)
end

--- The keys of a profile in ~/.aws/config.
---@param source table the profile as credentials/init.lua sees it
---@return table? origin
function M.of_config_file(source)
  return of_file(source, source.profiles.config[source.profile], source.profiles.config_path)
end

--- Refuses a profile whose keys `aws login` keeps in a form of its own.
---@param source table the profile as credentials/init.lua sees it
function M.refuse_login(source)
  if not source.options.login_session then return nil end
  local export = "aws configure export-credentials --profile %s --format env"
  errors.input(
    ("profile %s has a login_session (aws login), which is not supported"):format(source.profile),
    ('eval "$(' .. export .. ')"'):format(source.profile),
    source.profiles:path(source.profile)
  )
end

return M
