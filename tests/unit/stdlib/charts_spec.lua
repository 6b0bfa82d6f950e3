local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

local PIN <const> = { chart = "oci://h/charts/tax-gateway", version = "1.2.3", digest = "sha256:aa" }

describe("stdlib.charts", function()
  local function pinned()
    local tenant = stdlib.tenant "newclient"
    tenant.platform.charts = { ["tax-gateway"] = PIN }
    return tenant
  end

  it("takes a folder of the tree, or what platform.yaml pins", function()
    local charts, tenant = stdlib.new().require "charts", pinned()
    assert.same({ chart = "core/charts/service-sso" }, charts.of(tenant, "service-sso"))
    assert.same(PIN, charts.of(tenant, "tax-gateway"))
    assert.same({ chart = "tax-gateway/charts/tax-gateway" }, charts.of(stdlib.tenant "newclient", "tax-gateway"))
  end)

  it("knows the version of both, and where it stands", function()
    local std = stdlib.new()
    std.tree["core/charts/service-sso/Chart.yaml"] = "version: 0.4.0\n"
    std.tree["core/charts/service-usage/Chart.yaml"] = "version: [1]\n"
    local charts, tenant = std.require "charts", pinned()
    assert.same({ "1.2.3", "platform.yaml" }, { charts.version(tenant, "tax-gateway") })
    assert.same({ "0.4.0", "core/charts/service-sso/Chart.yaml" }, { charts.version(tenant, "service-sso") })
    assert.is_nil((charts.version(tenant, "service-usage")))
  end)

  it("misses only charts of the tree", function()
    local std = stdlib.new()
    for _, service in ipairs(std.require("catalogue").names()) do
      if service ~= "tax-gateway" then
        std.tree[std.require("naming").chart(service) .. "/Chart.yaml"] = "version: 1"
      end
    end
    local charts = std.require "charts"
    charts.check(pinned())
    local e = raised(charts.check, stdlib.tenant "newclient")
    assert.equal("there is no tax-gateway/charts/tax-gateway/Chart.yaml", e.message)
  end)

  it("lets a run pull what is pinned, and nothing else", function()
    local tenant = pinned()
    tenant.platform.charts["crm-gateway"] = { chart = "crm", repo = "https://h/r", version = "1.0.0", digest = "x" }
    local platform = stdlib.new().require "platform"
    assert.same({ "https://h/r crm", "oci://h/charts/tax-gateway" }, platform.grants(tenant).charts)
    assert.same({}, platform.grants(stdlib.tenant "newclient").charts)
  end)
end)
