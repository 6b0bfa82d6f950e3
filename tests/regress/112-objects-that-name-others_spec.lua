-- Looked at were the fields that refer to other objects. Texts that programs read named other tenants in more places:
-- labels, probes, binaryData, Grafana's folder, a metric without braces, the path of an Ingress. And the names of
-- shared Secrets were granted for objects of every kind.

local json = require "o2x.base.json"
local objects = require "tests.support.objects"
local raised = require "tests.support.raised"

local CONTAINER <const> = "spec.template.spec.containers.1."

describe(
  "an object does not name another tenant",
  function()
    objects.each_refused(it, {
      { "Deployment", "spec.template.metadata.labels/release", "urbanos-service-sso", "labels.release names" },
      { "Deployment", "metadata.labels/app.kubernetes.io/name", "urbanos-service-sso", "names 'urbanos-service-sso'" },
      {
        "Deployment",
        CONTAINER .. "livenessProbe",
        { exec = { command = { "curl", "urbanos-service-sso" } } },
        "names",
      },
      {
        "Deployment",
        CONTAINER .. "lifecycle",
        { postStart = { exec = { command = { "sh", "-c", "curl http://urbanos-service-sso/" } } } },
        "names 'urbanos-service-sso'",
      },
      { "Job", CONTAINER .. "env", { { name = "A", value = "secret/tenant/urbanos/production/x" } }, "names" },
      { "Deployment", "spec.template.metadata.labels.app", "pg-secret", "names 'pg-secret'" },
      { "Service", "spec.selector.app", "pg-secret", "names 'pg-secret'" },
      { "HorizontalPodAutoscaler", "spec.scaleTargetRef.name", "pg-secret", "names 'pg-secret'" },
      { "ConfigMap", "binaryData", { ["tenant-urbanos.json"] = "e30=" }, "names 'urbanos'" },
      { "ConfigMap", "binaryData", { a = "Y29yZWRiLXVyYmFub3M=" }, "names 'coredb-urbanos'" },
      { "ConfigMap", "metadata.annotations", { grafana_folder = "Urbanos" }, "is not among the annotations" },
      { "ConfigMap", "metadata.annotations", { ["k8s-sidecar-target-directory"] = "/etc" }, "is not among" },
      { "Ingress", "spec.rules.1.http.paths.1.path", "/;} location /x { return 200;", "has characters" },
      { "Ingress", "spec.rules.1.http.paths.1.path", '/a"b', "has characters" },
      { "PrometheusRule", "spec.groups.1.rules.1.expr", 'up{tenant="newclient"} or up', "series of other tenants" },
      { "PrometheusRule", "spec.groups.1.rules.1.expr", "sum(kube_pod_info) > 1", "series of other tenants" },
    })
  end
)

describe("an object may", function()
  local bounds = objects.grants()
  for _, row in ipairs {
    { "Deployment", CONTAINER .. "envFrom", { { secretRef = { name = "pg-secret" } } } },
    { "Deployment", "metadata.annotations", { note = "free" } },
    { "ConfigMap", "binaryData", { a = "e30=" } },
    { "Ingress", "spec.rules.1.http.paths.1.path", "/api(/|$)(.*)" },
    { "Deployment", "metadata.labels/app.kubernetes.io/version", "v2.5.0" },
  } do
    it(("have %s of a %s"):format(row[2], row[1]), function()
      local one = objects.set(objects.of(row[1]), row[2], row[3])
      bounds:contents(objects.resource(one), "default", one)
    end)
  end
end)

it("a patch does not take the place of what an object is", function()
  local bounds, service = objects.grants(), objects.of "Service"
  local resource = objects.resource(service)
  local problem = raised(bounds.patch, bounds, resource, "default", service.metadata.name, service, {
    metadata = json.null,
  })
  assert.equal("refused", problem.kind)
end)

it("the name of a shared Secret is not granted for other kinds", function()
  local bounds, service = objects.grants(), objects.resource(objects.of "Service")
  for _, fn in ipairs { bounds.create, bounds.object, bounds.remove } do
    assert.equal("refused", raised(fn, bounds, service, "default", "pg-secret", false).kind)
  end
  bounds:create({ kind = "Secret", plural = "secrets", namespaced = true }, "default", "pg-secret")
end)
