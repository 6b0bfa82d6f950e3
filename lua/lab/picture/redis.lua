--- The part of a picture that is in Redis.

local crypto = require "o2x.base.crypto"
local moment = require "lab.moment.redis"
local redis = require "lab.redis"

local M = {}

--- All keys: their type and content as the server dumps them, and whether they end by themselves.
---@param lab table
---@param add fun(name: string, value: any)
function M.redis(lab, add)
  local connection <close> = redis.client(lab)
  for _, each in ipairs(moment.read(connection)) do
    add(("%s %s"):format(each.database, each.key), {
      content = crypto.sha256(each.dump),
      expires = each.ttl >= 0 and "set" or nil,
    })
  end
end

return M
