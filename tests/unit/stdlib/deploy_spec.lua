local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

describe("stdlib.deploy", function()
  local tenant = stdlib.tenant "newclient"

  it("releases a service with its chart and values file", function()
    local std = stdlib.new()
    std.require("deploy").release(tenant, "service-sso", 90)
    local name, options = table.unpack(std.called("helm.ensure_release")[1])
    assert.equal("newclient-service-sso", name)
    assert.same({
      chart = "core/charts/service-sso",
      values = "core/helm_values/newclient/service-sso.yaml",
      namespace = "default",
      timeout = 90,
    }, options)
  end)

  it("releases all services in waves", function()
    local std = stdlib.new()
    std.require("deploy").all(tenant)
    assert.equal(16, #std.called "helm.ensure_release")
    assert.equal("Wave 1", std.steps[1])
    assert.matches("/service%-proxy$", std.steps[#std.steps])
  end)

  it("renders each release ahead exactly as it is released, but not the first wave once more", function()
    local std = stdlib.new()
    local deploy = std.require "deploy"
    deploy.prepare(tenant)
    assert.equal(6, #std.called "helm.prepare_release")
    deploy.all(tenant, 90)
    local released = {}
    for _, call in ipairs(std.called "helm.ensure_release") do
      released[call[1]] = call[2]
    end
    local prepared = std.called "helm.prepare_release"
    assert.equal(16, #prepared)
    for _, call in ipairs(prepared) do
      call[2].timeout = 90
      assert.same(released[call[1]], call[2])
    end
  end)

  it("does not deploy into maintenance", function()
    local record = '{"since":"S","until":"2026-02-11T13:00:00Z","by":"B","run":"R"}'
    local std = stdlib.new {
      k8s = { get = function() return { metadata = { annotations = { ["o2x.io/maintenance"] = record } } } end },
    }
    assert.matches(
      "deploy refused: newclient has been in maintenance",
      raised(std.require("deploy").all, tenant).message
    )
    assert.same({}, std.called "helm.ensure_release")
  end)

  -- A cluster with all Services, one pod each, whose log and health are these.
  local function verify(log, health)
    local std
    std = stdlib.new {
      k8s = {
        list = function(kind)
          local objects = {}
          for i, service in ipairs(std.require("catalogue").names()) do
            local name = kind == "Service" and "newclient-" .. service or kind .. i
            objects[i] = { metadata = { name = name, labels = { app = "newclient-" .. service } } }
          end
          return objects
        end,
        logs = function() return log end,
        request = function() return { status = 503, json = health } end,
      },
    }
    std.require("deploy").verify(tenant)
    return std
  end

  it("verifies the log and the health of each service", function()
    local std = verify("Started in 3 s", { status = "UP" })
    assert.equal(1 + 2 * 16, #std.checks)
    assert.equal(2, #std.called "k8s.list")
    local name, port, request = table.unpack(std.called("k8s.request")[1])
    assert.matches("^newclient%-", name)
    assert.same({ 8080, "/actuator/health" }, { port, request.path })
  end)

  it(
    "fails for a service that has not logged its start",
    function()
      assert.matches("Pod1 has not logged that it has started", raised(verify, "Starting", { status = "UP" }).message)
    end
  )

  it(
    "fails for a service that reports bad health",
    function()
      assert.matches("newclient%-service%-%w+ reports DOWN", raised(verify, "Started", { status = "DOWN" }).message)
    end
  )

  it(
    "reports the HTTP status of a health endpoint without JSON",
    function() assert.matches("reports HTTP 503", raised(verify, "Started", nil).message) end
  )
end)
