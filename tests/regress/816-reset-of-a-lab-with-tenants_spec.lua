-- A reset seeded urbanos alone, whatever tenants the lab had been made with.

local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"

describe("a reset of a lab with tenants", function()
  local lab

  setup(function() lab = labs.start { tenants = "demo" } end)
  teardown(function() lab:stop() end)

  local function releases() return lab:out("sh", "-c", "helm list -q --max=500 | grep -c '^demo-'"):match "%d+" end

  local function reset(...)
    local result = lab:o2x { "lab", "reset", ... }
    return result.code, result.stderr
  end

  it("is refused with a platform tree that has none of them, and removes nothing", function()
    local tree = fs.join(lab.dir, "platform-without-tenants")
    fs.mkdir(tree)
    local code, words = reset("--platform=" .. tree)
    assert.equal(3, code, words)
    assert.truthy(words:find('has no seed of a tenant "demo"', 1, true), words)
    assert.equal("16", releases())
  end)

  it("seeds them again", function()
    lab:out("helm", "uninstall", "demo-tax-gateway")
    assert.equal("15", releases())
    local code, words = reset()
    assert.equal(0, code, words)
    local up = lab:o2x { "lab", "up", "--tenants=demo" }
    assert.equal(0, up.code, up.stderr)
    lab.env = require("lab").env { dir = lab.dir }
    assert.equal("16", releases())
  end)
end)
