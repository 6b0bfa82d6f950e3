--- Keys of a role for the token of an identity provider, which somebody else puts into a file and renews: what a
--- service account of EKS has (IRSA), by AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, or by the same options of a
--- profile.

local errors = require "o2x.base.error"
local keys = require "o2x.client.aws.credentials.keys"
local sts = require "o2x.client.aws.sts"

local M = {}

local SESSION <const> = "o2x"
local JWT <const> = "%w%-_%." -- characters of a token

-- The variable counts before the option, each for itself.
local function setting(source, variable, option)
  local value = source.env and source.env[variable]
  if value and value ~= "" then return value, variable end
  return source.options[option], option
end

--- The source of keys for a web identity; nil if there is none.
---@param source table the profile as credentials/init.lua sees it; env: nil if the environment does not count
---@return table? origin
function M.find(source)
  local path, path_from = setting(source, "AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file")
  if not path then return nil end
  local arn = setting(source, "AWS_ROLE_ARN", "role_arn")
  if not arn then errors.input(("%s is set, but no role"):format(path_from), "set AWS_ROLE_ARN") end
  local what = ("the web identity in %s, for role %s"):format(path, arn)
  local role = { arn = arn, session = setting(source, "AWS_ROLE_SESSION_NAME", "role_session_name") or SESSION }
  return {
    what = what,
    fetch = function()
      local options = source:sts()
      return sts.assume_role_with_web_identity(options, role, keys.token(path, JWT, what), what)
    end,
  }
end

return M
