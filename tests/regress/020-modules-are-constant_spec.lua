-- A script could change what require gave it: names and grants were computed by functions that it had replaced, and
-- tables that functions of stdlib returned were the module's own.

local toys = require "tests.support.toy"

describe("what require gives", function()
  local toy
  setup(function()
    toy = toys.new()
    toy:write(
      "stdlib/rooms.lua",
      [[
      local LIST = { { name = "hall", size = { w = 1 } } }
      return { LIST = LIST, all = function() return LIST end, first = function() return { room = LIST[1] } end }]]
    )
    toy:write(
      "stdlib/other.lua",
      [[
      local rooms = require "stdlib.rooms"
      return { seen = function() return rooms.all()[1].name .. rooms.all()[1].size.w .. #rooms.LIST end }]]
    )
  end)
  teardown(function() toy:__close() end)

  for what, attack in pairs {
    ["a function"] = "house.build = function() end",
    ["a function of the platform"] = "require('stdlib.platform').grants = function() return {} end",
    ["a new name"] = "house.extra = 1",
    ["a table in it"] = "rooms.LIST[1] = nil",
    ["a table in a table"] = "rooms.LIST[1].size.w = 2",
    ["a table that a function returns"] = "rooms.all()[1].name = 'x'",
    ["a table inside one that a function returns"] = "rooms.first().room.name = 'x'",
    ["by table.insert"] = "table.insert(rooms.LIST, { name = 'x' })",
    ["by table.remove"] = "table.remove(rooms.all())",
    ["by table.sort"] = "table.sort(rooms.all()[1], function() return true end) rooms.LIST[2] = {}",
    ["by table.move"] = "table.move({ 1 }, 1, 1, 1, rooms.all())",
    ["by setmetatable"] = "setmetatable(rooms.LIST, { __index = function() end })",
    ["an api"] = "toy.ensure = function() end",
    ["the library"] = "string.format = function() end",
    ["a standard runbook"] = "require('runbooks.build').effects[1] = 'files:write'",
    ["the parameters"] = "params.x = 1",
    ["the tenant"] = "tenant.company = 'x'",
  } do
    it("cannot be changed: " .. what, function()
      toy:runbook(
        "attack",
        ([[
        local house, rooms, other = require "stdlib.house", require "stdlib.rooms", require "stdlib.other"
        local ok, message = pcall(function() %s end)
        log(ok and "CHANGED" or tostring(message))
        log("seen " .. other.seen())]]):format(attack)
      )
      local result = toy:o2x { "run", "attack", "alpha" }
      assert.equal(0, result.code, result.stderr)
      assert.is_nil(result.stderr:find("CHANGED", 1, true), result.stderr)
      assert.truthy(result.stderr:find("seen hall11", 1, true), result.stderr)
      assert.truthy(result.stderr:find("read-only", 1, true), result.stderr)
    end)
  end
end)
