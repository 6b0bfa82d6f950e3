--- Who asks AWS: the first source of keys that is configured, in the order of AWS's own tools. Keys are fetched at
--- their first use, and again before they expire; one task does it, the others wait for it.
---
--- The order: keys of the configuration or of the environment; the profile (role, web identity, login, keys, program);
--- the container's agent; the instance's role. A profile that the configuration names counts before the environment.

local clock = require "o2x.base.clock"
local endpoint = require "o2x.client.aws.endpoint"
local errors = require "o2x.base.error"
local keys = require "o2x.client.aws.credentials.keys"
local profiles = require "o2x.client.aws.credentials.profiles"
local program = require "o2x.core.program"
local semaphore = require "o2x.base.semaphore"

local container = require "o2x.client.aws.credentials.container"
local instance = require "o2x.client.aws.credentials.instance"
local process = require "o2x.client.aws.credentials.process"
local role = require "o2x.client.aws.credentials.role"
local sso = require "o2x.client.aws.credentials.sso"
local static = require "o2x.client.aws.credentials.static"
local web_identity = require "o2x.client.aws.credentials.web_identity"

local M = {}

local REGION <const> = "us-east-1"
local EARLIEST <const> = 600 -- seconds before they expire that keys are fetched again, at most
local AGAIN <const> = 60 -- seconds until that is tried again, while the old keys are good
local NONE <const> =
  "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; o2x config explain shows what is set"

-- ---- where keys come from ----

---@class o2x.aws.source
---@field config table
---@field process_env table<string, string>
---@field env table<string, string>? nil: the environment does not count against the profile
---@field profiles o2x.aws.profiles
---@field profile string its name
---@field options table<string, any> of the profile; texts and secrets
---@field visited string[] names of profiles on the way here
---@field region string
---@field ca_file string?
---@field source_of fun(key: string): string? where the configuration has a key from
local Source = {}
Source.__index = Source

--- The region, which becomes part of addresses and signatures.
---@return string
function Source:checked_region()
  if self.region:find "^[%l%d-]+$" then return self.region end
  local from = self.source_of "aws.region"
  errors.input(
    ("%q is no region of AWS"):format(self.region),
    "in ~/.aws/config a comment needs a line of its own",
    not from and self.profiles:path(self.profile) or from
  )
end

--- The address of a service.
---@param service string
---@param region string?
---@return string url
function Source:endpoint(service, region) return endpoint.of(self, service, region or self:checked_region()) end

--- What a client of STS is given; the caller may add the credentials of who asks.
---@return o2x.aws.sts.options
function Source:sts() return { endpoint = self:endpoint "sts", region = self.region, ca_file = self.ca_file } end

-- The sources that a profile can have, in their order.
local OF_PROFILE <const> = {
  role.find,
  web_identity.find,
  sso.find,
  static.of_credentials_file,
  static.refuse_login,
  process.find,
  static.of_config_file,
}

local function first(source, finders)
  for _, find in ipairs(finders) do
    local origin = find(source)
    if origin then return origin end
  end
end

--- The source of the profile that another one names as its source_profile.
---@param name string
---@return table origin
function Source:of_profile(name)
  local visited = { table.unpack(self.visited) }
  visited[#visited + 1] = name
  local other = setmetatable({ profile = name, options = self.profiles:get(name), visited = visited, env = false }, {
    __index = self,
  })
  local finders = OF_PROFILE
  if other.options.aws_access_key_id then finders = { table.unpack(OF_PROFILE, 2) } end -- its keys, not its role
  return first(other, finders)
    or errors.input(
      ("source_profile %s of profile %s has no keys"):format(name, self.profile),
      ("aws configure --profile %s"):format(name),
      self.profiles:path(name)
    )
end

local NAMED <const> = {
  Environment = static.of_environment,
  EcsContainer = container.find,
  Ec2InstanceMetadata = instance.find,
}

--- The source that a profile names as its credential_source.
---@param name string
---@return table origin
function Source:named(name)
  local find, where = NAMED[name], self.profiles:path(self.profile)
  if not find then
    errors.input(
      ("credential_source %s of profile %s is not Environment, EcsContainer or Ec2InstanceMetadata"):format(
        name,
        self.profile
      ),
      nil,
      where
    )
  end
  local origin = find(self)
  if origin then
    return {
      what = origin.what,
      fetch = function() return origin.fetch() or keys.refuse(origin.what, "nobody answers") end,
    }
  end
  errors.input(("credential_source %s of profile %s is not there"):format(name, self.profile), nil, where)
end

-- ---- choosing one ----

-- The profile's name, and what says so; an explicit one counts before keys of the environment.
local function profile_of(config, env, source_of)
  local name, from = config.aws.profile, source_of "aws.profile"
  if name and from ~= "AWS_PROFILE" and from ~= "AWS_DEFAULT_PROFILE" then return name, from, true end
  local one, other = env.AWS_PROFILE or "", env.AWS_DEFAULT_PROFILE or ""
  if one ~= "" and other ~= "" and one ~= other then
    errors.input(
      ("AWS_PROFILE is %s and AWS_DEFAULT_PROFILE is %s: tools differ in which one counts"):format(one, other),
      "unset AWS_DEFAULT_PROFILE"
    )
  end
  if one ~= "" then return one, "AWS_PROFILE" end
  if other ~= "" then return other, "AWS_DEFAULT_PROFILE" end
end

local function no_source() return nil end

local function new_source(config, env)
  local source_of = config.source or no_source
  local name, from, explicit = profile_of(config, env, source_of)
  local self = setmetatable({
    config = config,
    process_env = env,
    env = not explicit and env or false,
    profiles = profiles.load({ config = config.aws.config_file, credentials = config.aws.credentials_file }, env),
    profile = name or "default",
    visited = { name or "default" },
    source_of = source_of,
    explicit = explicit,
  }, Source)
  -- Keys in o2x.yaml or O2X_… need no profile.
  local keys_from = config.aws.access_key_id and source_of "aws.access_key_id"
  self.own_keys = config.aws.access_key_id ~= nil and keys_from ~= "AWS_ACCESS_KEY_ID" and not explicit
  self.options = name and not self.own_keys and self.profiles:get(name, from) or self.profiles.profiles.default or {}
  if self.own_keys then self.options = {} end
  self.region = config.aws.region or self.options.region or REGION
  self.ca_file = config.aws.ca_bundle or self.options.ca_bundle
  return self
end

local function choose(self)
  local config = self.config.aws
  if config.access_key_id and not (self.explicit and self.source_of "aws.access_key_id" == "AWS_ACCESS_KEY_ID") then
    return static.of_config(self)
  end
  return first(self, OF_PROFILE) or container.find(self) or instance.find(self)
end

-- ---- keys that last ----

---@class o2x.aws.credentials
---@field origin table? where keys come from; nil: nothing is configured
---@field source o2x.aws.source
local Credentials = {}
Credentials.__index = Credentials

local function none() errors.input("AWS access is not configured", NONE) end

local function is_due(self)
  local current = self.keys
  if not current then return true end
  return current.expires ~= nil and clock.now() >= self.renew_at
end

local function keep(self, fresh)
  local now = clock.now()
  self.keys = fresh
  self.renew_at = fresh.expires and fresh.expires - math.min(EARLIEST, (fresh.expires - now) / 3)
end

-- Keys that are still good are used while new ones cannot be had.
local function renew(self)
  local ok, fresh = pcall(self.origin.fetch)
  if ok then return keep(self, fresh or none()) end
  local good = self.keys and (self.keys.expires or 0) > clock.now()
  if not good or errors.is(fresh) and fresh.kind == "cancelled" then error(fresh, 0) end
  self.renew_at = clock.now() + AGAIN
end

--- The keys to sign with.
---@return o2x.aws.keys
function Credentials:get()
  if is_due(self) then
    if not self.origin then none() end
    self.turn:run(function()
      if is_due(self) then renew(self) end
    end)
  end
  return self.keys
end

--- Drops keys that a service has refused as expired.
---@return boolean whether a source can give others
function Credentials:expire()
  if not (self.keys and self.keys.expires) then return false end
  self.keys = nil
  return true
end

--- Where the keys come from, in words; no secret is in it.
---@return string? what nil: nothing is configured
function Credentials:describe() return self.origin and self.origin.what end

--- What to type when AWS refuses the keys.
---@return string?
function Credentials:hint() return self.origin and self.origin.hint end

local made = setmetatable({}, { __mode = "k" })

--- The credentials of a configuration, the same for all clients.
---@param config table
---@param env table<string, string>? the environment if absent
---@return o2x.aws.credentials
function M.of(config, env)
  if made[config] then return made[config] end
  local source = new_source(config, env or program.environment())
  local self = { source = source, origin = choose(source), turn = semaphore.new(1) }
  made[config] = setmetatable(self, Credentials)
  return made[config]
end

return M
