local stdlib = require "tests.support.stdlib"

describe("stdlib.naming", function()
  local naming = stdlib.new().require "naming"

  it(
    "builds the name of a service",
    function() assert.equal("newclient-service-sso", naming.resource({ name = "newclient" }, "service-sso")) end
  )

  it("puts core services below core/", function()
    assert.equal("core/charts/service-sso", naming.chart "service-sso")
    assert.equal("core/helm_values/newclient/service-sso.yaml", naming.values_file("newclient", "service-sso"))
  end)

  it(
    "puts a gateway below its own folder",
    function() assert.equal("tax-gateway/charts/tax-gateway", naming.chart "tax-gateway") end
  )

  it("keeps the guide's two folders with an underscore", function()
    assert.equal("provision_gateway/charts/provision-gateway", naming.chart "provision-gateway")
    assert.equal("crm_gateway/helm_values/newclient/crm-gateway.yaml", naming.values_file("newclient", "crm-gateway"))
  end)

  it("recognises tenant ids", function()
    assert.is_true(naming.is_tenant_id "TIDLT-100008")
    for _, id in ipairs { "TIDLT-10008", "TIDLT-1000081", "tidlt-100008", "", 100008 } do
      assert.is_false(naming.is_tenant_id(id), tostring(id))
    end
  end)

  it("prefixes alerts with the company without its legal form", function()
    assert.equal("NewClient", naming.camel { name = "newclient", company = "New Client Inc." })
    assert.equal("AcmeWorks", naming.camel { name = "acme", company = "Acme Works, GmbH" })
  end)

  it(
    "prefixes alerts with the tenant's name if the company is only a legal form",
    function() assert.equal("AcmeSbx", naming.camel { name = "acme-sbx", company = "Inc." }) end
  )

  it("fills in patterns and leaves unknown names", function()
    assert.equal("coredb-newclient", naming.fill("coredb-{tenant}", { tenant = "newclient" }))
    assert.equal("{other}", naming.fill("{other}", { tenant = "newclient" }))
  end)
end)
