--- The page that clients see during maintenance, with status 503. It is ingress-nginx's default backend: it serves
--- whenever the service behind a rule has no pods, so nothing has to be switched at the right moment.

local claims = require "stdlib.claims"
local json = require "o2x.json"
local k8s = require "o2x.k8s"
local naming = require "stdlib.naming"
local status = require "stdlib.maintenance.status"

local M = {}

local BACKEND = "nginx.ingress.kubernetes.io/default-backend"
local IMAGE = "nginxinc/nginx-unprivileged:1.27-alpine"
local READY <const> = 60 -- seconds; without the page, clients see ingress-nginx's own 503

local SERVER = [[
server {
  listen 8080;
  root /usr/share/nginx/html;
  error_page 503 /maintenance.html;
  location = /maintenance.html {
    internal;
    add_header Retry-After 300 always;
    add_header Cache-Control no-store always;
  }
  location = /healthz {
    access_log off;
    return 200 "ok";
  }
  location / {
    return 503;
  }
}
]]

local HTML = [[
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Maintenance</title></head>
<body>
<h1>We will be back soon</h1>
<p>{company} is undergoing maintenance. Your data are safe. Please try again later.</p>
</body>
</html>
]]

local function name_of(tenant) return naming.resource(tenant, "maintenance") end

-- Without the tenant label: the page is not one of the tenant's monitored services.
local function labels(tenant) return { app = name_of(tenant), ["app.kubernetes.io/managed-by"] = "o2x" } end

local function config_map(tenant, record)
  local html = HTML:gsub("{company}", (tenant.company:gsub("[<>&]", "")))
  return {
    apiVersion = "v1",
    kind = "ConfigMap",
    metadata = {
      name = name_of(tenant),
      namespace = tenant.namespace,
      annotations = { [status.KEY] = record },
      labels = { tenant = tenant.name, [status.LABEL[1]] = status.LABEL[2], ["app.kubernetes.io/managed-by"] = "o2x" },
    },
    data = { ["default.conf"] = SERVER, ["maintenance.html"] = html },
  }
end

local function mount(path, key) return { name = "page", mountPath = path, subPath = key } end

local function deployment(tenant)
  local maintenance = tenant.platform.maintenance or {}
  return {
    apiVersion = "apps/v1",
    kind = "Deployment",
    metadata = { name = name_of(tenant), namespace = tenant.namespace, labels = labels(tenant) },
    spec = {
      replicas = 1,
      selector = { matchLabels = { app = name_of(tenant) } },
      template = {
        metadata = { labels = labels(tenant) },
        spec = {
          containers = {
            {
              name = "page",
              image = maintenance.image or IMAGE,
              ports = { { containerPort = 8080, name = "http", protocol = "TCP" } },
              readinessProbe = { httpGet = { path = "/healthz", port = 8080 } },
              resources = { requests = { cpu = "10m", memory = "16Mi" }, limits = { cpu = "100m", memory = "64Mi" } },
              volumeMounts = {
                mount("/etc/nginx/conf.d/default.conf", "default.conf"),
                mount("/usr/share/nginx/html/maintenance.html", "maintenance.html"),
              },
            },
          },
          volumes = { { name = "page", configMap = { name = name_of(tenant) } } },
        },
      },
    },
  }
end

local function service(tenant)
  return {
    apiVersion = "v1",
    kind = "Service",
    metadata = { name = name_of(tenant), namespace = tenant.namespace, labels = labels(tenant) },
    spec = {
      selector = { app = name_of(tenant) },
      ports = { { name = "http", port = 8080, targetPort = 8080, protocol = "TCP" } },
    },
  }
end

--- Writes the record. From here on the tenant is in maintenance.
---@param tenant table
---@param record string JSON
function M.write_record(tenant, record) k8s.ensure(config_map(tenant, record)) end

-- A default backend that is not the tenant's could not be restored: a run may name the tenant's services only.
local function is_own(tenant, backend)
  if not backend then return true end
  for _, name in ipairs(claims.objects(tenant)) do
    if name == backend then return true end
  end
  return false
end

--- Ensures the page's Deployment and Service and makes it the ingress's default backend. A page that does not become
--- ready, a tenant without an ingress, and an ingress with another default backend are logged only.
---@param tenant table
---@param annotation fun(state: table): string the annotation that saves a state
function M.show(tenant, annotation)
  k8s.ensure(deployment(tenant))
  k8s.ensure(service(tenant))
  local ok, problem = pcall(k8s.wait_ready, "Deployment", name_of(tenant), READY, tenant.namespace)
  if not ok then log("the maintenance page is not ready, clients see the ingress's own 503: " .. tostring(problem)) end
  local name = naming.resource(tenant, "ingress")
  local ingress = k8s.get("Ingress", name, tenant.namespace)
  if not ingress then return log(("%s has no ingress: no maintenance page is shown"):format(tenant.name)) end
  local annotations = ingress.metadata.annotations or {}
  if not is_own(tenant, annotations[BACKEND]) then
    return log(
      ("%s has a default backend of its own, %s: no maintenance page is shown"):format(name, annotations[BACKEND])
    )
  end
  k8s.annotate("Ingress", name, {
    [BACKEND] = name_of(tenant),
    [status.KEY] = annotations[status.KEY] or annotation { default_backend = annotations[BACKEND] },
  })
end

--- Restores the ingress's default backend.
---@param tenant table
function M.hide(tenant)
  local name = naming.resource(tenant, "ingress")
  local saved = status.saved(k8s.get("Ingress", name, tenant.namespace))
  if not saved then return end
  k8s.annotate("Ingress", name, { [BACKEND] = saved.default_backend or json.null, [status.KEY] = json.null })
end

--- Removes the page and the record. The record goes last: until then the tenant is in maintenance.
---@param tenant table
function M.remove(tenant)
  k8s.remove("Service", name_of(tenant), tenant.namespace)
  k8s.remove("Deployment", name_of(tenant), tenant.namespace)
  k8s.remove("ConfigMap", name_of(tenant), tenant.namespace)
end

return M
