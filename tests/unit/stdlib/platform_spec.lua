local raised = require "tests.support.raised"
local scope = require "o2x.base.scope"
local stdlib = require "tests.support.stdlib"

describe("stdlib.platform", function()
  local platform = stdlib.new().require "platform"

  it("accepts tenant names of lower-case letters, digits and single hyphens", function()
    for _, name in ipairs { "newclient", "newclient-sbx", "coopeg-prd", "a1" } do
      assert.is_nil(platform.name_problem(name), name)
    end
  end)

  it("rejects every other name", function()
    local bad =
      { "", "New Client", "NEWCLIENT", "../x", "a;b", "a'b", "a--b", "a-", "-a", "1a", "a\0b", "näme", "a.b" }
    for _, name in ipairs(bad) do
      assert.is_string(platform.name_problem(name).message, name)
    end
  end)

  it("rejects a name that leaves no room for the names built from it", function()
    assert.is_nil(platform.name_problem(("a"):rep(31)))
    assert.is_string(platform.name_problem(("a"):rep(32)).message)
  end)

  it("derives the tenant's names from platform.yaml", function()
    local tenant = stdlib.tenant "newclient"
    assert.equal("coredb-newclient", tenant.database)
    assert.equal("newclient.embrix.com", tenant.domain)
    assert.equal("tenant/newclient/production", tenant.vault_path)
    assert.equal("newclient-data-pvc", tenant.data_pvc)
  end)

  it("keeps a legacy database name", function() assert.equal("enginedevdb", stdlib.tenant("dev").database) end)

  it("returns a problem with the file's path", function()
    local tenant, problem = platform.load("newclient", {}, { name = "newclient" }, "tenants/newclient.yaml", {})
    assert.is_nil(tenant)
    assert.equal("tenants/newclient.yaml", problem.where)
  end)

  describe("grants", function()
    local grants = platform.grants(stdlib.tenant "newclient")

    it("include the tenant's own names in every system", function()
      assert.equal("coredb-newclient", grants.pg.tenant)
      scope.path(grants.vault, "tenant/newclient/quickbooks", "path")
      scope.name(grants.helm, "newclient-service-sso", "release")
      scope.domain(grants.dns, "*.newclient.embrix.com", "name")
      scope.path(grants.files.write, "crm_gateway/helm_values/newclient/crm-gateway.yaml", "file")
      scope.key(grants.redis, "TIDLT-100008:session:1", "key")
    end)

    local function refused(check, list, value) assert.equal("refused", raised(check, list, value, "it").kind, value) end

    it("include the objects that are not services", function()
      for _, what in ipairs { "ingress", "tls-cert", "services", "alerts", "dashboard", "maintenance", "data-pvc" } do
        scope.name(grants.k8s.names, "newclient-" .. what, "object")
      end
    end)

    it("exclude a tenant whose name begins with this one", function()
      refused(scope.path, grants.vault, "tenant/newclient-sbx/quickbooks")
      refused(scope.name, grants.helm, "newclient-sbx-service-sso")
      refused(scope.name, grants.k8s.names, "newclient-sbx-service-sso")
      refused(scope.domain, grants.dns, "newclient-sbx.embrix.com")
      refused(scope.path, grants.files.write, "core/helm_values/newclient-sbx/service-sso.yaml")
    end)

    it(
      "exclude a tenant whose id begins with this one",
      function() refused(scope.key, grants.redis, "TIDLT-1000081:session:1") end
    )

    it("exclude paths that leave the tenant's folder", function()
      refused(scope.path, grants.vault, "tenant/newclient/../urbanos/info")
      refused(scope.path, grants.files.write, "core/helm_values/newclient/../urbanos/service-sso.yaml")
    end)

    it("exclude all keys, queues and objects while the tenant has no id", function()
      local tenant = stdlib.tenant "newclient"
      tenant.id = nil
      local without_id = platform.grants(tenant)
      assert.same({ {}, {}, {} }, { without_id.redis, without_id.broker, without_id.s3 })
    end)
  end)

  describe("notice", function()
    local function notice(until_)
      local record = ('{"since":"2026-02-11T08:00:00Z","until":"%s","by":"ann@host","run":"R-1"}'):format(until_)
      local std = stdlib.new {
        k8s = { get = function() return { metadata = { annotations = { ["o2x.io/maintenance"] = record } } } end },
      }
      return std.require("platform").notice(stdlib.tenant "urbanos")
    end

    it(
      "warns of an overdue maintenance",
      function() assert.matches("urbanos .* SHOULD HAVE ENDED 2 h", notice "2026-02-11T10:00:00Z") end
    )

    it("is silent until the planned end", function() assert.is_nil(notice "2026-02-11T13:00:00Z") end)
  end)

  it("declares a tenant's id public, and nothing else", function()
    local of_std = stdlib.new({}).require "platform"
    assert.is_true(of_std.is_public "TIDLT-100008")
    for _, text in ipairs { "TIDLT-10000", "xTIDLT-100008", "TIDLT-100008x", "newclient", "" } do
      assert.is_false(of_std.is_public(text))
    end
  end)
end)
