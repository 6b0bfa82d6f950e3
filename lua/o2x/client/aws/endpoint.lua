--- Where a service of AWS is reached: what the configuration, the environment or the profile says, else Amazon's own
--- address in the region's partition.

local cleartext = require "o2x.client.cleartext"
local errors = require "o2x.base.error"

local M = {}

-- The services by the names that variables and profiles give them. Route 53 has one address for a whole partition.
local SERVICES <const> = {
  rds = { name = "RDS", host = "rds.%s.%s" },
  s3 = { name = "S3", host = "s3.%s.%s" },
  sts = { name = "STS", host = "sts.%s.%s" },
  sso = { name = "SSO", host = "portal.sso.%s.%s" },
  route53 = { name = "ROUTE_53" },
}

-- Regions of one partition share a domain, and one region signs for Route 53.
local PARTITIONS <const> = {
  { prefix = "cn-", domain = "amazonaws.com.cn", route53 = "route53.amazonaws.com.cn", home = "cn-northwest-1" },
  { prefix = "us-gov-", domain = "amazonaws.com", route53 = "route53.us-gov.amazonaws.com", home = "us-gov-west-1" },
  { prefix = "", domain = "amazonaws.com", route53 = "route53.amazonaws.com", home = "us-east-1" },
}

local function partition_of(region)
  for _, partition in ipairs(PARTITIONS) do
    if region:sub(1, #partition.prefix) == partition.prefix then return partition end
  end
end

local function is_true(value) return type(value) == "string" and value:lower() == "true" end

-- Options that choose other addresses of Amazon's; without them requests would go to the wrong ones in silence.
local function refuse_variants(source)
  for _, variant in ipairs { "use_fips_endpoint", "use_dualstack_endpoint" } do
    local variable = "AWS_" .. variant:upper()
    local given = source.process_env[variable] or ""
    if is_true(given ~= "" and given or source.options[variant]) then
      errors.input(
        ("%s is not supported"):format(given ~= "" and variable or variant),
        "unset it, and give the addresses: AWS_ENDPOINT_URL_RDS, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_ROUTE_53"
      )
    end
  end
end

local function of_profile(source, service)
  local o = source.options
  local section = o.services and source.profiles.services[o.services]
  if o.services and not section then
    errors.input(
      ("services section %s of profile %s does not exist"):format(o.services, source.profile),
      nil,
      source.profiles:path(source.profile)
    )
  end
  local own = section and section[service.name:lower()]
  return type(own) == "table" and own.endpoint_url or o.endpoint_url
end

local function configured(source, service)
  local env, config = source.process_env, source.config
  local given = config.aws.endpoint
  if given and source.source_of "aws.endpoint" ~= "AWS_ENDPOINT_URL" then return given end
  local ignored = env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS or ""
  if is_true(ignored ~= "" and ignored or source.options.ignore_configured_endpoint_urls) then return nil end
  local own = env["AWS_ENDPOINT_URL_" .. service.name] or ""
  if own ~= "" then return own end
  return given or of_profile(source, service)
end

--- The address of a service as somebody has set it; nil: Amazon's own.
---@param source table what credentials/init.lua knows: config, process_env, options, profiles
---@param service "rds"|"s3"|"sts"|"sso"|"route53"
---@return string? url without a slash at the end
function M.configured(source, service)
  local url = configured(source, SERVICES[service])
  if not url then
    refuse_variants(source)
    return nil
  end
  return (cleartext.check_url(source.config, url, "AWS"):gsub("/+$", ""))
end

--- The address of a service.
---@param source table see configured
---@param service "rds"|"s3"|"sts"|"sso"|"route53"
---@param region string
---@return string url without a slash at the end
function M.of(source, service, region) return M.configured(source, service) or M.amazon(service, region) end

--- Amazon's own address of a service.
---@param service "rds"|"s3"|"sts"|"sso"|"route53"
---@param region string
---@return string url without a slash at the end
function M.amazon(service, region)
  local partition, template = partition_of(region), SERVICES[service].host
  return "https://" .. (template and template:format(region, partition.domain) or partition.route53)
end

--- The region that requests to Route 53 are signed for: it has one for all of a partition.
---@param region string
---@return string
function M.home(region) return partition_of(region).home end

return M
