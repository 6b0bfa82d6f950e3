-- A run over several tenants, on the toy platform: which, in which order, what happens when one fails, resume.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local toys = require "tests.support.toy"

describe("a run over several tenants", function()
  local toy
  before_each(function()
    toy = toys.new()
    toy:write(
      "stdlib/platform.lua",
      (
        fs.read(toy.project .. "/stdlib/platform.lua")
          :gsub("return { name = name,", "return { name = name, environment = spec.environment, region = spec.region,")
      )
    )
    for name, place in pairs {
      alpha = "production us",
      beta = "sandbox us",
      gamma = "production eu",
      delta = "production us",
    } do
      local environment, region = place:match("^(%S+) (%S+)$")
      toy:write(
        ("platform/tenants/%s.yaml"):format(name),
        ("company: %s\nenvironment: %s\nregion: %s\n"):format(name, environment, region)
      )
    end
    toy:runbook(
      "mark",
      [[ step("Mark", function() toy.ensure("mark-" .. tenant.name, { of = tenant.name }) end)
      step("Two", function() toy.ensure("two-" .. tenant.name, { of = tenant.name }) end) ]]
    )
  end)
  after_each(function() toy:__close() end)

  local function fleet(...)
    local result = toy:o2x { "run", "mark", "--json", ... }
    local ok, data = pcall(json.decode, result.stdout)
    return ok and data or result.stderr, result
  end

  local function marked()
    local names = {}
    for _, write in ipairs(toy:writes()) do
      names[#names + 1] = write:match("^mark%-(%S+)")
    end
    return table.concat(names, " ")
  end

  it("takes those that fit", function()
    for selector, expected in pairs {
      all = "alpha beta delta gamma",
      ["env=production"] = "alpha delta gamma",
      ["env=production,region=us"] = "alpha delta",
      ["gamma,alpha"] = "gamma alpha",
    } do
      toy:reset()
      local data = fleet("--tenants=" .. selector)
      assert.equal("done", data.status)
      assert.equal(expected, marked())
    end
    local text = toy:o2x { "run", "mark", "--tenants=all", "--at-once=3" }
    assert.equal(0, text.code, text.stderr)
    assert.truthy(text.stdout:find("gamma%s+done%s+%d"), text.stdout)
    assert.truthy(text.stderr:find("done  mark: 4 of 4 tenants", 1, true))
  end)

  it("refuses what fits nobody", function()
    for selector, message in pairs {
      ["env=prod"] = "no tenant has env=prod",
      ["colour=red"] = "no tenant has a field colour",
      ["alpa"] = "unknown tenant alpa; did you mean alpha?",
      ["alpha,env=production"] = "expected names or FIELD=VALUE, not both",
      ["alpha,alpha"] = "alpha is given twice",
      [","] = "expected all, names, or FIELD=VALUE",
      ["env=sandbox,region=eu"] = "no tenant has all of",
      ["../x"] = "tenant name",
    } do
      local result = toy:o2x { "run", "mark", "--tenants=" .. selector }
      assert.equal(3, result.code)
      assert.truthy(result.stderr:find(message, 1, true), result.stderr)
    end
    assert.equal(3, toy:o2x({ "run", "mark", "--tenants=all", "x=1" }).code)
    assert.equal(3, toy:o2x({ "run", "mark", "--tenants=all", "--at-once=0" }).code)
    assert.equal(3, toy:o2x({ "run", "mark" }).code)
    assert.same({}, toy:writes())
  end)

  it("stops at the first that fails, and goes on there", function()
    toy:fault("two-beta", "failed")
    local data, result = fleet("--tenants=all")
    assert.equal(1, result.code)
    assert.equal("alpha beta", marked())
    local statuses = {}
    for i, outcome in ipairs(data.tenants) do
      statuses[i] = outcome.status
    end
    assert.same({ "done", "failed", "not begun", "not begun" }, statuses)
    assert.equal("o2x resume " .. data.fleet, data.next)
    local resumed = toy:json { "resume", "--json" }
    assert.equal("done", resumed.status)
    assert.equal(8, #toy:writes())
    assert.equal(4, #toy:json { "runs", "--json" })
    assert.equal(3, toy:o2x({ "resume" }).code)
  end)

  it("keeps going if it is told to", function()
    toy:fault("two-beta", "failed")
    local data, result = fleet("--tenants=all", "--keep-going", "--at-once=2")
    assert.equal(1, result.code)
    assert.equal("failed", data.status)
    assert.equal(7, #toy:writes())
    assert.equal("done", toy:json({ "resume", data.fleet, "--json" }).status)
    assert.equal(8, #toy:writes())
  end)

  it("is killed anywhere and goes on: nothing is done twice", function()
    for kill = 1, 31, 5 do
      toy:reset()
      assert.truthy(toy:o2x({ "run", "mark", "--tenants=all" }, { O2X_KILL_AT = tostring(kill) }).signal)
      assert.equal("done", toy:json({ "resume", "--json" }).status)
      assert.equal(8, #toy:writes())
    end
  end)

  it("uses a tenant's own version, and wants a severe one confirmed by the selector", function()
    toy:write(
      "runbooks/tenants/gamma/mark.lua",
      [[
return require "o2x.runbook".override(require "runbooks.mark", { version = "1.0.0", without = { "Two" } })]]
    )
    fleet("--tenants=all")
    assert.equal(7, #toy:writes())
    toy:reset()
    toy:runbook("mark", [[ step("Mark", function() toy.ensure("mark-" .. tenant.name, { 1 }) end) ]], "severe = true,")
    local result = toy:o2x { "run", "mark", "--tenants=env=production" }
    assert.equal(3, result.code)
    assert.truthy(
      result.stderr:find("to do it: o2x run mark --tenants=env=production --confirm=env=production\n", 1, true),
      result.stderr
    )
    assert.equal(3, toy:o2x({ "run", "mark", "--tenants=env=production", "--confirm=alpha" }).code)
    assert.same({}, toy:writes())
    assert.equal(0, toy:o2x({ "run", "mark", "--tenants=alpha,beta", "--confirm=alpha,beta" }).code)
  end)
end)
