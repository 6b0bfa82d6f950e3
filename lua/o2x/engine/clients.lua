--- The wire clients of a run, each made from the configuration at its first use, limited to what the tenant was
--- granted. ctx:client "aws.s3" is made by for_run(config, scope, run, client) of lua/o2x/client/aws/s3.lua.

local M = {}

-- Where the module of the name is not the one that makes the client.
local MADE_BY <const> = { pg = "pg.pool" }

--- A function that gives the run's client of a name, the same each time.
---@param config table
---@param scope table what stdlib/platform.lua grants; changes in place when the tenant gets its id
---@param run table
---@return fun(name: string): table client
---@return fun() close closes all that were made
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
