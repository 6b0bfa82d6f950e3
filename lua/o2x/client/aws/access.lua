--- What every client of AWS is given: who asks, and where.

local cleartext = require "o2x.client.cleartext"
local errors = require "o2x.base.error"

local M = {}

--- The options of an AWS client from the configuration; an input error if there are no credentials.
---@param config table
---@return { access_key: string, secret_key: userdata, session_token: userdata?, endpoint: string?, region: string }
function M.of(config)
  local o = config.aws
  errors.need_setting(o.access_key_id, "AWS access", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
  return {
    access_key = o.access_key_id,
    secret_key = o.secret_access_key,
    session_token = o.session_token,
    endpoint = cleartext.check_url(config, o.endpoint, "AWS"),
    region = o.region,
  }
end

return M
