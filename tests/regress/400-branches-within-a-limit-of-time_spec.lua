-- A replay stopped the branches of a parallel within a limit of time at their first pause, since the end of the limit
-- was all that was left for the task around them.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("a replay of branches within a limit of time", function()
  local LOOK <const> = 'while true do toy.read("there"); sleep(0.01) end'
  local BODIES <const> = {
    ["that ask until it is over"] = ("parallel { one = function() %s end, two = function() %s end }"):format(
      LOOK,
      LOOK
    ),
    ["of which one only sleeps"] = ([[parallel {
      one = function() %s end,
      two = function() while true do sleep(0.01) end end,
    }]]):format(LOOK),
    ["with limits of their own"] = ([[parallel.each({ 1, 2, 3 }, function(i)
      pcall(timeout, 0.05 * i, function() parallel.each({ 1, 2 }, function() %s end) end)
      toy.read("there")
      sleep(10)
    end)]]):format(LOOK),
    ["in steps"] = ([[parallel.each({ 1, 2 }, function(i) step("Look " .. i, function() %s end) end)]]):format(LOOK),
  }

  for name, body in pairs(BODIES) do
    it(name, function()
      local toy <close> = toys.new()
      fs.write(toy.system .. "/there", "{}")
      toy:runbook("limit", ('pcall(timeout, 0.3, function() %s end)\ntoy.ensure("after", { a = 1 })'):format(body))
      ok(toy:o2x { "run", "limit", "alpha" })
      local path = toy.dir .. "/limit.capsule"
      local id = toy:o2x({ "runs", "--json" }).stdout:match '"(R%-[%w-]+)"'
      ok(toy:o2x { "capsule", id, "--out=" .. path })
      local found = json.decode(toy:o2x({ "replay", path, "--json" }).stdout)
      assert.is_true(found.same, json.encode(found))
    end)
  end
end)
