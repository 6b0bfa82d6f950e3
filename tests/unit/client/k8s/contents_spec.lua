-- Which kinds may be written, what a change may make of an object, and what the platform can grant.
local contents = require "o2x.client.k8s.contents"
local json = require "o2x.base.json"
local objects = require "tests.support.objects"
local raised = require "tests.support.raised"

local NAME <const> = "newclient-service-sso"

local function object(kind, api_version, more)
  local one = { apiVersion = api_version, kind = kind, metadata = { name = NAME, namespace = "default" } }
  for key, item in pairs(more or {}) do
    one[key] = item
  end
  return one
end

local function check(bounds, one) bounds:contents(objects.resource(one), "default", one) end

local function refused(expected, fn, ...)
  local e = raised(fn, ...)
  assert.equal("refused", e.kind)
  assert.is_truthy(e.message:find(expected, 1, true), e.message)
  assert.is_string(e.hint)
end

describe("a kind that a run may not write", function()
  local bounds = objects.grants()
  for kind, api_version in pairs {
    Role = "rbac.authorization.k8s.io/v1",
    ClusterRole = "rbac.authorization.k8s.io/v1",
    RoleBinding = "rbac.authorization.k8s.io/v1",
    ClusterRoleBinding = "rbac.authorization.k8s.io/v1",
    Namespace = "v1",
    NetworkPolicy = "networking.k8s.io/v1",
    IngressClass = "networking.k8s.io/v1",
    ResourceQuota = "v1",
    LimitRange = "v1",
    Endpoints = "v1",
    EndpointSlice = "discovery.k8s.io/v1",
    PersistentVolume = "v1",
    StorageClass = "storage.k8s.io/v1",
    VolumeAttachment = "storage.k8s.io/v1",
    CSIDriver = "storage.k8s.io/v1",
    CustomResourceDefinition = "apiextensions.k8s.io/v1",
    MutatingWebhookConfiguration = "admissionregistration.k8s.io/v1",
    ValidatingWebhookConfiguration = "admissionregistration.k8s.io/v1",
    ValidatingAdmissionPolicy = "admissionregistration.k8s.io/v1",
    ValidatingAdmissionPolicyBinding = "admissionregistration.k8s.io/v1",
    PriorityClass = "scheduling.k8s.io/v1",
    RuntimeClass = "node.k8s.io/v1",
    Node = "v1",
    Binding = "v1",
    Pod = "v1",
    PodTemplate = "v1",
    ReplicationController = "v1",
    ReplicaSet = "apps/v1",
    DaemonSet = "apps/v1",
    ControllerRevision = "apps/v1",
    APIService = "apiregistration.k8s.io/v1",
    CertificateSigningRequest = "certificates.k8s.io/v1",
    FlowSchema = "flowcontrol.apiserver.k8s.io/v1",
    Lease = "coordination.k8s.io/v1",
    Event = "v1",
    List = "v1",
    ConfigMapList = "v1",
    Issuer = "cert-manager.io/v1",
    ClusterIssuer = "cert-manager.io/v1",
    Certificate = "cert-manager.io/v1",
    Prometheus = "monitoring.coreos.com/v1",
    AlertmanagerConfig = "monitoring.coreos.com/v1alpha1",
    ScrapeConfig = "monitoring.coreos.com/v1alpha1",
    PodMonitor = "monitoring.coreos.com/v1",
    Gateway = "gateway.networking.k8s.io/v1",
    HTTPRoute = "gateway.networking.k8s.io/v1",
    ReferenceGrant = "gateway.networking.k8s.io/v1beta1",
    VirtualService = "networking.istio.io/v1",
    ExternalSecret = "external-secrets.io/v1",
    DNSEndpoint = "externaldns.k8s.io/v1alpha1",
    ScaledObject = "keda.sh/v1alpha1",
    TargetGroupBinding = "elbv2.k8s.aws/v1beta1",
    service = "v1",
    CONFIGMAP = "v1",
  } do
    it(kind, function() refused(("kind %s"):format(kind), check, bounds, object(kind, api_version)) end)
  end

  -- A kind of the same name in another group is another kind.
  for _, row in ipairs {
    { "Service", "serving.knative.dev/v1" },
    { "Ingress", "extensions/v1beta1" },
    { "Ingress", "config.openshift.io/v1" },
    { "Deployment", "extensions/v1beta1" },
    { "Deployment", "v1" },
    { "Secret", "example.com/v1" },
    { "ConfigMap", "v1/v1" },
    { "Job", "batch.volcano.sh/v1alpha1" },
  } do
    it(row[1] .. " of " .. row[2], function() refused("not a kind", check, bounds, object(row[1], row[2])) end)
  end
end)

describe("several faults in one object", function()
  it("are one line, and the others are details", function()
    local one = objects.of "Deployment"
    objects.set(one, "spec.template.spec.hostNetwork", true)
    objects.set(one, "spec.template.spec.hostPID", true)
    local e = raised(check, objects.grants(), one)
    assert.equal("Deployment newclient-service-sso: spec.template.spec.hostNetwork may only be false", e.message)
    assert.same({ "spec.template.spec.hostPID may only be false" }, e.details)
    assert.is_nil(e.message:find "\n")
  end)
end)

describe("the platform", function()
  it("grants a field by its kind and path", function()
    local one = objects.of "Deployment"
    objects.set(one, "spec.template.spec.tolerations", { { operator = "Exists" } })
    objects.set(one, "spec.template.spec.containers.1.securityContext.privileged", true)
    local function grant(...)
      local fields = { ... }
      return objects.grants(function(spec) spec.contents.fields = fields end)
    end
    local tolerations = "Deployment.apps/spec.template.spec.tolerations"
    local privileged = "Deployment.apps/spec.template.spec.containers.securityContext"
    check(grant(tolerations, privileged), one)
    refused("privileged", check, grant(tolerations), one)
    refused("tolerations", check, grant(privileged), one)
    refused("tolerations", check, grant("Deployment.apps/spec.template.spec.toler", privileged), one)
    refused("tolerations", check, grant("StatefulSet.apps/spec.template.spec.tolerations", privileged), one)
  end)

  it("chooses among the kinds that o2x can check", function()
    local less = objects.grants(
      function(spec) spec.contents.kinds = { "ConfigMap", "RoleBinding.rbac.authorization.k8s.io" } end
    )
    check(less, objects.of "ConfigMap")
    refused("kind Service", check, less, objects.of "Service")
    refused(
      "is granted, but contents/kinds.lua does not say",
      check,
      less,
      object("RoleBinding", "rbac.authorization.k8s.io/v1")
    )
  end)

  it("that says nothing grants no host, class or annotation", function()
    local silent = objects.grants(function(spec) spec.contents = nil end)
    check(silent, objects.of "Deployment")
    refused("is not a class", check, silent, objects.of "Ingress")
    refused("is not a class", check, silent, objects.of "PersistentVolumeClaim")
  end)
end)

describe("a change of an object", function()
  local bounds = objects.grants()

  local function change(current, patch) bounds:patch(objects.resource(current), "default", NAME, current, patch) end

  -- An object as people left it, with what a run may not write.
  local function foreign()
    local one = objects.of "Deployment"
    objects.set(one, "spec.template.spec.hostNetwork", true)
    objects.set(one, "metadata.annotations/other.example/acts", "x")
    objects.set(one, "metadata.managedFields", { {} })
    return one
  end

  it("is checked in its result", function()
    local service = objects.of "Service"
    refused("spec.selector selects", change, service, { spec = { selector = { tenant = json.null, app = json.null } } })
    refused("spec.selector.app names", change, service, { spec = { selector = { app = "urbanos-service-sso" } } })
    refused("spec.selector is missing", change, service, { spec = { selector = json.null } })
    refused("spec is not a map", change, service, { spec = json.array {} })
    refused("spec.type", change, service, { spec = { type = "LoadBalancer" } })
    change(service, { spec = { selector = { app = json.null } } })
    change(service, { spec = { selector = { tenant = json.null } } })
  end)

  it("is not blamed for what others wrote elsewhere in the object", function()
    change(foreign(), { spec = { replicas = 3 } })
    change(foreign(), { metadata = { annotations = { ["o2x.io/maintenance"] = "{}" } } })
    change(foreign(), { metadata = { annotations = { ["other.example/acts"] = json.null } } })
    change(foreign(), { spec = { template = { spec = { hostNetwork = json.null } } } })
  end)

  it("is blamed for what it touches", function()
    refused("hostNetwork", change, foreign(), { spec = { template = { spec = { hostNetwork = true } } } })
    refused("other.example", change, foreign(), { metadata = { annotations = { ["other.example/acts"] = "y" } } })
    refused("hostPID", change, foreign(), { spec = { template = { spec = { hostPID = true } } } })
    local containers = json.array { { name = "main", securityContext = { privileged = true } } }
    refused("containers[main]", change, foreign(), { spec = { template = { spec = { containers = containers } } } })
    refused("ownerReferences", change, foreign(), { metadata = { ownerReferences = json.array { {} } } })
    refused("labels.tenant", change, foreign(), { metadata = { labels = { tenant = "urbanos" } } })
  end)

  it("of a kind that a run may not write is refused whatever it changes", function()
    local quota = object("ResourceQuota", "v1", { spec = {} })
    refused("kind ResourceQuota", change, quota, { metadata = { annotations = { note = "x" } } })
  end)

  it("of an object that is not there yet is looked at by itself", function()
    local resource = objects.resource(objects.of "Service")
    bounds:patch(resource, "default", NAME, nil, { metadata = { annotations = { note = "x" } } })
    bounds:patch(resource, "default", NAME, nil, { spec = { publishNotReadyAddresses = true } })
    refused("spec.type", bounds.patch, bounds, resource, "default", NAME, nil, { spec = { type = "NodePort" } })
  end)

  it("leaves what makes the object this object, and what the server writes", function()
    local service = objects.of "Service"
    for _, patch in ipairs {
      { apiVersion = "apps/v1" },
      { kind = "Deployment" },
      { metadata = { name = "newclient-ingress" } },
      { metadata = { namespace = "kube-system" } },
      { status = { loadBalancer = { ingress = json.array {} } } },
      { status = json.null },
    } do
      refused("cannot be changed", change, service, patch)
    end
  end)

  it("that is no map is refused", function()
    local service = objects.of "Service"
    refused("what is written is not a map", change, service, "x")
    refused("is not a map", change, service, json.array { { op = "remove", path = "/spec/selector" } })
    for _, item in ipairs { "x", json.null, json.array { 1 }, 5 } do
      refused("metadata cannot be changed", change, service, { metadata = item })
    end
    refused("spec is not a map", change, service, { spec = "x" })
  end)
end)

describe("a merge", function()
  it("follows RFC 7396 and changes neither argument", function()
    for _, row in ipairs {
      { { a = "b" }, { a = "c" }, { a = "c" } },
      { { a = "b" }, { b = "c" }, { a = "b", b = "c" } },
      { { a = "b" }, { a = json.null }, {} },
      { { a = "b", b = "c" }, { a = json.null }, { b = "c" } },
      { { a = json.array { "b" } }, { a = "c" }, { a = "c" } },
      { { a = "c" }, { a = json.array { "b" } }, { a = json.array { "b" } } },
      { { a = { b = "c" } }, { a = { b = "d", c = json.null } }, { a = { b = "d" } } },
      { { a = json.array { { b = "c" } } }, { a = json.array { 1 } }, { a = json.array { 1 } } },
      { { e = json.null }, { a = 1 }, { e = json.null, a = 1 } },
      { { a = "foo" }, { a = { b = "c" } }, { a = { b = "c" } } },
    } do
      local before = { json.encode(row[1]), json.encode(row[2]) }
      assert.equal(json.encode(row[3]), json.encode(contents.merge(row[1], row[2])))
      assert.same(before, { json.encode(row[1]), json.encode(row[2]) })
    end
  end)
end)
