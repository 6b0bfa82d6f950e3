-- The names of objects were checked, but not what is in them: an object with a granted name took other tenants'
-- traffic, scaled their services, read their secrets, or reached the node.

local k8s = require "o2x.client.k8s"
local kubeconfig = require "o2x.client.kubeconfig"
local objects = require "tests.support.objects"
local raised = require "tests.support.raised"
local small_lab = require "tests.support.small_lab"
local small_run = require "tests.support.small_run"

local NAME <const> = "newclient-service-sso"

local function object(api_version, kind, more)
  local one = { apiVersion = api_version, kind = kind, metadata = { name = NAME } }
  for key, item in pairs(more) do
    one[key] = item
  end
  return one
end

local function job(change)
  local one = objects.of "Job"
  for place, item in pairs(change) do
    objects.set(one, "spec.template.spec." .. place, item)
  end
  return one
end

local ATTEMPTS <const> = {
  ["an EndpointSlice for another's service"] = object("discovery.k8s.io/v1", "EndpointSlice", {
    metadata = { name = NAME, labels = { ["kubernetes.io/service-name"] = "urbanos-service-sso" } },
    addressType = "IPv4",
    endpoints = { { addresses = { "10.0.0.1" } } },
  }),
  ["an Ingress with another's host"] = objects.set(objects.of "Ingress", "spec.rules.1.host", "urbanos.embrix.com"),
  ["a Service that selects another's pods"] = objects.set(objects.of "Service", "spec.selector", {
    app = "urbanos-service-sso",
  }),
  ["an autoscaler on another's deployment"] = objects.set(
    objects.of "HorizontalPodAutoscaler",
    "spec.scaleTargetRef.name",
    "urbanos-service-sso"
  ),
  ["a NetworkPolicy on the namespace"] = object(
    "networking.k8s.io/v1",
    "NetworkPolicy",
    { spec = { podSelector = {} } }
  ),
  ["a ResourceQuota on the namespace"] = object("v1", "ResourceQuota", { spec = { hard = { pods = "0" } } }),
  ["a RoleBinding to cluster-admin"] = object("rbac.authorization.k8s.io/v1", "RoleBinding", {
    roleRef = { apiGroup = "rbac.authorization.k8s.io", kind = "ClusterRole", name = "cluster-admin" },
    subjects = { { kind = "ServiceAccount", name = "default", namespace = "default" } },
  }),
  ["a Job with a path of the node"] = job { volumes = { { name = "root", hostPath = { path = "/" } } } },
  ["a privileged Job"] = job { ["containers.1.securityContext"] = { privileged = true } },
  ["a Job with another's secret"] = job {
    ["containers.1.envFrom"] = { { secretRef = { name = "urbanos-tls-cert" } } },
  },
}

describe("an object with a granted name", function()
  it("does not reach beyond the tenant", function()
    small_lab.with({ "k8s" }, nil, function(lab)
      local config = kubeconfig.load { path = lab.env.KUBECONFIG }
      local client = k8s.new { config = config, scope = objects.grants().spec }
      for what, one in pairs(ATTEMPTS) do
        for _, mode in ipairs { "plan", "apply" } do
          local run = small_run.new {
            mode = mode,
            clients = { k8s = client },
            modules = { (require "o2x.effects.k8s") },
          }
          local problem = raised(run.api.k8s.ensure, one)
          assert.equal("refused", problem.kind, what)
          assert.equal("", run.story())
        end
      end
      local kinds = "deploy,job,svc,ingress,hpa,configmap,secret"
      local found = lab.run("kubectl", "get", kinds, "-o", "name")
      assert.is_nil(found.stdout:find(NAME, 1, true), found.stdout)
    end)
  end)

  it("is written when it stays within", function()
    small_lab.with({ "k8s" }, nil, function(lab)
      local config = kubeconfig.load { path = lab.env.KUBECONFIG }
      local client = k8s.new { config = config, scope = objects.grants().spec }
      for _, kind in ipairs { "Deployment", "Service", "Job", "CronJob", "Ingress", "ConfigMap", "ServiceMonitor" } do
        local run = small_run.new { clients = { k8s = client }, modules = { (require "o2x.effects.k8s") } }
        run.api.k8s.ensure(objects.of(kind))
        assert.equal(0, lab.run("kubectl", "get", kind, NAME).code, kind)
      end
    end)
  end)
end)
