-- What a step gives that could not be planned is known after apply. A script that walked through it computed until its
-- time was over, because each element was there, too: a plan took 20 s for nothing, or counted no element at all.

local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

local WALKS <const> = {
  "for _, name in ipairs(found) do toy.ensure(name, { n = 1 }) end",
  "for _, name in ipairs(found.list) do toy.ensure(name, { n = 1 }) end",
  "for _, name in pairs(found) do toy.ensure(name, { n = 1 }) end",
  "for i = 1, #found do toy.ensure(found[i], { n = 1 }) end",
  'toy.ensure(table.concat(found, " "), { n = 1 })',
  "parallel.each(found, function(name) toy.ensure(name, { n = 1 }) end)",
  "table.sort(found)",
  "toy.ensure(table.unpack(found), { n = 1 })",
}

describe("a list that is known after apply", function()
  for _, walk in ipairs(WALKS) do
    it("cannot be planned: " .. walk, function()
      local toy <close> = toys.new()
      toy:runbook(
        "walk",
        ([[
    toy.ensure("first", { n = 1 })
    local found = step("Find them", function() fail "nothing is there" end)
    step("Walk", function() %s end)
    toy.ensure("last", { n = 1 })
]]):format(walk)
      )
      local result = toy:o2x({ "plan", "walk", "alpha" }, { O2X_CPU_LIMIT = "1,3" })
      assert.equal(1, result.code, result.stderr)
      assert.truthy(result.stderr:find("nothing is there", 1, true), result.stderr)
      assert.truthy(result.stderr:find("Walk cannot be planned before Find them is", 1, true), result.stderr)
      assert.truthy(result.stdout:find("2 to create", 1, true), result.stdout)
      assert.is_nil(result.stderr:find("traceback", 1, true), result.stderr)
    end)
  end

  it("is a list like any other when the runbook runs", function()
    local toy <close> = toys.new()
    toy:runbook(
      "walk",
      [[
    local found = step("Find them", function() return { "a", "b" } end)
    for _, name in ipairs(found) do toy.ensure(name, { n = #found }) end
]]
    )
    ok(toy:o2x { "run", "walk", "alpha" })
    assert.same({ a = { n = 2 }, b = { n = 2 } }, toy:holds())
  end)
end)
