--- What people are told of AWS's keys: where they come from, and what of a profile does not count.

local credentials = require "o2x.client.aws.credentials"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

-- Options of a profile that other tools follow and o2x does not, and why.
local OWN_RETRIES <const> = "o2x has its own retries: set retry.seconds"
local IGNORED <const> = {
  addressing_style = "o2x has the bucket in the host name, or in the path of another endpoint",
  ec2_metadata_service_num_attempts = "o2x asks the metadata service once",
  imds_use_ipv6 = "set ec2_metadata_service_endpoint_mode = ipv6",
  include_profile = "an option of aws-vault: repeat what it includes",
  max_attempts = OWN_RETRIES,
  metadata_service_num_attempts = "o2x asks the metadata service once",
  metadata_service_timeout = "set AWS_METADATA_SERVICE_TIMEOUT",
  mfa_process = "an option of other tools: set credential_process",
  proxy = "set HTTPS_PROXY",
  retry_mode = OWN_RETRIES,
  use_accelerate_endpoint = "o2x uses the bucket's own endpoint",
}

--- What the chosen profile says and o2x does not follow.
---@param config table
---@return string[] texts one line each
function M.warnings(config)
  local ok, found = pcall(credentials.of, config)
  if not ok then return {} end -- whoever needs the keys says what is wrong
  local source, texts = found.source, {}
  if source.own_keys then return texts end
  local profile = source.profiles.profiles[source.profile] or {}
  for _, options in ipairs { profile, type(profile.s3) == "table" and profile.s3 or {} } do
    for _, name in ipairs(sorted_keys(options)) do
      if IGNORED[name] then
        texts[#texts + 1] = ("%s of profile %s (%s) is ignored; %s"):format(
          name,
          source.profile,
          source.profiles:path(source.profile),
          IGNORED[name]
        )
      end
    end
  end
  return texts
end

local function region_source(source)
  local from = source.source_of "aws.region"
  if from then return from end
  return source.options.region and ("profile %s"):format(source.profile) or "default"
end

--- What `o2x config explain` says. Nothing is sent; what is wrong is in the texts.
---@param config table
---@return { keys: string, region: string?, region_source: string? }
function M.source(config)
  local ok, found = pcall(credentials.of, config)
  if not ok then return { keys = "error: " .. tostring(found) } end
  local origin, source = found.origin, found.source
  local keys_from = origin and origin.what .. (origin.optional and ", if there is one" or "") or "none"
  return { keys = keys_from, region = source.region, region_source = region_source(source) }
end

return M
