--- The wire clients of a run. Each is created from the configuration at its first use and limited to the tenant's
--- grants. ctx:client "aws.s3" calls for_run(config, scope, run, client) of lua/o2x/client/aws/s3.lua.

local M = {}

-- Names whose client is created by another module.
local MADE_BY <const> = { pg = "pg.pool" }

--- A function that returns the run's client of a name, always the same one.
---@param config table
---@param scope table the grants of stdlib/platform.lua; changes in place when the tenant gets its id
---@param run table
---@return fun(name: string): table client
---@return fun() close closes all clients that were created
function M.new(config, scope, run)
  local made, order = {}, {}
  local function client(name)
    if made[name] then return made[name] end
    local module = require("o2x.client." .. (MADE_BY[name] or name))
    made[name] = module.for_run(config, scope, run, client)
    order[#order + 1] = made[name]
    return made[name]
  end
  local function close()
    for i = #order, 1, -1 do
      if type(order[i].close) == "function" then pcall(order[i].close, order[i]) end
    end
    made, order = {}, {}
  end
  return client, close
end

return M
