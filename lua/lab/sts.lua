--- The lab's Security Token Service: GetCallerIdentity, and keys of roles, which expire by the lab's clock. Every role
--- may be assumed but one whose name has "denied".

local clock = require("o2x.base.clock")
local crypto = require("o2x.base.crypto")
local httpd = require("lab.httpd")

local M = {}

local NAMESPACE <const> = "https://sts.amazonaws.com/doc/2011-06-15/"
local ACCOUNT <const> = "123456789012"
local SECONDS <const> = 3600 -- a session lasts, if nothing else is asked for

local function form_of(text)
  local fields = {}
  for name, value in text:gmatch("([^&=]+)=([^&]*)") do
    fields[httpd.decode(name)] = httpd.decode((value:gsub("+", " ")))
  end
  return fields
end

local function identity()
  return {
    { "Arn", ("arn:aws:iam::%s:user/lab"):format(ACCOUNT) },
    { "UserId", "AIDALAB0000000000000" },
    { "Account", ACCOUNT },
  }
end

-- New keys, which aws_auth takes until they expire.
local function new_session(lab, role, seconds)
  local state = lab.state("aws")
  state.sessions = state.sessions or {}
  local id = "ASIALAB" .. crypto.hex(crypto.random(7)):upper():sub(1, 13)
  local session = {
    secret_key = crypto.base64(crypto.random(30)),
    token = crypto.base64(crypto.random(60)),
    expires = lab.clock() + seconds,
    role = role,
  }
  state.sessions[id] = session
  lab.save("aws")
  return id, session
end

local function credentials(lab, fields)
  local id, session = new_session(lab, fields.RoleArn, tonumber(fields.DurationSeconds) or SECONDS)
  return {
    {
      "Credentials",
      { "AccessKeyId", id },
      { "SecretAccessKey", session.secret_key },
      { "SessionToken", session.token },
      { "Expiration", clock.iso(session.expires) },
    },
    {
      "AssumedRoleUser",
      { "AssumedRoleId", "AROALAB0000000000000:" .. fields.RoleSessionName },
      { "Arn", fields.RoleArn .. "/" .. fields.RoleSessionName },
    },
  }
end

-- What is wrong with a request for a role: code and message.
local function problem_of_role(fields)
  for _, name in ipairs({ "RoleArn", "RoleSessionName" }) do
    if (fields[name] or "") == "" then
      return "ValidationError", ("Value at '%s' failed to satisfy constraint: Member must not be null"):format(name)
    end
  end
  local seconds = tonumber(fields.DurationSeconds or SECONDS)
  if not seconds or seconds < 900 or seconds > 43200 then
    return "ValidationError", "The requested DurationSeconds is not between 900 and 43200"
  end
  if fields.RoleArn:find("denied") then
    return "AccessDenied", ("not authorized to perform: sts:AssumeRole on resource: %s"):format(fields.RoleArn)
  end
  if fields.WebIdentityToken and not fields.WebIdentityToken:find("^[^.]+%.[^.]+%.[^.]+$") then
    return "InvalidIdentityToken", "The ID Token provided is not a valid JWT"
  end
end

local ROLES <const> = { AssumeRole = true, AssumeRoleWithWebIdentity = true }

--- The handler of requests for STS.
---@param lab table
---@param aws table lab.aws
---@return function handler
function M.handler(lab, aws)
  return function(request)
    local fields = form_of(request.body ~= "" and request.body or request.target:match("%?(.*)$") or "")
    local action = fields.Action
    local parts
    if action == "GetCallerIdentity" then
      parts = identity()
    elseif ROLES[action] then
      local code, message = problem_of_role(fields)
      if code then return aws.problem(code == "AccessDenied" and 403 or 400, code, message, NAMESPACE) end
      parts = credentials(lab, fields)
    else
      local message = ("Could not find operation %s for version 2011-06-15"):format(tostring(action))
      return aws.problem(400, "InvalidAction", message, NAMESPACE)
    end
    return aws.answer(200, {
      action .. "Response",
      { action .. "Result", table.unpack(parts) },
      { "ResponseMetadata", { "RequestId", "lab" } },
    }, NAMESPACE)
  end
end

return M
