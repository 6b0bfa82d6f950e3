local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

local FILE = "core/helm_values/urbanos/service-billing.yaml"

describe("stdlib.scaling", function()
  local tenant = stdlib.tenant "urbanos"

  -- A cluster with every Deployment at 2 of 2 replicas, and an autoscaler for service-usage.
  local function new()
    local scaler = {
      metadata = { name = "urbanos-service-usage" },
      spec = { scaleTargetRef = { name = "urbanos-service-usage" }, minReplicas = 2, maxReplicas = 4 },
    }
    local std = stdlib.new {
      k8s = {
        list = function() return { scaler } end,
        get = function(kind)
          if kind == "Deployment" then return { spec = { replicas = 2 }, status = { readyReplicas = 2 } } end
        end,
      },
    }
    std.tree[FILE] = "replicaCount: 2\nother: kept\n"
    return std
  end

  local function scale(params)
    local std = new()
    params.timeout = 60
    std.require("scaling").run(tenant, params)
    return std
  end

  local function refused(pattern, params)
    local problem = raised(scale, params)
    assert.equal("input", problem.kind)
    assert.matches(pattern, problem.message)
  end

  it("scales a service", function()
    local std = scale { service = { "service-billing" }, replicas = 3 }
    assert.same({
      { "Deployment", "urbanos-service-billing", 3, { namespace = "default", timeout = 60 } },
    }, std.called "k8s.scale")
  end)

  it("leaves the values file alone", function()
    local std = scale { service = { "service-billing" }, replicas = 3 }
    assert.equal("replicaCount: 2\nother: kept\n", std.tree[FILE])
  end)

  it("writes only replicaCount with permanent", function()
    local std = scale { service = { "service-billing" }, replicas = 3, permanent = true }
    assert.equal("replicaCount: 3\nother: kept\n", std.tree[FILE])
  end)

  it(
    "refuses a number outside the catalogue's range",
    function()
      refused(
        "service%-billing runs with 2 to 3 replicas, not with 4",
        { service = { "service-billing" }, replicas = 4 }
      )
    end
  )

  it(
    "refuses a negative number",
    function() refused("must be 0 or more", { service = { "service-billing" }, replicas = -1 }) end
  )

  it(
    "refuses a service with an autoscaler",
    function()
      refused("has an autoscaler %(urbanos%-service%-usage, 2–4", { service = { "service-usage" }, replicas = 3 })
    end
  )

  it("scales anyway with force", function()
    local std = scale { service = { "service-usage", "service-billing" }, replicas = 9, force = true }
    assert.equal(2, #std.called "k8s.scale")
  end)

  it("requires both parameters", function()
    refused("missing parameter replicas", { service = { "service-billing" } })
    refused("missing parameter service", { replicas = 2 })
  end)

  it("refuses a service that is not deployed", function()
    local std = stdlib.new { k8s = { list = function() return {} end } }
    local problem = raised(std.require("scaling").run, tenant, { service = { "service-billing" }, replicas = 3 })
    assert.matches("urbanos has no deployment of service%-billing", problem.message)
  end)

  it("outputs the status", function()
    local std = new()
    std.require("scaling").status(tenant, { service = { "service-billing", "service-usage" } })
    local rows = std.run.output.rows
    assert.same({ service = "service-billing", range = "2–3", values_file = 2, replicas = 2, ready = 2 }, rows[1])
    assert.equal("2–4", rows[2].autoscaler)
  end)
end)
