--- How clients reach the tenant (guide: step 6).

local cluster = require "stdlib.cluster"
local dns = require "o2x.dns"
local files = require "o2x.files"
local http = require "o2x.http"
local k8s = require "o2x.k8s"
local naming = require "stdlib.naming"
local yaml = require "o2x.yaml"

local M = {}

local function path(tenant, prefix, service_name)
  local service = { name = naming.resource(tenant, service_name or "service-proxy"), port = { number = 8080 } }
  return { path = prefix, pathType = "Prefix", backend = { service = service } }
end

local function object(tenant)
  local kubernetes = tenant.platform.kubernetes
  local api = "api." .. tenant.domain
  return {
    apiVersion = "networking.k8s.io/v1",
    kind = "Ingress",
    metadata = {
      name = naming.resource(tenant, "ingress"),
      namespace = tenant.namespace,
      labels = cluster.labels(tenant),
      annotations = {
        ["kubernetes.io/ingress.class"] = kubernetes.ingress_class,
        ["cert-manager.io/cluster-issuer"] = kubernetes.cluster_issuer,
        ["nginx.ingress.kubernetes.io/ssl-redirect"] = "true",
        ["nginx.ingress.kubernetes.io/proxy-body-size"] = "50m",
        ["nginx.ingress.kubernetes.io/proxy-connect-timeout"] = "300",
        ["nginx.ingress.kubernetes.io/proxy-send-timeout"] = "300",
        ["nginx.ingress.kubernetes.io/proxy-read-timeout"] = "300",
      },
    },
    spec = {
      tls = { { hosts = { tenant.domain, api }, secretName = naming.resource(tenant, "tls-cert") } },
      -- The guide's ingress lacks a path for webhooks, though it tells Stripe to send them to
      -- api.DOMAIN/webhooks/stripe.
      rules = {
        { host = tenant.domain, http = { paths = { path(tenant, "/") } } },
        {
          host = api,
          http = {
            paths = { path(tenant, "/graphql"), path(tenant, "/api"), path(tenant, "/webhooks", "payment-gateway") },
          },
        },
      },
    },
  }
end

--- Ensures the ingress, in the tree and in the cluster, and waits up to 300 s for its certificate (guide 6.1).
---@param tenant table
function M.create(tenant)
  local ingress = object(tenant)
  files.ensure(("k8s/ingress/%s-ingress.yaml"):format(tenant.name), yaml.encode(ingress))
  k8s.ensure(ingress)
  check(
    "The certificate is issued",
    function() k8s.wait_ready("Certificate", naming.resource(tenant, "tls-cert"), 300) end
  )
end

--- The load balancer's host name, from its Service. Fails while it has none.
---@param tenant table
---@return string host
function M.load_balancer(tenant)
  local target = tenant.platform.kubernetes.ingress_service
  local service = k8s.get("Service", target.name, target.namespace)
  local status = service and service.status and service.status.loadBalancer
  local first = status and status.ingress and status.ingress[1]
  if not (first and first.hostname) then
    fail(
      ("service %s in %s has no load balancer yet"):format(target.name, target.namespace),
      ("kubectl get svc -n %s %s"):format(target.namespace, target.name)
    )
  end
  return first.hostname
end

local function hosts(tenant) return { tenant.domain, "api." .. tenant.domain, "*." .. tenant.domain } end

--- Ensures the three CNAME records for the load balancer, and waits for all of them together. A record that o2x did not
--- create is a conflict (guide 6.2). Fails while the load balancer has no host name.
---@param tenant table
function M.records(tenant)
  local target = M.load_balancer(tenant)
  local ttl = tenant.platform.dns.ttl
  parallel.each(
    hosts(tenant),
    function(host) dns.ensure_record { name = host, type = "CNAME", ttl = ttl, values = { target } } end
  )
end

local function check_record(host, target)
  for server, values in pairs(dns.authoritative(host, "CNAME")) do
    if values[1] ~= target then
      fail(("name server %s returns %s for %s, not %s"):format(server, values[1] or "nothing", host, target))
    end
  end
end

--- Checks the records on every authoritative name server, then both HTTPS endpoints.
---@param tenant table
function M.verify(tenant)
  local target = M.load_balancer(tenant)
  for _, host in ipairs { tenant.domain, "api." .. tenant.domain } do
    check(host .. " resolves on every name server", check_record, host, target)
  end
  check(tenant.domain .. " answers by HTTPS", function()
    local response = http.request { method = "HEAD", url = "https://" .. tenant.domain .. "/" }
    if response.status >= 500 then fail(("https://%s returns %d"):format(tenant.domain, response.status)) end
  end)
  check("api." .. tenant.domain .. " answers by HTTPS", function()
    local response = http.request { method = "HEAD", url = "https://api." .. tenant.domain .. "/graphql" }
    if response.status >= 500 then
      fail(("https://api.%s/graphql returns %d"):format(tenant.domain, response.status))
    end
  end)
end

return M
