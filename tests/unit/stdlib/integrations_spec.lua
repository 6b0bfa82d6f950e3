local secret = require "o2x.base.secret"
local stdlib = require "tests.support.stdlib"

describe("stdlib.integrations", function()
  -- newclient has QUICKBOOKS (0), STRIPE and AVALARA.
  local function configure()
    local std = stdlib.new()
    std.require("integrations").configure(stdlib.tenant "newclient")
    return std.rows "tenant"
  end

  -- The key and the values of the first row for a table.
  local function row(name)
    for _, call in ipairs(configure()) do
      if call[1] == "core_config." .. name then return call[2], call[3] end
    end
  end

  it("ensures a merchant per integration", function()
    local key, values = row "tenant_merchants"
    assert.same({ id = "TIDLT-100008", index = 0 }, key)
    assert.equal("QUICKBOOKS", values.name)
    assert.equal("ACTIVE", values.status)
  end)

  it("ensures the attributes of the authentication", function()
    local key = row "oauth2_attributes"
    assert.equal(0, key.index)
  end)

  it("ensures the attributes of OAuth 1", function()
    local std = stdlib.new()
    local item = { name = "NETSUITE", index = 3, type = "FINANCE_GATEWAY", oauth1 = { realm = "r" } }
    std.require("integrations").configure(stdlib.tenant("newclient", { integrations = { item } }))
    local call = std.rows("tenant")[2]
    assert.same({ "core_config.oauth1_attributes", { id = "TIDLT-100008", index = 3 }, { realm = "r" } }, call)
  end)

  it("ensures the attributes of each gateway type", function()
    assert.truthy(row "finance_gateway_attributes")
    assert.truthy(row "payment_gateway_attributes")
    assert.truthy(row "tax_gateway_attributes")
  end)

  -- path → what vault.ensure is called with after it
  local function stored(secrets)
    local std = stdlib.new()
    std.require("integrations").store_credentials(stdlib.tenant("newclient", { secrets = secrets }))
    local paths = {}
    for _, call in ipairs(std.called "vault.ensure") do
      paths[call[1]] = { call[2], call[3] }
    end
    return paths
  end

  it("stores the tenant's identity", function() assert.equal("TIDLT-100008", stored().info[1].tenant_id) end)

  it("stores the given credentials with their public fields", function()
    local token = secret.new "t"
    local fields = stored({ quickbooks = { access_token = token } }).quickbooks[1]
    assert.equal(token, fields.access_token)
    assert.is_string(fields.realm_id)
  end)

  it("generates the licence's decrypt key", function()
    local license = stored { license = { license_key = secret.new "l" } }
    assert.same({ generate = { decrypt_key = 43 } }, license["license/onboarding"][2])
  end)

  it("leaves Vault's secrets alone without a secrets source", function()
    local paths = stored()
    paths.info = nil
    assert.same({}, paths)
  end)
end)
