--- The lab's Security Token Service: GetCallerIdentity.

local M = {}

local NAMESPACE <const> = "https://sts.amazonaws.com/doc/2011-06-15/"
local ACCOUNT <const> = "123456789012"

--- The handler of requests signed for STS.
---@param _ table lab
---@param aws table lab.aws
---@return function handler
function M.handler(_, aws)
  return function(request)
    local action = ("&" .. request.body):match("&Action=([%w]+)") or request.query.Action
    if action ~= "GetCallerIdentity" then
      return aws.problem(
        400,
        "InvalidAction",
        ("Could not find operation %s for version 2011-06-15"):format(tostring(action)),
        NAMESPACE
      )
    end
    return aws.answer(200, {
      "GetCallerIdentityResponse",
      {
        "GetCallerIdentityResult",
        { "Arn", ("arn:aws:iam::%s:user/lab"):format(ACCOUNT) },
        { "UserId", "AIDALAB0000000000000" },
        { "Account", ACCOUNT },
      },
      { "ResponseMetadata", { "RequestId", "lab" } },
    }, NAMESPACE)
  end
end

return M
