local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

describe("stdlib.restart", function()
  local tenant = stdlib.tenant "urbanos"

  local function restart(names, has)
    local std = stdlib.new {
      k8s = {
        get = function(kind) return kind == "Deployment" and has ~= false and { spec = {} } or nil end,
        request = function() return { status = 200, json = { status = "UP" } } end,
      },
    }
    std.require("restart").run(tenant, { services = names, timeout = 60 })
    return std
  end

  it("changes the pod template of each service, as kubectl does", function()
    local calls = restart({ "service-sso", "tax-gateway" }).called "k8s.set"
    assert.equal(2, #calls)
    for _, call in ipairs(calls) do
      assert.equal("Deployment", call[1])
      local annotations = call[3].spec.template.metadata.annotations
      assert.matches("^%d+%-%d+%-%d+T", annotations["kubectl.kubernetes.io/restartedAt"])
    end
  end)

  it("wants to know which, and refuses what is not there", function()
    assert.matches("missing parameter services", raised(restart, nil).message)
    assert.matches("has no deployment of service%-sso", raised(restart, { "service-sso" }, false).message)
  end)
end)
