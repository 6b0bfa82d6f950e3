local runbook = require "o2x.runbook"
local house = require "stdlib.house"
local toy = require "o2x.toy"

return runbook {
  name = "build",
  version = "1.0.0",
  api = 1,
  summary = "Build a house for a tenant",
  help = "Builds, furnishes, puts up the sign. Verify by looking at it. Back: pull it down.",
  params = { rooms = { "integer", default = 3, min = 1, max = 9, help = "how many rooms" } },
  effects = { "toy:write" },

  run = function(tenant, params)
    local number = step("Find a number", function() return toy.number(tenant.name) end)
    step("Build", house.build, tenant)
    step("Furnish", function()
      local rooms = {}
      for i = 1, params.rooms do
        rooms[i] = tostring(i)
      end
      parallel.each(rooms, function(room) step("room " .. room, house.furnish, room) end, { limit = 2 })
    end)
    step("Put up the sign", function() toy.ensure("sign", { text = tenant.company .. " at " .. number }) end)
    check("the house has a roof", function() return toy.read("roof").colour == "red" end)
  end,
}
