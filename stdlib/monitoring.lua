--- Monitoring and alerts (guide: step 8, "Key Metrics to Monitor").

local cluster = require "stdlib.cluster"
local files = require "o2x.files"
local json = require "o2x.json"
local k8s = require "o2x.k8s"
local naming = require "stdlib.naming"
local yaml = require "o2x.yaml"

local M = {}

local FULL_POOL <const> = 0.9 -- share of the connections, as in the guide, where platform.yaml has none

local function in_tree_and_cluster(path, object)
  files.ensure(path, yaml.encode(object))
  k8s.ensure(object)
end

local function metadata(tenant, what, labels)
  return {
    name = naming.resource(tenant, what),
    namespace = tenant.platform.monitoring.namespace,
    labels = labels or cluster.labels(tenant),
  }
end

local function service_monitor(tenant)
  return {
    apiVersion = "monitoring.coreos.com/v1",
    kind = "ServiceMonitor",
    metadata = metadata(tenant, "services"),
    spec = {
      selector = { matchLabels = { tenant = tenant.name } },
      namespaceSelector = { matchNames = { tenant.namespace } },
      endpoints = {
        { port = "metrics", interval = tenant.platform.monitoring.interval, path = "/actuator/prometheus" },
      },
    },
  }
end

-- ---- alerts ----

-- Key in platform.yaml's thresholds, alert, expression, summary. %s is the tenant, %g the threshold. The tenant label
-- selects exactly; a name pattern such as newclient-.* would match newclient-sbx as well.
local THRESHOLDS = {
  {
    "pod_cpu",
    "PodCpuHigh",
    'sum by (pod) (rate(container_cpu_usage_seconds_total{tenant="%s"}[5m]))'
      .. ' / sum by (pod) (kube_pod_container_resource_limits{resource="cpu",tenant="%s"}) > %g',
    "CPU of {{ $labels.pod }} above its threshold",
  },
  {
    "pod_memory",
    "PodMemoryHigh",
    'sum by (pod) (container_memory_working_set_bytes{tenant="%s"})'
      .. ' / sum by (pod) (kube_pod_container_resource_limits{resource="memory",tenant="%s"}) > %g',
    "Memory of {{ $labels.pod }} above its threshold",
  },
  {
    "pod_restarts",
    "PodRestarts",
    'increase(kube_pod_container_status_restarts_total{tenant="%s"}[1h]) > %g',
    "{{ $labels.pod }} keeps restarting",
  },
  {
    "http_errors",
    "HttpErrorRate",
    'sum by (service) (rate(http_server_requests_seconds_count{tenant="%s",status=~"5.."}[5m]))'
      .. ' / sum by (service) (rate(http_server_requests_seconds_count{tenant="%s"}[5m])) > %g',
    "Too many 5xx responses from {{ $labels.service }}",
  },
  {
    "latency_p95",
    "LatencyP95",
    'histogram_quantile(0.95, sum by (le, service) (rate(http_server_requests_seconds_bucket{tenant="%s"}[5m]))) > %g',
    "p95 latency of {{ $labels.service }} is {{ $value }} s",
  },
  {
    "latency_p99",
    "LatencyP99",
    'histogram_quantile(0.99, sum by (le, service) (rate(http_server_requests_seconds_bucket{tenant="%s"}[5m]))) > %g',
    "p99 latency of {{ $labels.service }} is {{ $value }} s",
  },
  {
    "cache_hits",
    "CacheHitRateLow",
    'sum(rate(cache_gets_total{tenant="%s",result="hit"}[5m])) / sum(rate(cache_gets_total{tenant="%s"}[5m])) < %g',
    "Cache hit rate is {{ $value }}",
  },
  {
    "queue_depth",
    "QueueDepth",
    'activemq_queue_size{destination=~"{id}\\\\..*"} > %g',
    "{{ $labels.destination }} holds {{ $value }} messages",
  },
  {
    "disk",
    "DiskUsage",
    'kubelet_volume_stats_used_bytes{persistentvolumeclaim="{pvc}"}'
      .. ' / kubelet_volume_stats_capacity_bytes{persistentvolumeclaim="{pvc}"} > %g',
    "The data volume is {{ $value }} full",
  },
}

local function expression(tenant, pattern, limit)
  local values =
    { ["%s"] = tenant.name, ["%g"] = ("%g"):format(limit), ["{id}"] = tenant.id, ["{pvc}"] = tenant.data_pvc }
  return (pattern:gsub("%%[sg]", values):gsub("{%w+}", values))
end

local function rule(tenant, name, expr, wait, severity, summary, description)
  return {
    alert = naming.camel(tenant) .. name,
    expr = expr,
    ["for"] = wait,
    labels = { severity = severity, tenant = tenant.name },
    annotations = { summary = summary, description = description },
  }
end

local function thresholds(tenant) return tenant.platform.monitoring.thresholds or {} end

-- The guide's three alerts (8.3), word for word.
local function guide_rules(tenant)
  local t = tenant.name
  return {
    rule(
      tenant,
      "ServiceDown",
      ('up{tenant="%s"} == 0'):format(t),
      "2m",
      "critical",
      ("Service {{ $labels.service }} is down for tenant %s"):format(t),
      "Service has been down for more than 2 minutes"
    ),
    rule(
      tenant,
      "HighErrorRate",
      ('rate(http_server_requests_seconds_count{tenant="%s",status=~"5.."}[5m]) > 0.05'):format(t),
      "5m",
      "warning",
      ("High error rate for tenant %s"):format(t),
      "Error rate is {{ $value }} errors/sec"
    ),
    rule(
      tenant,
      "DatabaseConnectionPoolExhausted",
      ('hikaricp_connections_active{tenant="%s"} >= hikaricp_connections_max{tenant="%s"} * %g'):format(
        t,
        t,
        (thresholds(tenant).connection_pool or {}).above or FULL_POOL
      ),
      "5m",
      "warning",
      "Database connection pool near capacity",
      "Active connections: {{ $value }}"
    ),
  }
end

local function threshold_rules(tenant, rules)
  for _, entry in ipairs(THRESHOLDS) do
    local key, name, pattern, summary = table.unpack(entry)
    local limit = thresholds(tenant)[key]
    if limit then
      rules[#rules + 1] = rule(
        tenant,
        name,
        expression(tenant, pattern, limit.above or limit.below),
        limit["for"] or "0m",
        limit.severity,
        summary,
        ("Threshold: %s %g"):format(limit.above and "above" or "below", limit.above or limit.below)
      )
    end
  end
  return rules
end

local function prometheus_rule(tenant)
  return {
    apiVersion = "monitoring.coreos.com/v1",
    kind = "PrometheusRule",
    metadata = metadata(tenant, "alerts"),
    spec = {
      groups = { { name = tenant.name, interval = "30s", rules = threshold_rules(tenant, guide_rules(tenant)) } },
    },
  }
end

-- ---- dashboard ----

-- The guide's list (8.2, "Tenant Overview Dashboard"); %s is the tenant.
local PANELS = {
  { "Service health", "stat", 'min by (service) (up{tenant="%s"})' },
  { "Pod CPU", "timeseries", 'sum by (pod) (rate(container_cpu_usage_seconds_total{tenant="%s"}[5m]))' },
  { "Pod memory", "timeseries", 'sum by (pod) (container_memory_working_set_bytes{tenant="%s"})' },
  { "Request rate", "timeseries", 'sum by (service) (rate(http_server_requests_seconds_count{tenant="%s"}[5m]))' },
  {
    "Latency p95",
    "timeseries",
    'histogram_quantile(0.95, sum by (le, service) (rate(http_server_requests_seconds_bucket{tenant="%s"}[5m])))',
  },
  {
    "Error rate per service",
    "timeseries",
    'sum by (service) (rate(http_server_requests_seconds_count{tenant="%s",status=~"5.."}[5m]))',
  },
  { "Database connection pool", "timeseries", 'sum by (service) (hikaricp_connections_active{tenant="%s"})' },
  {
    "Cache hit rate",
    "timeseries",
    'sum(rate(cache_gets_total{tenant="%s",result="hit"}[5m])) / sum(rate(cache_gets_total{tenant="%s"}[5m]))',
  },
  { "Queue depth (ActiveMQ)", "timeseries", 'sum by (destination) (activemq_queue_size{destination=~"{id}\\\\..*"})' },
  {
    "Gateway API call success rate",
    "timeseries",
    'sum by (service) (rate(http_client_requests_seconds_count{tenant="%s",outcome="SUCCESS"}[5m]))'
      .. ' / sum by (service) (rate(http_client_requests_seconds_count{tenant="%s"}[5m]))',
  },
  { "Recent deployments", "table", 'max by (service, image) (kube_pod_container_info{tenant="%s"})' },
}

local function dashboard(tenant)
  local panels = {}
  for i, entry in ipairs(PANELS) do
    local expr = entry[3]:gsub("%%s", tenant.name):gsub("{id}", tenant.id)
    panels[i] = {
      id = i,
      title = entry[1],
      type = entry[2],
      targets = { { refId = "A", expr = expr } },
      gridPos = { h = 8, w = 12, x = (i - 1) % 2 * 12, y = (i - 1) // 2 * 8 },
    }
  end
  return {
    uid = "tenant-" .. tenant.name,
    title = ("Tenant %s (%s)"):format(tenant.name, tenant.id),
    tags = { "tenant", tenant.name },
    refresh = "30s",
    time = { from = "now-6h", to = "now" },
    schemaVersion = 39,
    version = 1,
    panels = panels,
  }
end

--- Ensures ServiceMonitor, alerts and dashboard, in the tree and in the cluster. Grafana's sidecar loads the dashboard
--- from the labelled ConfigMap.
---@param tenant table
function M.create(tenant)
  in_tree_and_cluster(("monitoring/servicemonitor-%s.yaml"):format(tenant.name), service_monitor(tenant))
  in_tree_and_cluster(("alerts/%s-alerts.yaml"):format(tenant.name), prometheus_rule(tenant))
  local text = json.pretty(dashboard(tenant))
  files.ensure(("monitoring/dashboard-%s.json"):format(tenant.name), text)
  local labels = cluster.labels(tenant)
  labels.grafana_dashboard = "1"
  k8s.ensure {
    apiVersion = "v1",
    kind = "ConfigMap",
    metadata = metadata(tenant, "dashboard", labels),
    data = { [("tenant-%s.json"):format(tenant.name)] = text },
  }
end

return M
