--- Keys of a role that a profile names: role_arn with source_profile or credential_source.

local errors = require "o2x.base.error"
local sts = require "o2x.client.aws.sts"

local M = {}

local SESSION <const> = "o2x"

local function bad(source, message, hint) errors.input(message, hint, source.profiles:path(source.profile)) end

--- Does the profile name a role? One for a web identity is another source's.
---@param profile table<string, any>
---@return boolean
function M.is_role(profile) return profile.role_arn ~= nil and profile.web_identity_token_file == nil end

-- Profiles that lead to each other would never end. A profile with keys of its own may name itself.
local function check_loop(source, name)
  if name == source.profile then
    if source.options.aws_access_key_id then return end
    bad(source, ("profile %s is its own source_profile and has no keys"):format(name))
  end
  for _, seen in ipairs(source.visited) do
    if seen == name then
      bad(source, ("source_profile leads in a circle: %s, %s"):format(table.concat(source.visited, ", "), name))
    end
  end
end

local function seconds_of(source)
  local given = source.options.duration_seconds
  if given == nil then return nil end
  local seconds = math.tointeger(tonumber(given))
  if not seconds or seconds < 900 or seconds > 43200 then
    bad(source, ("duration_seconds of profile %s: expected 900 to 43200, not %s"):format(source.profile, given))
  end
  return seconds
end

-- Where the keys come from that ask for the role's.
local function origin_of(source)
  local o, profile = source.options, source.profile
  if o.source_profile and o.credential_source then
    bad(source, ("profile %s has both source_profile and credential_source"):format(profile))
  elseif o.credential_source then
    return source:named(o.credential_source)
  elseif not o.source_profile then
    bad(source, ("profile %s has role_arn, but neither source_profile nor credential_source"):format(profile))
  end
  if not source.profiles.profiles[o.source_profile] then
    bad(source, ("source_profile %s of profile %s does not exist"):format(o.source_profile, profile))
  end
  check_loop(source, o.source_profile)
  return source:of_profile(o.source_profile)
end

--- The source of a profile's role; nil if the profile names none.
---@param source table the profile as credentials/init.lua sees it
---@return table? origin
function M.find(source)
  local o = source.options
  if not M.is_role(o) then return nil end
  if o.role_arn == "" then bad(source, ("role_arn of profile %s is empty"):format(source.profile)) end
  if o.mfa_serial then
    bad(
      source,
      ("profile %s asks for a code (mfa_serial), which a run cannot give"):format(source.profile),
      ("aws configure export-credentials --profile %s --format env"):format(source.profile)
    )
  end
  local origin = origin_of(source)
  local what = ("role %s of profile %s, by %s"):format(o.role_arn, source.profile, origin.what)
  local role = {
    arn = o.role_arn,
    session = o.role_session_name or SESSION,
    external_id = o.external_id,
    seconds = seconds_of(source),
  }
  return {
    what = what,
    hint = origin.hint,
    fetch = function()
      local options = source:sts()
      options.credentials = { get = origin.fetch }
      return sts.assume_role(options, role, what)
    end,
  }
end

return M
