local stdlib = require "tests.support.stdlib"

describe("stdlib.providers", function()
  local std = stdlib.new()
  local providers, catalogue = std.require "providers", std.require "catalogue"

  it("finds a provider by name", function()
    assert.equal("Stripe", providers.find("STRIPE").title)
    assert.is_nil(providers.find "PAYPAL")
  end)

  it("lists the names in order", function()
    local names = providers.names()
    assert.equal("AUTHORIZE_NET", names[1])
    assert.equal("TAXJAR", names[#names])
  end)

  it("assigns each provider to a gateway of the catalogue", function()
    for _, name in ipairs(providers.names()) do
      assert.is_true(catalogue.find(providers.find(name).gateway).gateway, name)
    end
  end)

  it("has the attributes of each provider's gateway type", function()
    for _, name in ipairs(providers.names()) do
      assert.is_string(providers.attributes(providers.find(name).type).table, name)
    end
  end)

  it("gives each provider its own secret", function()
    local seen = {}
    for _, name in ipairs(providers.names()) do
      local path = providers.find(name).vault
      assert.is_nil(seen[path], path)
      seen[path] = name
    end
  end)

  it("takes public fields from the tenant file", function()
    assert.same({ realm_id = "42" }, providers.find("QUICKBOOKS").public { oauth2 = { realmid = "42" } })
    assert.same({ company_code = "NC" }, providers.find("AVALARA").public { attributes = { companycode = "NC" } })
  end)
end)
