-- The platform's own rules: names, order, tenant files, grants.

require "tests.support.apis"

local catalogue = require "stdlib.catalogue"
local naming = require "stdlib.naming"
local platform = require "stdlib.platform"
local scope = require "o2x.base.scope"
local tenant_file = require "stdlib.tenant_file"

local function position(waves, name)
  for number, wave in ipairs(waves) do
    for _, member in ipairs(wave) do
      if member == name then return number end
    end
  end
end

local function file(changes)
  local value = {
    name = "newclient",
    company = "New Client Inc.",
    environment = "production",
    contacts = { primary = "contact@newclient.com" },
    admin = { email = "admin@newclient.com", firstname = "Admin", lastname = "User" },
    profile = { country = "USA", timezone = "America/New_York", currency = "USD" },
    integrations = {
      {
        name = "STRIPE",
        index = 0,
        type = "PAYMENT_GATEWAY",
        authtype = "API_KEY",
        apitype = "REST",
        baseurl = "https://api.stripe.com",
      },
    },
  }
  for key, change in pairs(changes or {}) do
    value[key] = change
  end
  return value
end

local PLATFORM = {
  domain = "embrix.com",
  region = "us-east-1",
  namespace = "default",
  database = { name = "coredb-{tenant}", control = "enginedevdb" },
  redis = { host = "master.{environment}-cache-rg" },
  vault = { uri = "http://{tenant}-vault-interface/", path = "tenant/{tenant}/{environment}" },
  kubernetes = {
    volume_claim = "{tenant}-data-pvc",
    postgres_secret = "pg-secret",
    vault_secret = "app-vault-token",
    ingress_service = { namespace = "ingress-nginx", name = "ingress-nginx-controller" },
  },
  storage = { data_bucket = "embrix-{environment}-data" },
  monitoring = { namespace = "monitoring" },
}

local function load(name, changes)
  changes = changes or {}
  changes.name = changes.name or name
  return assert(platform.load(name, PLATFORM, file(changes), "tenants/" .. name .. ".yaml", {}))
end

describe("waves of the catalogue", function()
  local waves = catalogue.waves()

  it("have all sixteen services once", function()
    local count, seen = 0, {}
    for _, wave in ipairs(waves) do
      for _, name in ipairs(wave) do
        assert.is_nil(seen[name])
        seen[name], count = true, count + 1
      end
    end
    assert.equal(16, count)
  end)

  it("follow the dependency matrix, not the order of steps 5.3 and 5.4", function()
    local function before(a, b) assert.is_true(position(waves, a) < position(waves, b), a .. " before " .. b) end
    for _, gateway in ipairs(catalogue.gateways()) do
      before(gateway.name, "service-transactional")
    end
    before("service-sso", "service-transactional")
    before("service-transactional", "service-usage")
    before("service-usage", "service-billing")
    before("service-usage", "service-mediation")
    before("service-billing", "service-invoice")
    before("service-billing", "service-payment")
    before("service-invoice", "service-revenue")
    before("service-revenue", "batch-process")
    before("jobs-common", "service-proxy")
  end)

  it("put what is independent side by side", function()
    assert.equal(position(waves, "service-billing"), position(waves, "service-mediation"))
    assert.equal(position(waves, "service-invoice"), position(waves, "service-payment"))
    assert.equal(6, #waves[1])
  end)
end)

describe("names", function()
  it("of tenants: lower case, digits, single hyphens, at most 40", function()
    for _, name in ipairs { "newclient", "newclient-sbx", "coopeg-prd", "a1" } do
      assert.is_nil(naming.tenant_name_problem(name))
    end
    for _, name in ipairs {
      "",
      "New Client",
      "NEWCLIENT",
      "../x",
      "a;b",
      "a'b",
      "a--b",
      "a-",
      "-a",
      "1a",
      "a\0b",
      ("a"):rep(41),
      "näme",
      "a.b",
    } do
      assert.is_string(naming.tenant_name_problem(name), name)
    end
  end)

  it("keep the two underscored folders", function()
    assert.equal(
      "provision_gateway/helm_values/newclient/provision-gateway.yaml",
      naming.values_file("newclient", "provision-gateway")
    )
    assert.equal("crm_gateway/charts/crm-gateway", naming.chart("crm-gateway"))
    assert.equal("tax-gateway/charts/tax-gateway", naming.chart("tax-gateway"))
    assert.equal("core/helm_values/newclient/service-billing.yaml", naming.values_file("newclient", "service-billing"))
  end)

  it("of alerts begin as the guide's", function()
    assert.equal("NewClient", naming.camel { name = "newclient", company = "New Client Inc." })
    assert.equal("AcmeSbx", naming.camel { name = "acme-sbx", company = "Inc." })
  end)
end)

describe("a tenant file", function()
  local function wrong(changes, others)
    local problem = tenant_file.problem("newclient", file(changes), others)
    return problem and problem.message
  end

  it("that is right has no problem", function() assert.is_nil(wrong {}) end)

  it("must be that of the tenant, and of nobody else", function()
    assert.matches("name is 'other'", wrong { name = "other" })
    assert.matches("also in tenants/x.yaml", wrong({}, { { name = "newclient", where = "tenants/x.yaml" } }))
    assert.matches(
      "TIDLT%-100005 is also in",
      wrong({ id = "TIDLT-100005" }, { { name = "urbanos", id = "TIDLT-100005", where = "tenants/urbanos.yaml" } })
    )
    assert.matches("not of the form", wrong { id = "100005" })
  end)

  it("is told about unknown, missing and wrong-typed fields by name", function()
    assert.matches("companyname is not a known field", wrong { companyname = "x" })
    assert.matches("company must be a text", wrong { company = 12 })
    assert.matches("profile.country is missing", wrong { profile = { timezone = "UTC", currency = "USD" } })
    assert.matches("environment 'prod' is not known", wrong { environment = "prod" })
    assert.matches(
      "integrations%[1%]%.name: 'PAYPAL' is no provider",
      wrong {
        integrations = {
          {
            name = "PAYPAL",
            index = 0,
            type = "PAYMENT_GATEWAY",
            authtype = "API_KEY",
            apitype = "REST",
            baseurl = "https://x.y",
          },
        },
      }
    )
    assert.matches("properties.a must be a text", wrong { properties = { a = 30 } })
  end)
end)

describe("grants", function()
  local grants = platform.grants(load("newclient"))

  it("take in the tenant's own", function()
    assert.equal("coredb-newclient", grants.pg.tenant)
    scope.path(grants.vault, "tenant/newclient/quickbooks", "path")
    scope.name(grants.helm, "newclient-service-sso", "release")
    scope.domain(grants.dns, "*.newclient.embrix.com", "name")
    scope.path(grants.files.write, "crm_gateway/helm_values/newclient/crm-gateway.yaml", "file")
  end)

  it("never take in newclient-sbx, in any system", function()
    local function refused(check, list, value)
      local ok, err = pcall(check, list, value, "it")
      assert.is_false(ok, value)
      assert.equal("refused", err.kind)
    end
    refused(scope.path, grants.vault, "tenant/newclient-sbx/quickbooks")
    refused(scope.path, grants.vault, "tenant/newclient/../urbanos/info")
    refused(scope.name, grants.helm, "newclient-sbx-service-sso")
    refused(scope.name, grants.k8s.names, "newclient-sbx-service-sso")
    refused(scope.domain, grants.dns, "newclient-sbx.embrix.com")
    refused(scope.path, grants.files.write, "core/helm_values/newclient-sbx/service-sso.yaml")
    refused(scope.path, grants.files.write, "core/helm_values/newclient/../urbanos/service-sso.yaml")
  end)

  it("of a tenant without an id hold no key and no queue; with one, only its own", function()
    assert.same({}, grants.redis)
    local with_id = platform.grants(load("urbanos", { id = "TIDLT-100005" }))
    scope.key(with_id.redis, "TIDLT-100005:session:1", "key")
    assert.has_error(function() scope.key(with_id.redis, "TIDLT-1000051:session:1", "key") end)
  end)

  it(
    "keep a legacy database name",
    function() assert.equal("enginedevdb", load("dev", { overrides = { database = "enginedevdb" } }).database) end
  )
end)
