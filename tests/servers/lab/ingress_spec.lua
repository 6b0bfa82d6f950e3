-- The way in from outside: Ingress objects that kubectl applies, requests that curl and o2x send.
local fs = require "o2x.base.fs"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local small_lab = require "tests.support.small_lab"
local task = require "o2x.base.task"

local MANIFEST <const> = [[
apiVersion: apps/v1
kind: Deployment
metadata: { name: TENANT-service-proxy, labels: { tenant: TENANT } }
spec:
  replicas: 1
  selector: { matchLabels: { app: TENANT-service-proxy } }
  template:
    metadata: { labels: { app: TENANT-service-proxy, tenant: TENANT } }
    spec:
      containers:
      - { name: app, image: "embrix/service-proxy:v1", env: [ { name: TENANT_ID, value: TIDLT-100009 } ] }
---
apiVersion: v1
kind: Service
metadata: { name: TENANT-service-proxy, labels: { tenant: TENANT } }
spec: { selector: { app: TENANT-service-proxy }, ports: [ { name: http, port: 8080 } ] }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: TENANT }
spec:
  ingressClassName: nginx
  rules:
  - host: HOST
    http:
      paths:
      - { path: /, pathType: Prefix, backend: { service: { name: TENANT-service-proxy, port: { number: 8080 } } } }
]]

describe("the ingress", function()
  local lab

  local function case(name, body, prepare)
    it(name, function()
      small_lab.with({ "k8s", "ingress" }, prepare, function(started)
        lab = started
        body()
      end)
    end)
  end

  local function apply(tenant, host)
    local path = fs.join(lab.dir, "manifest.yaml")
    fs.write(path, (MANIFEST:gsub("%u+", { TENANT = tenant, HOST = host })))
    local result = lab.run("kubectl", "apply", "-f", path)
    assert.equal(0, result.code, result.stderr)
    result = lab.run("kubectl", "rollout", "status", "--timeout=120s", "deploy/" .. tenant .. "-service-proxy")
    assert.equal(0, result.code, result.stderr)
  end

  local function get(host, path)
    return http.request {
      url = ("https://%s%s"):format(host, path),
      ca_file = lab.env.O2X_LAB_CA,
      connect_to = lab.env.O2X_LAB_HTTPS,
    }
  end

  -- A new host is in the certificate a moment after its Ingress.
  local function get_soon(host, path)
    return task.timeout(60, function()
      while true do
        local ok, response = pcall(get, host, path)
        if ok and response.status ~= 404 then return response end
        task.sleep(0.05)
      end
    end)
  end

  if not proc.exists("kubectl") then return pending("kubectl is not on PATH") end

  case("leads to the tenant's services, by a certificate that names the host", function()
    assert.equal(404, get("acme.embrix.com", "/").status)
    apply("acme", "acme.embrix.com")
    assert.equal("UP", json.decode(get_soon("acme.embrix.com", "/actuator/health").body).status)
    assert.equal(405, get("acme.embrix.com", "/graphql").status)
    assert.equal(404, get("other.embrix.com", "/actuator/health").status)
    apply("far", "deep.api.example.org")
    assert.equal("UP", json.decode(get_soon("deep.api.example.org", "/actuator/health").body).status)
    local host, port = lab.env.O2X_LAB_HTTPS:match("^(.*):(%d+)$")
    local result = lab.run(
      "curl",
      "-sS",
      "--cacert",
      lab.env.O2X_LAB_CA,
      "--resolve",
      ("acme.embrix.com:%s:%s"):format(port, host),
      ("https://acme.embrix.com:%s/actuator/info"):format(port)
    )
    assert.same({ app = { name = "service-proxy", tenant = "acme" } }, json.decode(result.stdout))
  end)

  case("names a described tenant in its certificate before the first Ingress", function()
    assert.equal(404, get("api.acme.embrix.com", "/").status)
    assert.equal(404, get("acme.example.org", "/").status)
    assert.is_false((pcall(get, "api.other.embrix.com", "/")))
  end, function(fresh)
    fs.write(
      fs.join(fresh.dir, "platform/tenants/acme.yaml"),
      "name: acme\ndomain: acme.embrix.com\n",
      { parents = true }
    )
    fs.write(fs.join(fresh.dir, "platform/tenants/far.yaml"), "domain: acme.example.org\n", { parents = true })
  end)

  case("says 503 while no pod is ready", function()
    apply("acme", "acme.embrix.com")
    assert.equal(200, get_soon("acme.embrix.com", "/actuator/health").status)
    assert.equal(0, lab.run("kubectl", "scale", "deploy/acme-service-proxy", "--replicas=0").code)
    assert.equal(
      503,
      task.timeout(60, function()
        while true do
          local status = get("acme.embrix.com", "/actuator/health").status
          if status ~= 200 then return status end
          task.sleep(0.05)
        end
      end)
    )
  end)
end)
