--- The profiles of ~/.aws/config and ~/.aws/credentials, merged as AWS's own tools merge them: an option of the
--- credentials file wins.

local errors = require "o2x.base.error"
local ini = require "o2x.client.aws.credentials.ini"
local sorted_keys = require "o2x.base.sorted_keys"
local suggest = require "o2x.base.suggest"
local words_of = require "o2x.client.aws.credentials.words"

local M = {}

---@class o2x.aws.profiles
---@field config_path string
---@field credentials_path string
---@field profiles table<string, table> merged options by profile
---@field credentials table<string, table> options of the credentials file alone
---@field config table<string, table> options of the config file alone
---@field sso_sessions table<string, table>
---@field services table<string, table>
local Profiles = {}
Profiles.__index = Profiles

local function path_of(given, env, name)
  local path = given or "~/.aws/" .. name
  if path:sub(1, 2) ~= "~/" then return path end
  return (env.HOME or "") .. path:sub(2)
end

-- [profile NAME], [sso-session NAME] and [services NAME]; [default] is a profile too.
local function sort_sections(into, sections)
  local kinds = { { "profile", into.config }, { "sso-session", into.sso_sessions }, { "services", into.services } }
  for _, name in ipairs(sorted_keys(sections)) do
    if name == "default" then into.config.default = into.config.default or sections[name] end
    for _, kind in ipairs(kinds) do
      local words = name:sub(1, #kind[1]) == kind[1] and words_of(name)
      if words and #words == 2 then kind[2][words[2]] = sections[name] end
    end
  end
end

local function merge(into)
  for _, from in ipairs { into.config, into.credentials } do
    for name, options in pairs(from) do
      into.profiles[name] = into.profiles[name] or {}
      for option, value in pairs(options) do
        into.profiles[name][option] = value
      end
    end
  end
end

--- Reads both files; one that does not exist is empty.
---@param paths { config: string?, credentials: string? } other files than those below ~/.aws
---@param env table<string, string> for HOME
---@return o2x.aws.profiles
function M.load(paths, env)
  local self = setmetatable({
    config_path = path_of(paths.config, env, "config"),
    credentials_path = path_of(paths.credentials, env, "credentials"),
    profiles = {},
    config = {},
    sso_sessions = {},
    services = {},
  }, Profiles)
  sort_sections(self, ini.read(self.config_path))
  self.credentials = ini.read(self.credentials_path)
  merge(self)
  return self
end

-- Blocks of options, such as s3, are for other clients.
local function flat(options)
  local texts = {}
  for name, value in pairs(options) do
    if type(value) ~= "table" then texts[name] = value end
  end
  return texts
end

--- The options of a profile without its blocks; raises if there is none of that name.
---@param name string
---@param why string? what names it, for the message: "AWS_PROFILE"
---@return table<string, any>
function Profiles:get(name, why)
  local profile = self.profiles[name]
  if profile then return flat(profile) end
  local names = sorted_keys(self.profiles)
  errors.input(
    ("AWS profile %s%s not found%s; profiles: %s"):format(
      name,
      why and (" (%s)"):format(why) or "",
      suggest.did_you_mean(name, names),
      names[1] and table.concat(names, ", ") or "none"
    ),
    "aws configure list-profiles",
    self.config_path
  )
end

--- The file that a profile is mainly in, as people know it.
---@param name string
---@return string path
function Profiles:path(name) return self.config[name] and self.config_path or self.credentials_path end

return M
