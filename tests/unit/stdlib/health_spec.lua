local errors = require "o2x.base.error"
local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

describe("stdlib.health", function()
  local tenant = stdlib.tenant "newclient"

  local function try(kind)
    return stdlib.new().require("health").try(function() errors.raise { kind = kind, message = "M", details = "D" } end)
  end

  it("returns success", function()
    assert.same({ ok = true }, stdlib.new().require("health").try(function() end))
  end)

  it("returns a failure of the service", function()
    local result = try "timeout"
    assert.is_false(result.ok)
    assert.matches("M", result.why)
    assert.equal("D", result.details)
  end)

  it(
    "raises what is not the service's fault",
    function() assert.equal("unreachable", raised(try, "unreachable").kind) end
  )

  local function wait(status, seconds)
    local std = stdlib.new { k8s = { request = function() return { status = 200, json = { status = status } } end } }
    return std.require("health").wait(tenant, "service-sso", seconds), std
  end

  it("waits for ready pods, then for the health endpoint", function()
    local result, std = wait("UP", 5)
    assert.is_true(result.ok)
    assert.same({ { "Deployment", "newclient-service-sso", 5, "default" } }, std.called "k8s.wait_ready")
    assert.equal(1, #std.called "k8s.request")
  end)

  it("gives up after the deadline and says why", function()
    local result = wait("DOWN", 0)
    assert.is_false(result.ok)
    assert.matches("service%-sso is healthy: .*reports DOWN", result.why)
  end)
end)
