-- Objects of the cluster that carry a granted name and reach beyond the tenant, and what all tenants share.

local assert = require "luassert"

local KINDS <const> = "deploy,sts,job,cronjob,svc,ingress,hpa,configmap,secret,serviceaccount,pvc,servicemonitors"

-- Each object of a case carries the word "arrived"; none has come to the cluster.
local function nothing_arrived(lab)
  local found = lab:out("kubectl", "get", KINDS, "-A", "-o", "json")
  assert.is_nil(found:find("arrived", 1, true), "an object arrived")
end

local function shared_stays(lab)
  local secret = lab:kubectl("get", "secret", "pg-secret", "-n", "default", "-o", "json")
  assert.is_string(secret.data.password)
  assert.is_nil(secret.data.arrived)
  assert.is_nil((secret.metadata.labels or {}).arrived)
  assert.is_nil((secret.metadata.annotations or {}).arrived)
end

local cases = {}

local function try(what, body, expect, after)
  for _, mode in ipairs { "run", "plan" } do
    cases[#cases + 1] = {
      ("%s (%s)"):format(what, mode),
      mode = mode,
      body = body,
      code = 3,
      expect = expect,
      after = after or nothing_arrived,
    }
  end
end

-- ---- objects by k8s.ensure ----

-- apiVersion, kind, and the fields besides the metadata, as Lua text.
local function ensure(what, api_version, kind, fields, expect, metadata)
  local text = [[k8s.ensure { apiVersion = %q, kind = %q, %s,
    metadata = { name = "urbanos-service-sso", annotations = { arrived = "yes" }, %s } }]]
  try(what, text:format(api_version, kind, fields, metadata or ""), expect)
end

local RBAC <const> = "rbac.authorization.k8s.io/v1"

ensure(
  "endpoints for another's service",
  "discovery.k8s.io/v1",
  "EndpointSlice",
  [[addressType = "IPv4", endpoints = { { addresses = { "10.0.0.1" } } }]],
  "kind EndpointSlice.discovery.k8s.io is not a kind that a run may write",
  [[labels = { ["kubernetes.io/service-name"] = "demo-service-sso" }]]
)
ensure("old endpoints", "v1", "Endpoints", "subsets = {}", "kind Endpoints is not a kind")
ensure("a quota on the namespace", "v1", "ResourceQuota", [[spec = { hard = { pods = "0" } }]], "kind ResourceQuota")
ensure("limits on the namespace", "v1", "LimitRange", "spec = { limits = {} }", "kind LimitRange")
ensure(
  "a policy that cuts everybody off",
  "networking.k8s.io/v1",
  "NetworkPolicy",
  [[spec = { podSelector = {}, policyTypes = { "Ingress" } }]],
  "kind NetworkPolicy"
)
ensure(
  "a role of an administrator",
  RBAC,
  "RoleBinding",
  [[roleRef = { kind = "ClusterRole", name = "cluster-admin" }, subjects = { { kind = "Group", name = "all" } }]],
  "kind RoleBinding"
)
ensure(
  "a role",
  RBAC,
  "Role",
  [[rules = { { apiGroups = { "*" }, resources = { "*" }, verbs = { "*" } } }]],
  "kind Role"
)
ensure("a bare pod", "v1", "Pod", [[spec = { hostNetwork = true, containers = {} }]], "kind Pod is not a kind")
ensure("pods on every node", "apps/v1", "DaemonSet", "spec = {}", "kind DaemonSet.apps is not a kind")
ensure("a list of objects", "v1", "List", "items = {}", "kind List is not a kind")
ensure("a kind by another spelling", "v1", "service", "spec = {}", "kind service is not a kind")
ensure("a kind of another group", "extensions/v1beta1", "Ingress", "spec = {}", "kind Ingress.extensions")
ensure("a secret of another group", "x/v1", "Secret", [[data = { arrived = "eA==" }]], "kind Secret.x is not a kind")

ensure(
  "a service for another's pods",
  "v1",
  "Service",
  [[spec = { selector = { app = "demo-service-sso" }, ports = { { port = 80 } } }]],
  "spec.selector.app names 'demo-service-sso', which is not the tenant's"
)
ensure(
  "a service for everybody's pods",
  "v1",
  "Service",
  [[spec = { selector = { tier = "core" }, ports = { { port = 80 } } }]],
  "spec.selector selects pods of other tenants too: add tenant: urbanos"
)
ensure(
  "a service that is another's name",
  "v1",
  "Service",
  [[spec = { type = "ExternalName", externalName = "demo-service-sso.default.svc.cluster.local" }]],
  "spec.externalName"
)
ensure(
  "a service on every node",
  "v1",
  "Service",
  [[spec = { type = "NodePort", selector = { tenant = "urbanos" }, ports = { { port = 80 } } }]],
  "spec.type may only be ClusterIP or ExternalName"
)
ensure(
  "a service with another's address",
  "v1",
  "Service",
  [[spec = { selector = { tenant = "urbanos" }, externalIPs = { "10.0.0.1" } }]],
  "spec.externalIPs is not among the fields"
)
ensure(
  "an autoscaler on another's deployment",
  "autoscaling/v2",
  "HorizontalPodAutoscaler",
  [[spec = { maxReplicas = 1, scaleTargetRef = { kind = "Deployment", name = "demo-service-sso" } }]],
  "spec.scaleTargetRef.name names 'demo-service-sso'"
)

local function ingress(what, host, service, expect, annotations)
  local spec = [[spec = { ingressClassName = "nginx", rules = { { host = %s, http = { paths = {
    { path = "/", pathType = "Prefix", backend = { service = { name = %q, port = { number = 80 } } } } } } } } }]]
  local more = annotations and ("annotations = { arrived = 'yes', %s }"):format(annotations)
  ensure(what, "networking.k8s.io/v1", "Ingress", spec:format(host, service), expect, more)
end

ingress("another's host", "'demo.embrix.com'", "urbanos-service-proxy", "'demo.embrix.com' is not a host of the tenant")
ingress("the platform's host", "'grafana.embrix.com'", "urbanos-service-proxy", "'grafana.embrix.com' is not a host")
ingress("every host", "nil", "urbanos-service-proxy", "spec.rules[0].host is missing")
ingress("hosts of all tenants", "'*.embrix.com'", "urbanos-service-proxy", "'*.embrix.com' is not a host")
ingress("another's service", "'urbanos.embrix.com'", "demo-service-proxy", "names 'demo-service-proxy'")
ingress(
  "a line of the proxy's configuration",
  "'urbanos.embrix.com'",
  "urbanos-service-proxy",
  "configuration-snippet] is not among the annotations",
  [=[["nginx.ingress.kubernetes.io/configuration-snippet"] = "return 200;"]=]
)
ingress(
  "another's host as an alias",
  "'urbanos.embrix.com'",
  "urbanos-service-proxy",
  "server-alias] is not among the annotations",
  [=[["nginx.ingress.kubernetes.io/server-alias"] = "demo.embrix.com"]=]
)
ingress(
  "a line in the value of an annotation",
  "'urbanos.embrix.com'",
  "urbanos-service-proxy",
  "has characters that a controller might act on",
  [=[["nginx.ingress.kubernetes.io/proxy-body-size"] = "1m;\n}\nserver {"]=]
)

-- A Job whose pod and container have these fields.
local function job(what, pod, container, expect, labels)
  local spec = [[spec = { template = { metadata = { labels = { %s } }, spec = { restartPolicy = "Never", %s
    containers = { { name = "main", image = "a/b:v1", %s } } } } }]]
  ensure(what, "batch/v1", "Job", spec:format(labels or "", pod, container), expect)
end

job("the node's files", [[volumes = { { name = "v", hostPath = { path = "/" } } },]], "", "volumes[v].hostPath")
job("the node's network", "hostNetwork = true,", "", "spec.template.spec.hostNetwork may only be false")
job("a privileged container", "", "securityContext = { privileged = true }", "securityContext.privileged may only be")
job("a capability", "", [[securityContext = { capabilities = { add = { "SYS_ADMIN" } } }]], "NET_BIND_SERVICE")
job("another's account", [[serviceAccountName = "demo-service-sso",]], "", "serviceAccountName names")
job(
  "another's secret",
  "",
  [[envFrom = { { secretRef = { name = "demo-tls-cert" } } }]],
  "envFrom[0].secretRef.name names 'demo-tls-cert'"
)
job(
  "another's volume",
  [[volumes = { { name = "v", persistentVolumeClaim = { claimName = "demo-data-pvc" } } },]],
  "",
  "claimName names 'demo-data-pvc'"
)
job("a pod that answers for another", "", "", "labels.app names 'demo-service-sso'", [[app = "demo-service-sso"]])
job("a pod under another's label", "", "", "labels.tenant must be 'urbanos'", [[tenant = "demo"]])

ensure(
  "another's data",
  "v1",
  "PersistentVolumeClaim",
  [[spec = { volumeName = "pv-of-demo", accessModes = { "ReadWriteMany" } }]],
  "spec.volumeName is not among the fields"
)
ensure(
  "an object that another's run will find",
  "v1",
  "ConfigMap",
  [[data = { a = "b" }]],
  "metadata.labels.tenant must be 'urbanos'",
  [[labels = { tenant = "demo" }]]
)
ensure(
  "an object that goes with another's",
  "v1",
  "ConfigMap",
  [[data = {}]],
  "metadata.ownerReferences is not among the fields",
  [[ownerReferences = { { apiVersion = "v1", kind = "Secret", name = "pg-secret", uid = "u" } }]]
)
try(
  "a token of another account",
  [[k8s.ensure_secret("urbanos-service-sso", { arrived = "x" }, { type = "kubernetes.io/service-account-token" })]],
  "type may only be Opaque"
)

-- ---- changes of what is there ----

local function set(what, kind, name, patch, expect)
  local body = ("k8s.set(%q, %q, %s)"):format(kind, name, patch)
  try(what, body, expect)
end

set(
  "a change of a selector",
  "Service",
  "urbanos-service-sso",
  [[{ spec = { selector = { app = "demo-service-sso", arrived = "yes" } } }]],
  "spec.selector.app names"
)
set(
  "a selector taken away",
  "Service",
  "urbanos-service-sso",
  [[{ spec = { selector = json.null }, metadata = { annotations = { arrived = "yes" } } }]],
  "spec.selector is missing"
)
set(
  "a change of a pod",
  "Deployment",
  "urbanos-service-sso",
  [[{ spec = { template = { spec = { hostPID = true, hostname = "arrived" } } } }]],
  "spec.template.spec.hostPID may only be false"
)
set(
  "a change of an autoscaler's target",
  "HorizontalPodAutoscaler",
  "urbanos-service-usage",
  [[{ spec = { scaleTargetRef = { name = "demo-service-usage" } }, metadata = { annotations = { arrived = "y" } } }]],
  "spec.scaleTargetRef.name names"
)
set(
  "a change of a label",
  "Deployment",
  "urbanos-service-sso",
  [[{ metadata = { labels = { tenant = "demo", mark = "arrived" } } }]],
  "metadata.labels.tenant must be"
)
try(
  "an annotation that acts elsewhere",
  [[k8s.annotate("Ingress", "urbanos-ingress", {
    ["nginx.ingress.kubernetes.io/auth-url"] = "http://demo-service-sso/arrived" })]],
  "auth-url] is not among the annotations"
)

set(
  "a change of everything about an object",
  "Service",
  "urbanos-service-sso",
  [[{ metadata = json.null }]],
  "metadata cannot be changed"
)

-- ---- texts that name others ----

ensure("another's dashboard", "v1", "ConfigMap", [[binaryData = { ["tenant-demo.json"] = "e30=" }]], "names 'demo'")
ensure("another's database in base64", "v1", "ConfigMap", [[binaryData = { a = "Y29yZWRiLWRlbW8=" }]], "'coredb-demo'")
ensure(
  "another's folder of dashboards",
  "v1",
  "ConfigMap",
  [[data = { a = "b" }]],
  "grafana_folder is not among the annotations",
  [[labels = { grafana_dashboard = "1" }, annotations = { arrived = "yes", grafana_folder = "Demo" }]]
)
ensure(
  "a path that is configuration",
  "networking.k8s.io/v1",
  "Ingress",
  [[spec = { rules = { { host = "urbanos.embrix.com", http = { paths = { { path = "/x;} location /y { return 200; ",
    pathType = "Prefix",
    backend = { service = { name = "urbanos-service-proxy", port = { number = 80 } } } } } } } } }]],
  "path has characters"
)
ensure(
  "an alert about all tenants",
  "monitoring.coreos.com/v1",
  "PrometheusRule",
  [[spec = { groups = { { name = "a", rules = { { alert = "arrived", expr = 'up{tenant="urbanos"} or up' } } } } }]],
  "looks at series of other tenants"
)
job(
  "a request to another's service",
  "",
  [[lifecycle = { postStart = { exec = {
  command = { "sh", "-c", "curl -XPOST http://demo-service-sso/" } } } }]],
  "names 'demo-service-sso'"
)
job("a label of another's release", "", "", "labels.release names", [[release = "demo-service-sso"]])
for _, kind in ipairs { "Service", "ConfigMap" } do
  try(
    ("a %s under the name of a shared secret"):format(kind),
    ([[k8s.ensure { apiVersion = "v1", kind = %q, metadata = { name = "pg-secret", annotations = { arrived = "x" } },
      spec = { selector = { tenant = "urbanos" } } }]]):format(kind),
    "outside what this run may touch"
  )
end

-- ---- what all tenants share ----

for what, body in pairs {
  ["removes"] = [[k8s.remove("Secret", "pg-secret")]],
  ["removes, by its plural,"] = [[k8s.remove("secrets", "pg-secret", "default")]],
  ["overwrites"] = [[k8s.ensure_secret("pg-secret", { arrived = "x" }, { overwrite = true })]],
  ["changes"] = [[k8s.set("Secret", "pg-secret", { data = { arrived = "eA==" } })]],
  ["labels"] = [[k8s.set("Secret", "pg-secret", { metadata = { labels = { arrived = "x" } } })]],
  ["annotates"] = [[k8s.annotate("Secret", "pg-secret", { arrived = "x" })]],
  ["scales"] = [[k8s.scale("Secret", "pg-secret", 0)]],
} do
  try(what .. " the shared secret", body, "Secret default/pg-secret is shared by all tenants", shared_stays)
end
for api_version, kind in pairs { v1 = "ConfigMap", ["apps/v1"] = "Deployment", ["batch/v1"] = "Job" } do
  try(
    ("makes a %s with the name of the shared secret"):format(kind),
    ([[k8s.ensure { apiVersion = %q, kind = %q, metadata = { name = "pg-secret" } }]]):format(api_version, kind),
    kind .. " in namespace default 'pg-secret' is outside"
  )
end

local function inventory_stays(lab)
  local found = lab:out("cat", lab.platform .. "/docs/TENANT_INVENTORY.md")
  assert.is_nil(found:find("arrived", 1, true))
  assert.is_truthy(found:find("## demo (TIDLT-100002)", 1, true))
end

for what, text in pairs {
  ["empties"] = [["# Tenant inventory\n"]],
  ["changes a line of"] = [[(files.read(INVENTORY):gsub("Sandbox", "arrived", 1))]],
  ["adds another's section to"] = [[files.read(INVENTORY) .. "\n## arrived (TIDLT-100099)\n"]],
  ["takes over a section of"] = [[(files.read(INVENTORY):gsub("## demo", "## urbanos"))]],
} do
  local body = ([[local INVENTORY = "docs/TENANT_INVENTORY.md" files.ensure(INVENTORY, %s)]]):format(text)
  try(what .. " the inventory of all tenants", body, "is shared by all tenants", inventory_stays)
end

-- ---- the same in charts ----

local CHART <const> = "apiVersion: v2\nname: service-sso\nversion: 0.1.0\n"

local function chart(what, template, expect)
  cases[#cases + 1] = {
    "a chart with " .. what,
    platform = { ["core/charts/evil/Chart.yaml"] = CHART, ["core/charts/evil/templates/x.yaml"] = template },
    body = [[helm.ensure_release("urbanos-service-sso", { chart = "core/charts/evil", values = {}, wait = false })]],
    code = 3,
    expect = expect,
    after = nothing_arrived,
  }
end

-- A chart that the platform does not name: it could carry anything, and its address could carry data out.
local DIGEST <const> = "sha256:" .. ("a"):rep(64)
for what, source in pairs {
  ["a registry"] = [[chart = "oci://127.0.0.1:9/charts/" .. tenant.name]],
  ["a repository"] = [[chart = "app", repo = "https://127.0.0.1:9/" .. tenant.name]],
  ["a registry's option"] = [[chart = "--help", repo = "https://127.0.0.1:9/"]],
  ["a file"] = [[chart = "file:///etc", repo = "file:///etc"]],
} do
  cases[#cases + 1] = {
    "a chart of " .. what .. " that nobody named",
    body = ([[local source = { %s, version = "1.0.0", digest = "%s", values = {} }
      helm.ensure_release("urbanos-service-sso", source)]]):format(source, DIGEST),
    code = 3,
    absent = "127.0.0.1:9: connect",
    after = nothing_arrived,
  }
end

local HEAD <const> = "apiVersion: %s\nkind: %s\nmetadata: {name: urbanos-service-sso, annotations: {arrived: x}}\n"

chart("a role", HEAD:format(RBAC, "RoleBinding") .. "subjects: []\n", "kind RoleBinding")
chart("another's pods", HEAD:format("v1", "Service") .. "spec: {selector: {tenant: demo}}\n", "spec.selector.tenant")
chart("pods of nobody", HEAD:format("v1", "Service") .. "spec: {ports: [{port: 80}]}\n", "spec.selector is missing")
chart(
  "another's host",
  HEAD:format("networking.k8s.io/v1", "Ingress") .. "spec: {rules: [{host: demo.embrix.com}]}\n",
  "'demo.embrix.com' is not a host"
)
chart(
  "a privileged hook",
  (HEAD:format("batch/v1", "Job"):gsub("arrived: x", "helm.sh/hook: pre-upgrade, arrived: x"))
    .. "spec: {template: {spec: {hostNetwork: true, containers: []}}}\n",
  "spec.template.spec.hostNetwork may only be false"
)
chart(
  "the shared secret",
  "apiVersion: v1\nkind: Secret\nmetadata: {name: pg-secret}\nstringData: {arrived: x}\n",
  "pg-secret is shared by all tenants"
)
chart(
  "a list of objects",
  "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: ResourceQuota, metadata: {name: urbanos-service-sso}}]\n",
  "ResourceQuota"
)
chart(
  "a secret of the helm program",
  HEAD:format("v1", "Secret") .. "type: helm.sh/release.v1\n",
  "type may only be Opaque"
)

return cases
