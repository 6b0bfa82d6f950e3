--- What every client of AWS is given: who asks, and where.

local credentials = require "o2x.client.aws.credentials"
local endpoint = require "o2x.client.aws.endpoint"

local M = {}

--- The options of an AWS client from the configuration, the environment and the profiles. Nothing is sent yet.
---@param config table
---@param service "rds"|"s3"|"route53"
---@param env table<string, string>? the environment if absent
---@return { credentials: o2x.aws.credentials, endpoint: string?, region: string, ca_file: string? } options endpoint:
---  nil for Amazon's own
function M.of(config, service, env)
  local who = credentials.of(config, env)
  return {
    credentials = who,
    endpoint = endpoint.configured(who.source, service),
    region = who.source:checked_region(),
    ca_file = who.source.ca_file,
  }
end

return M
