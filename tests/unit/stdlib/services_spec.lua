local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

describe("stdlib.services", function()
  local services = stdlib.new().require "services"

  it("chooses all services without names", function()
    local chosen, named = services.choose()
    assert.equal(16, #chosen)
    assert.is_false(named)
  end)

  it("chooses all services for the word all", function() assert.equal(16, #services.choose { "all" }) end)

  it("chooses named services in the catalogue's order", function()
    local chosen, named = services.choose { "tax-gateway", "service-sso" }
    assert.same({ "service-sso", "tax-gateway" }, chosen)
    assert.is_true(named)
  end)

  it("rejects an unknown name and suggests a known one", function()
    local problem = raised(services.choose, { "billing" })
    assert.equal("input", problem.kind)
    assert.matches("there is no service 'billing'; did you mean service%-billing", problem.message)
  end)

  local SOME = { "service-proxy", "service-sso", "tax-gateway" }

  it(
    "starts services in waves",
    function() assert.same({ { "service-sso", "tax-gateway" }, { "service-proxy" } }, services.waves(SOME)) end
  )

  it(
    "stops them in reverse",
    function() assert.same({ { "service-proxy" }, { "service-sso", "tax-gateway" } }, services.reverse_waves(SOME)) end
  )

  describe("each", function()
    local WAVES = { { "a", "b" }, { "c" } }

    it("runs a step per service inside a step per wave", function()
      local std = stdlib.new()
      std.require("services").each(WAVES, function() end)
      table.sort(std.steps)
      assert.same({ "Wave 1", "Wave 1/a", "Wave 1/b", "Wave 2", "Wave 2/c" }, std.steps)
    end)

    it("returns the results by service", function()
      local results = stdlib.new().require("services").each(WAVES, function(name) return name:upper() end)
      assert.same({ a = "A", b = "B", c = "C" }, results)
    end)

    it("names a step after an item's name", function()
      local std = stdlib.new()
      std.require("services").each({ { { name = "x" } } }, function() end)
      assert.equal("Wave 1/x", std.steps[2])
    end)

    it("ends after a wave when it is told to", function()
      local options = { is_over = function() return true end }
      local results = stdlib.new().require("services").each(WAVES, function() return 1 end, options)
      assert.same({ a = 1, b = 1 }, results)
    end)

    it("prepares the next wave while one runs, and no step is made for that", function()
      local std, order = stdlib.new(), {}
      local function note(what)
        return function(name) order[#order + 1] = what .. name end
      end
      std.require("services").each({ { "a" }, { "b" }, { "c" } }, note "do ", { ahead = note "prepare " })
      assert.same({ "do a", "prepare b", "do b", "prepare c", "do c" }, order)
      assert.same({ "Wave 1", "Wave 1/a", "Wave 2", "Wave 2/b", "Wave 3", "Wave 3/c" }, std.steps)
    end)
  end)
end)
