-- A fleet whose script had failed proposed to go on with the same script, for ever; one of two whose first was refused
-- ended "failed", one of one "refused"; a refused undo of a fleet was in the way of the same again.

local fs = require "o2x.base.fs"
local toys = require "tests.support.toy"

describe("a run over several tenants", function()
  local toy

  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  local function code(expected, result)
    assert.equal(expected, result.code, result.stderr)
    return result.stderr
  end

  it("goes on with the edited script after that one failed", function()
    toy:runbook(
      "frail",
      'step("Make", toy.ensure, "a-" .. tenant.name, 1) step("Use", function() return nil .. "" end)'
    )
    local said = code(1, toy:o2x { "run", "frail", "--tenants=alpha,beta" })
    assert.matches("alpha: the script failed, and fails there again as it is: edit runbooks/frail.lua:%d+ first", said)
    local id = assert(said:match "next: %S*o2x%S* resume (F%-[%w-]+) %-%-edited\n$", said)
    toy:runbook("frail", 'step("Make", toy.ensure, "a-" .. tenant.name, 1)')
    code(0, toy:o2x { "resume", id, "--edited" })
  end)

  it("is refused, however many tenants it has, and so is its undo", function()
    toy:runbook("plain", 'step("Make", toy.ensure, "a-" .. tenant.name, 1)')
    code(0, toy:o2x { "run", "plain", "--tenants=alpha,beta" })
    local id = toy:o2x({ "runs" }).stdout:match "F%-[%w-]+"
    toy:write("o2x.yaml", "calendar: calendar.yaml\n")
    toy:write("calendar.yaml", "freezes:\n  - {name: eve, from: 2020-01-01, to: 2199-01-01}\n")
    for _, tenants in ipairs { "alpha", "alpha,beta" } do
      local said = code(5, toy:o2x { "run", "plain", "--tenants=" .. tenants })
      assert.matches("\nrefused  plain: 0 of %d tenants\n$", said)
    end
    assert.matches("\nrefused  undo: 0 of 2 tenants\n$", code(5, toy:o2x { "undo", id, "--confirm=alpha,beta" }))
    fs.remove(toy.project .. "/o2x.yaml")
    code(0, toy:o2x { "undo", id, "--confirm=alpha,beta" })
    assert.same({}, toy:holds())
  end)
end)
