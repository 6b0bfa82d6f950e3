-- What each further tenant costs a fleet that is selected by a field, and a list of all tenants. The growth is that
-- from 20 tenants to 80, without what a start costs.

local fs = require "o2x.base.fs"
local platform = require "bench.fleet.platform"

return function(count)
  local function selects(tenants)
    local folder = platform(fs.join(count.folder, tostring(tenants)), tenants)
    return count.instructions { "build/o2x-dev", "bench/fleet/select.lua", folder, tostring(tenants) }
  end
  local function lists(tenants)
    local argv = { "build/o2x-dev", "bench/fleet/list.lua", fs.join(count.folder, tostring(tenants)) }
    return count.instructions(argv, { env = { KUBECONFIG = "/nonexistent" } })
  end
  local few, some, many = selects(2), selects(20), selects(80)
  return {
    ["select, instructions a tenant"] = (many - some) // 60,
    ["list, instructions a tenant"] = (lists(80) - lists(20)) // 60,
    ["select, growth from 20 to 80 tenants"] = count.grows(some - few, many - few),
  }
end
