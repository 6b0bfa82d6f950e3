-- URLs of the configuration and of scripts: what is taken apart has no part that another parser reads otherwise.
local http = require "o2x.client.http"
local only = require "tests.fuzz.only"
local redis = require "o2x.core.redis"

return only(function(text)
  local scheme, host = http.split(text)
  if scheme then assert(scheme:match "^https?$" and host:match "^[%w%.%-_%[%]:]+$", host) end
  pcall(redis.url, text)
end)
