-- The example tree with the real helm: every chart renders, and what it renders is what the guide selects by.
local fs = require "o2x.base.fs"
local of = require "tests.support.objects"
local proc = require "o2x.base.proc"
local yaml = require "o2x.base.yaml"

local TREE = "examples/platform"
local catalogue = require "stdlib.catalogue"
local naming = require "stdlib.naming"

local function render(service, tenant, more)
  local argv = {
    "helm",
    "template",
    tenant .. "-" .. service,
    naming.chart(service),
    "-f",
    naming.values_file("urbanos", service),
  }
  for _, word in ipairs(more or {}) do
    argv[#argv + 1] = word
  end
  return proc.run { argv = argv, cwd = TREE, timeout = 300 }
end

local function objects(service, ...)
  local result = render(service, "urbanos", ...)
  assert.equal(0, result.code, result.stderr)
  local by_kind = {}
  for _, object in ipairs(yaml.decode_all(result.stdout, service)) do
    by_kind[object.kind] = object
  end
  return by_kind
end

local function environment(deployment)
  local found = {}
  for _, item in ipairs(deployment.spec.template.spec.containers[1].env) do
    assert.is_nil(found[item.name], item.name .. " is there twice")
    found[item.name] = item.value or item.valueFrom.secretKeyRef.name .. "/" .. item.valueFrom.secretKeyRef.key
  end
  return found
end

describe("the charts", function()
  for _, name in ipairs(catalogue.names()) do
    it(name .. " renders a labelled Deployment and Service", function()
      local found = objects(name)
      local deployment, service = found.Deployment, found.Service
      local fullname = "urbanos-" .. name
      for _, object in ipairs { deployment, service, deployment.spec.template } do
        assert.equal("urbanos", object.metadata.labels.tenant)
        assert.equal(fullname, object.metadata.labels.app)
      end
      assert.equal(fullname, deployment.metadata.name)
      assert.same({ app = fullname, tenant = "urbanos" }, deployment.spec.selector.matchLabels)
      assert.same(deployment.spec.selector.matchLabels, service.spec.selector)
      assert.equal(catalogue.find(name).replicas[1], deployment.spec.replicas)
      assert.same(catalogue.find(name).resources, deployment.spec.template.spec.containers[1].resources)
      local ports = {}
      for _, port in ipairs(service.spec.ports) do
        ports[port.name] = port.port
      end
      assert.equal(8080, ports.http)
      assert.equal(8081, ports.metrics)
      local env = environment(deployment)
      assert.equal("TIDLT-100005", env.TENANT_ID)
      assert.equal("pg-secret/password", env.SPRING_DATASOURCE_PASSWORD)
      assert.equal("app-vault-token/token", env.VAULT_TOKEN)
      assert.equal("6379", env.REDIS_PORT)
    end)
  end

  it("render what a run for their tenant may write, and no other run", function()
    local own, other = of.grants(nil, "urbanos"), of.grants(nil, "demo")
    for _, name in ipairs(catalogue.names()) do
      local rendered = yaml.decode_all(render(name, "urbanos").stdout, name)
      own:objects(of.resource, rendered, "default")
      assert.is_false(pcall(other.objects, other, of.resource, rendered, "default"))
    end
  end)

  it("refuse values of another tenant", function()
    local result = render("service-billing", "urbanos", { "--set", "app.tenantName=demo" })
    assert.not_equal(0, result.code)
    assert.truthy(
      result.stderr:find(
        'app.tenantName "demo" and fullnameOverride "urbanos-service-billing" are of different tenants',
        1,
        true
      )
    )
  end)

  it("refuse values without a tenant id", function()
    local result = render("tax-gateway", "urbanos", { "--set", "app.tenantId=" })
    assert.not_equal(0, result.code)
    assert.truthy(result.stderr:find("app.tenantId", 1, true))
  end)

  it("share one library, linked into each", function()
    for _, name in ipairs(catalogue.names()) do
      assert.equal("link", fs.stat(fs.join(TREE, naming.chart(name), "charts/common"), false).type)
    end
  end)
end)
