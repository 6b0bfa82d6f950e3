local json = require "o2x.base.json"
local stdlib = require "tests.support.stdlib"
local yaml = require "o2x.base.yaml"

describe("stdlib.monitoring", function()
  local tenant = stdlib.tenant "newclient"
  local std = stdlib.new()
  std.require("monitoring").create(tenant)

  -- The object of a kind that was ensured in the cluster.
  local function object(kind)
    for _, call in ipairs(std.called "k8s.ensure") do
      if call[1].kind == kind then return call[1] end
    end
  end

  local function alerts()
    local by_name = {}
    for _, rule in ipairs(object("PrometheusRule").spec.groups[1].rules) do
      by_name[rule.alert] = rule
    end
    return by_name
  end

  it("scrapes this tenant's services only", function()
    local monitor = object "ServiceMonitor"
    assert.same({ tenant = "newclient" }, monitor.spec.selector.matchLabels)
    assert.equal("monitoring", monitor.metadata.namespace)
  end)

  it("writes ServiceMonitor and alerts into the tree as well", function()
    assert.same(object "ServiceMonitor", yaml.decode(std.tree["monitoring/servicemonitor-newclient.yaml"], "x"))
    assert.same(object "PrometheusRule", yaml.decode(std.tree["alerts/newclient-alerts.yaml"], "x"))
  end)

  it("has the guide's three alerts", function()
    local rules = alerts()
    assert.equal('up{tenant="newclient"} == 0', rules.NewClientServiceDown.expr)
    assert.truthy(rules.NewClientHighErrorRate)
    assert.truthy(rules.NewClientDatabaseConnectionPoolExhausted)
  end)

  it("has an alert per threshold of platform.yaml", function()
    local rule = alerts().NewClientPodRestarts
    local limit = tenant.platform.monitoring.thresholds.pod_restarts
    assert.equal(
      ('increase(kube_pod_container_status_restarts_total{tenant="newclient"}[1h]) > %g'):format(limit.above),
      rule.expr
    )
    assert.equal(limit.severity, rule.labels.severity)
  end)

  it("selects the tenant by its label in each expression, or by its own queue or volume", function()
    for name, rule in pairs(alerts()) do
      local selected = rule.expr:find('tenant="newclient"', 1, true)
        or rule.expr:find("TIDLT-100008", 1, true)
        or rule.expr:find("newclient-data-pvc", 1, true)
      assert.truthy(selected, name)
    end
  end)

  it("leaves no placeholder in an expression", function()
    for name, rule in pairs(alerts()) do
      assert.is_nil(rule.expr:find "%%[sg]", name)
      assert.is_nil(rule.expr:find "{%l+}", name)
    end
  end)

  it("leaves out an alert without a threshold", function()
    local without = stdlib.tenant "newclient"
    without.platform.monitoring.thresholds.disk = nil
    local other = stdlib.new()
    other.require("monitoring").create(without)
    assert.is_nil(other.tree["alerts/newclient-alerts.yaml"]:find "DiskUsage")
    assert.truthy(std.tree["alerts/newclient-alerts.yaml"]:find "DiskUsage")
  end)

  it("gives Grafana a dashboard in a labelled ConfigMap", function()
    local map = object "ConfigMap"
    assert.equal("1", map.metadata.labels.grafana_dashboard)
    local dashboard = json.decode(map.data["tenant-newclient.json"])
    assert.equal("tenant-newclient", dashboard.uid)
    assert.equal(11, #dashboard.panels)
  end)
end)
