-- A plan said nothing until it was whole. It shows each step's changes as it has read them; with --json it does not.

local toys = require "tests.support.toy"

describe("a plan", function()
  local toy
  setup(function()
    toy = toys.new()
    toy:runbook(
      "stand",
      [[
      step("First", function() toy.ensure("a", { n = 1 }) toy.ensure("b", { n = 1 }) end)
      step("Nothing", function() return 1 end)
      step("Outer", function() step("Inner", function() toy.ensure("c", { n = 1 }) end) end)
    ]]
    )
  end)
  teardown(function() toy:__close() end)

  it("shows what it finds, step by step, before it is whole", function()
    local order = {}
    local planned = toy:o2x({ "plan", "stand", "alpha" }, nil, {
      on_line = function(line, stream) order[#order + 1] = stream .. " " .. line:gsub("^%d%d:%d%d:%d%d ", "") end,
    })
    assert.equal(0, planned.code, planned.stderr)
    local said = table.concat(order, "\n"):gsub("%d%.%d s", "T")
    assert.matches("stderr First: read %(T, 2 to change%)\nstderr Outer/Inner: read %(T, 1 to change%)\n", said)
    assert.is_nil(said:find("Nothing", 1, true), said)
    assert.truthy(said:find("First: read", 1, true) < said:find("stdout", 1, true))
  end)

  it("says nothing of it with --json, nor with --quiet", function()
    for _, option in ipairs { "--json", "--quiet" } do
      assert.equal("", toy:o2x({ "plan", "stand", "alpha", option }).stderr)
    end
  end)

  it("of several tenants says each as it is planned", function()
    local planned = toy:o2x { "plan", "stand", "--tenants=alpha,beta" }
    assert.matches("alpha: 3 to create.-\n.-beta: 3 to create", planned.stderr)
  end)
end)
