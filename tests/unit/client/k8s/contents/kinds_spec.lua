-- What each kind may hold, besides its pods (pod_spec.lua).
local json = require "o2x.base.json"
local kinds = require "o2x.client.k8s.contents.kinds"
local objects = require "tests.support.objects"

describe("the kinds", function()
  it("that o2x can check are those that the platform lists", function()
    local contents = objects.grants().spec.contents
    local listed = {}
    for _, name in ipairs(contents.kinds) do
      assert.is_function(kinds[name], name)
      listed[name] = true
    end
    for name in pairs(kinds) do
      assert.is_true(listed[name], name)
    end
  end)

  it("have an honest example each", function()
    local bounds = objects.grants()
    for _, kind in ipairs(objects.kinds()) do
      local object = objects.of(kind)
      bounds:contents(objects.resource(object), "default", object)
    end
    assert.equal(14, #objects.kinds())
  end)
end)

describe("the metadata of every kind", function()
  local rows = {}
  for _, kind in ipairs(objects.kinds()) do
    rows[#rows + 1] = { kind, "metadata.labels.tenant", "urbanos", "metadata.labels.tenant must be 'newclient'" }
    rows[#rows + 1] =
      { kind, "metadata.ownerReferences", { { kind = "Node", name = "n", uid = "u" } }, "ownerReferences" }
    rows[#rows + 1] = { kind, "metadata.finalizers", { "a/b" }, "metadata.finalizers is not among" }
    rows[#rows + 1] = { kind, "metadata.generateName", "x-", "metadata.generateName is not among" }
    rows[#rows + 1] = { kind, "metadata.annotations/other.example/acts", "x", "is not among the annotations" }
    rows[#rows + 1] = { kind, "metadata.labels", { "a" }, "metadata.labels is not a map" }
    rows[#rows + 1] = { kind, "unknown", { a = 1 }, "unknown is not among the fields" }
  end
  objects.each_refused(it, rows)
end)

describe(
  "a Service is refused with",
  function()
    objects.each_refused(it, {
      { "Service", "spec.selector", json.null, "spec.selector is missing" },
      { "Service", "spec.selector", {}, "spec.selector selects pods of other tenants too: add tenant: newclient" },
      { "Service", "spec.selector", { tier = "core" }, "selects pods of other tenants too" },
      { "Service", "spec.selector", { tenant = "urbanos" }, "spec.selector.tenant must be 'newclient'" },
      { "Service", "spec.selector", { app = "urbanos-service-sso" }, "spec.selector.app names 'urbanos-service-sso'" },
      { "Service", "spec.selector", { app = "urbanos-service-sso", tenant = "newclient" }, "spec.selector.app names" },
      { "Service", "spec.selector", { app = "newclient-service-sso", tenant = "urbanos" }, "selector.tenant must be" },
      { "Service", "spec.selector", { matchLabels = { tenant = "newclient" } }, "selects pods of other tenants" },
      { "Service", "spec.selector", "tenant=newclient", "spec.selector selects" },
      { "Service", "spec.type", "LoadBalancer", "spec.type may only be ClusterIP or ExternalName" },
      { "Service", "spec.type", "NodePort", "spec.type may only be" },
      { "Service", "spec.type", "ExternalName", "spec.externalName is missing" },
      { "Service", "spec.externalName", "urbanos-service-sso.default.svc", "is not a host of the tenant" },
      { "Service", "spec.externalName", "urbanos.embrix.com", "is not a host of the tenant" },
      { "Service", "spec.externalIPs", { "10.0.0.1" }, "spec.externalIPs is not among" },
      { "Service", "spec.loadBalancerIP", "10.0.0.1", "spec.loadBalancerIP" },
      { "Service", "spec.clusterIP", "10.96.0.10", "spec.clusterIP may only be" },
      { "Service", "spec.ports", { { port = 80, nodePort = 30080 } }, "spec.ports[0].nodePort may only be 0" },
      { "Service", "metadata.annotations/service.beta.kubernetes.io/aws-load-balancer-type", "nlb", "not among" },
      {
        "Service",
        "metadata.annotations/external-dns.alpha.kubernetes.io/hostname",
        "urbanos.embrix.com",
        "not among",
      },
      { "Service", "endpoints", {}, "endpoints is not among the fields" },
    })
  end
)

describe("an Ingress is refused with", function()
  local function paths(name)
    return { paths = { { path = "/", pathType = "Prefix", backend = { service = { name = name } } } } }
  end
  local own = paths "newclient-service-proxy"
  local rows = {
    { "Ingress", "spec.rules", { { host = "urbanos.embrix.com", http = own } }, "'urbanos.embrix.com' is not a host" },
    { "Ingress", "spec.rules", { { host = "embrix.com", http = own } }, "spec.rules[0].host 'embrix.com' is not" },
    { "Ingress", "spec.rules", { { host = "*.embrix.com", http = own } }, "'*.embrix.com' is not a host" },
    { "Ingress", "spec.rules", { { host = "*", http = own } }, "'*' is not a host" },
    { "Ingress", "spec.rules", { { host = "xnewclient.embrix.com", http = own } }, "is not a host" },
    { "Ingress", "spec.rules", { { host = "newclient-sbx.embrix.com", http = own } }, "is not a host" },
    { "Ingress", "spec.rules", { { host = "newclient.embrix.com.evil.com", http = own } }, "is not a host" },
    { "Ingress", "spec.rules", { { host = "", http = own } }, "spec.rules[0].host '' is not a host" },
    { "Ingress", "spec.rules", { { http = own } }, "spec.rules[0].host is missing" },
    { "Ingress", "spec.rules", { { host = json.null, http = own } }, "spec.rules[0].host is missing" },
    { "Ingress", "spec.rules.2", { host = "grafana.embrix.com", http = own }, "spec.rules[1].host" },
    {
      "Ingress",
      "spec.rules.1.http",
      paths "urbanos-service-proxy",
      "backend.service.name names 'urbanos-service-proxy'",
    },
    { "Ingress", "spec.rules.1.http", paths "pg", "backend.service.name names 'pg'" },
    { "Ingress", "spec.rules.1.http", { paths = { { path = "/" } } }, "paths[0].backend is missing" },
    {
      "Ingress",
      "spec.rules.1.http",
      { paths = { { backend = { resource = { kind = "Bucket", name = "b" } } } } },
      "backend.resource is not among",
    },
    {
      "Ingress",
      "spec.rules.1.http",
      { paths = { { backend = { serviceName = "urbanos-service-proxy" } } } },
      "backend.serviceName is not among",
    },
    {
      "Ingress",
      "spec.defaultBackend",
      { service = { name = "urbanos-service-proxy" } },
      "spec.defaultBackend.service.name names",
    },
    {
      "Ingress",
      "spec.tls",
      { { hosts = { "urbanos.embrix.com" }, secretName = "newclient-tls-cert" } },
      "spec.tls[0].hosts[0]",
    },
    {
      "Ingress",
      "spec.tls",
      { { hosts = { "newclient.embrix.com" }, secretName = "urbanos-tls-cert" } },
      "spec.tls[0].secretName names",
    },
    { "Ingress", "spec.tls", { { secretName = "newclient-tls-cert" } }, "spec.tls[0].hosts is missing" },
    { "Ingress", "spec.ingressClassName", "internal", "'internal' is not a class" },
    { "Ingress", "metadata.annotations/kubernetes.io/ingress.class", "internal", "may only be nginx" },
    { "Ingress", "metadata.annotations/cert-manager.io/cluster-issuer", "mine", "may only be letsencrypt-prod" },
    { "Ingress", "metadata.annotations/cert-manager.io/issuer", "mine", "is not among the annotations" },
    {
      "Ingress",
      "metadata.annotations/nginx.ingress.kubernetes.io/default-backend",
      "urbanos-service-sso",
      "names 'urbanos",
    },
    { "Ingress", "metadata.annotations/nginx.ingress.kubernetes.io/proxy-body-size", "1m;\n}", "has characters" },
  }
  for _, name in ipairs {
    "auth-url",
    "auth-signin",
    "auth-secret",
    "auth-tls-secret",
    "proxy-ssl-secret",
    "proxy-set-headers",
    "custom-headers",
    "configuration-snippet",
    "server-snippet",
    "stream-snippet",
    "auth-snippet",
    "server-alias",
    "permanent-redirect",
    "temporal-redirect",
    "app-root",
    "mirror-target",
    "mirror-host",
    "upstream-vhost",
    "canary",
    "canary-by-header",
    "rewrite-target",
    "service-upstream",
    "Configuration-Snippet",
  } do
    local place = "metadata.annotations/nginx.ingress.kubernetes.io/" .. name
    rows[#rows + 1] = { "Ingress", place, "x", name .. "] is not among the annotations" }
  end
  local alias = "metadata.annotations/external-dns.alpha.kubernetes.io/hostname"
  rows[#rows + 1] = { "Ingress", alias, "urbanos.embrix.com", "is not among the annotations" }
  objects.each_refused(it, rows)
end)

describe(
  "an Ingress may have",
  function()
    objects.each_allowed(it, {
      { "Ingress", "spec.rules.1.host", "api.newclient.embrix.com" },
      { "Ingress", "spec.rules.1.host", "*.newclient.embrix.com" },
      { "Ingress", "spec.ingressClassName", json.null },
      { "Ingress", "spec.tls", {} },
      { "Ingress", "metadata.annotations/nginx.ingress.kubernetes.io/proxy-body-size", "50m" },
      { "Ingress", "metadata.annotations/nginx.ingress.kubernetes.io/default-backend", "newclient-maintenance" },
      { "Ingress", "metadata.annotations/o2x.io/maintenance", '{"tenant":"newclient"}' },
      { "Ingress", "metadata.annotations/contact", "devops; {anybody}" },
    })
  end
)

describe("a workload is refused with", function()
  local rows = {
    { "StatefulSet", "spec.serviceName", "urbanos-service-sso", "spec.serviceName names" },
    {
      "StatefulSet",
      "spec.volumeClaimTemplates",
      { { spec = { volumeName = "pv" } } },
      "spec.volumeName is not among",
    },
    {
      "StatefulSet",
      "spec.volumeClaimTemplates",
      { { metadata = { labels = { tenant = "urbanos" } } } },
      "labels.tenant must",
    },
    { "Job", "spec.manualSelector", true, "spec.manualSelector is not among" },
    { "Job", "spec.selector", { matchLabels = { tenant = "newclient" } }, "spec.selector is not among" },
    {
      "CronJob",
      "spec.jobTemplate.metadata",
      { labels = { tenant = "urbanos" } },
      "jobTemplate.metadata.labels.tenant",
    },
    { "CronJob", "spec.jobTemplate.spec.selector", {}, "spec.jobTemplate.spec.selector is not among" },
    { "HorizontalPodAutoscaler", "spec.scaleTargetRef.name", "urbanos-service-usage", "scaleTargetRef.name names" },
    { "HorizontalPodAutoscaler", "spec.scaleTargetRef.name", json.null, "spec.scaleTargetRef.name is missing" },
    { "HorizontalPodAutoscaler", "spec.scaleTargetRef.kind", "Node", "scaleTargetRef.kind may only be" },
    { "HorizontalPodAutoscaler", "spec.scaleTargetRef", json.null, "spec.scaleTargetRef is missing" },
    { "HorizontalPodAutoscaler", "spec.metrics", { { type = "External" } }, "metrics[0].type may only be" },
    {
      "HorizontalPodAutoscaler",
      "spec.metrics",
      { { type = "Resource", object = {} } },
      "metrics[0].object is not among",
    },
    { "PodDisruptionBudget", "spec.selector", json.null, "spec.selector is missing" },
  }
  for _, kind in ipairs { "Deployment", "StatefulSet", "PodDisruptionBudget", "ServiceMonitor" } do
    rows[#rows + 1] = { kind, "spec.selector", {}, "spec.selector.matchLabels selects pods of other tenants too" }
    rows[#rows + 1] = { kind, "spec.selector", { matchLabels = json.null }, "selects pods of other tenants" }
    rows[#rows + 1] = { kind, "spec.selector", { matchLabels = { tier = "core" } }, "selects pods of other tenants" }
    rows[#rows + 1] = { kind, "spec.selector", { matchLabels = { tenant = "urbanos" } }, "must be 'newclient'" }
    rows[#rows + 1] = { kind, "spec.selector", { matchLabels = { app = "urbanos-service-sso" } }, "app names" }
    local expression = { { key = "tenant", operator = "In", values = { "urbanos" } } }
    rows[#rows + 1] = { kind, "spec.selector", { matchExpressions = expression }, "selects pods of other tenants" }
  end
  objects.each_refused(it, rows)
end)

describe(
  "data are refused with",
  function()
    objects.each_refused(it, {
      {
        "ConfigMap",
        "metadata.labels.grafana_datasource",
        "1",
        "grafana_datasource is not among the labels of a ConfigMap",
      },
      { "ConfigMap", "metadata.labels/argocd.argoproj.io/secret-type", "cluster", "is not among the labels" },
      { "ConfigMap", "data", { ["tenant-urbanos.json"] = "{}" }, "data[tenant-urbanos.json] names 'urbanos'" },
      { "ConfigMap", "data", { a = '{"uid": "tenant-urbanos"}' }, "data.a names 'urbanos'" },
      { "ConfigMap", "data", { a = [[{"expr":"up{tenant=\"urbanos\"}"}]] }, "data.a names 'urbanos'" },
      { "ConfigMap", "data", { ["a.yaml"] = "url: coredb-urbanos" }, "data[a.yaml] names 'coredb-urbanos'" },
      { "ConfigMap", "data", { a = { b = 1 } }, "data.a is not a plain value" },
      { "Secret", "type", "kubernetes.io/service-account-token", "type may only be Opaque" },
      { "Secret", "type", "bootstrap.kubernetes.io/token", "type may only be" },
      { "Secret", "type", "helm.sh/release.v1", "type may only be" },
      { "Secret", "metadata.annotations/kubernetes.io/service-account.name", "admin", "is not among the annotations" },
      { "Secret", "metadata.labels/argocd.argoproj.io/secret-type", "cluster", "is not among the labels" },
      { "Secret", "metadata.labels.owner", "helm", "metadata.labels.owner is not among the labels of a Secret" },
      { "ServiceAccount", "metadata.annotations/eks.amazonaws.com/role-arn", "arn:x", "is not among the annotations" },
      { "ServiceAccount", "secrets", { { name = "urbanos-tls-cert" } }, "secrets[urbanos-tls-cert].name names" },
      { "ServiceAccount", "imagePullSecrets", { { name = "other" } }, "imagePullSecrets[other].name names" },
      { "PersistentVolumeClaim", "spec.volumeName", "pv-of-urbanos", "spec.volumeName is not among" },
      {
        "PersistentVolumeClaim",
        "spec.selector",
        { matchLabels = { tenant = "urbanos" } },
        "spec.selector is not among",
      },
      {
        "PersistentVolumeClaim",
        "spec.dataSource",
        { kind = "PersistentVolumeClaim", name = "urbanos-data-pvc" },
        "spec.dataSource",
      },
      {
        "PersistentVolumeClaim",
        "spec.dataSourceRef",
        { name = "urbanos-data-pvc" },
        "spec.dataSourceRef is not among",
      },
      { "PersistentVolumeClaim", "spec.storageClassName", "gp2", "'gp2' is not a class" },
    })
  end
)

describe("monitoring is refused with", function()
  local function rule(more)
    local one = { alert = "A", expr = 'up{tenant="newclient"} == 0' }
    for key, item in pairs(more) do
      one[key] = item
    end
    return { { name = "g", rules = { one } } }
  end
  local rows = {
    { "ServiceMonitor", "spec.namespaceSelector", { any = true }, "namespaceSelector.any may only be false" },
    {
      "ServiceMonitor",
      "spec.namespaceSelector",
      { matchNames = { "kube-system" } },
      "'kube-system' is not a namespace",
    },
    { "ServiceMonitor", "spec.selector", json.null, "spec.selector is missing" },
    { "ServiceMonitor", "spec.attachMetadata", { node = true }, "spec.attachMetadata is not among" },
    { "PrometheusRule", "spec.groups", rule { record = "up" }, "record is not among the fields" },
    { "PrometheusRule", "spec.groups", rule { labels = { tenant = "urbanos" } }, "labels.tenant must be 'newclient'" },
    { "PrometheusRule", "spec.groups", rule { expr = "up == 0" }, "expr looks at series of other tenants too" },
    { "PrometheusRule", "spec.groups", rule { expr = 'up{tenant="urbanos"} == 0' }, "series of other tenants" },
    { "PrometheusRule", "spec.groups", rule { expr = 'up{tenant=~".*"}' }, "series of other tenants" },
    { "PrometheusRule", "spec.groups", rule { expr = 'up{tenant!="newclient"}' }, "series of other tenants" },
    { "PrometheusRule", "spec.groups", rule { expr = 'q{d=~"TIDLT-100008\\\\..*|.*"}' }, "series of other tenants" },
    { "PrometheusRule", "spec.groups", rule { expr = 'q{d=~"TIDLT-100005\\\\..*"}' }, "series of other tenants" },
    { "PrometheusRule", "spec.groups", rule { expr = 'a{tenant="newclient"} or b{}' }, "series of other tenants" },
    { "PrometheusRule", "spec.groups", rule { expr = "up{" }, "expr is not a PromQL expression" },
    { "PrometheusRule", "spec.groups", { { name = "g", rules = { { alert = "A" } } } }, "expr is missing" },
  }
  for field, item in pairs {
    bearerTokenFile = "/var/run/secrets/kubernetes.io/serviceaccount/token",
    bearerTokenSecret = { name = "urbanos-tls-cert" },
    basicAuth = {},
    authorization = {},
    oauth2 = {},
    tlsConfig = { caFile = "/etc/passwd" },
    proxyUrl = "http://x",
    relabelings = { { targetLabel = "tenant", replacement = "urbanos" } },
    metricRelabelings = { { targetLabel = "tenant", replacement = "urbanos" } },
    honorLabels = true,
    params = { module = { "x" } },
  } do
    rows[#rows + 1] =
      { "ServiceMonitor", "spec.endpoints.1." .. field, item, ("spec.endpoints[0].%s is not among"):format(field) }
  end
  objects.each_refused(it, rows)
end)

describe(
  "objects may have",
  function()
    objects.each_allowed(it, {
      { "Service", "spec.clusterIP", "None" },
      { "Service", "spec.selector", { app = "newclient-service-sso" } },
      { "Service", "spec.selector", { tenant = "newclient", tier = "core" } },
      { "Service", "spec", { type = "ExternalName", externalName = "api.newclient.embrix.com" } },
      { "Service", "metadata.labels", { anything = "else", ["app.kubernetes.io/name"] = "service-sso" } },
      { "Deployment", "spec.strategy", { type = "RollingUpdate", rollingUpdate = { maxSurge = 1 } } },
      { "Deployment", "status", { replicas = 2 } },
      { "Deployment", "metadata.labels", json.null },
      {
        "StatefulSet",
        "spec.volumeClaimTemplates",
        { { metadata = { name = "data" }, spec = { storageClassName = "efs-sc" } } },
      },
      {
        "HorizontalPodAutoscaler",
        "spec.metrics",
        {
          {
            type = "Resource",
            resource = { name = "cpu", target = { type = "Utilization", averageUtilization = 70 } },
          },
        },
      },
      { "HorizontalPodAutoscaler", "spec.behavior", { scaleDown = { policies = {} } } },
      { "CronJob", "spec.suspend", true },
      { "Secret", "type", "kubernetes.io/tls" },
      { "ConfigMap", "metadata.labels", { tenant = "newclient", grafana_dashboard = "1", tier = "core" } },
      { "ConfigMap", "binaryData", { a = "AA==" } },
      {
        "ConfigMap",
        "data",
        { ["tenant-newclient.json"] = [[{"uid":"tenant-newclient","e":"up{tenant=\"newclient\"}"}]] },
      },
      { "PrometheusRule", "spec.groups.1.rules.1.expr", 'q{d=~"TIDLT-100008\\\\..*"} > 1' },
      { "PrometheusRule", "spec.groups.1.rules.1.expr", 'k{persistentvolumeclaim="newclient-data-pvc"} > 1' },
      { "ServiceMonitor", "spec.targetLabels", { "service" } },
    })
  end
)
