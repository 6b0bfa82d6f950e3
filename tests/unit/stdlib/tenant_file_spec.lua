local fs = require "o2x.base.fs"
local stdlib = require "tests.support.stdlib"
local yaml = require "o2x.base.yaml"

local EXAMPLE <const> = "examples/platform/tenants/newclient.yaml"

local NO_TEXT <const> = { "7", "true", "null", "[a]", "{a: b}", "''" }
local NO_MAP <const> = { "7", "true", "null", "text", "''", "[a]", "[null]", "[{a: b}]" }
local NO_MAP_OF_TEXTS <const> = { "7", "null", "text", "[a]", "{a: 7}", "{a: null}", "{a: [b]}", "{a: {b: c}}" }
local NO_MAP_OF_VALUES <const> = { "7", "null", "text", "[a]" }

-- field, YAML of values that it cannot have, what the message says after the field
local WRONG <const> = {
  { "company", NO_TEXT },
  { "environment", NO_TEXT },
  { "region", NO_TEXT },
  { "domain", NO_TEXT },
  { "image", NO_TEXT },
  { "id", NO_TEXT },
  { "contacts", NO_MAP, " must be a map" },
  { "admin", NO_MAP, " must be a map" },
  { "profile", NO_MAP, " must be a map" },
  { "features", NO_MAP, " must be a map" },
  { "invoice_template", NO_MAP, " must be a map" },
  { "branding", NO_MAP, " must be a map" },
  { "overrides", NO_MAP, " must be a map" },
  { "overrides", { "{database: [a]}", "{database: 7}", "{database: null}", "{other: a}" } },
  { "properties", NO_MAP_OF_TEXTS },
  { "pins", NO_MAP_OF_TEXTS },
  { "contacts.primary", NO_TEXT },
  { "admin.email", NO_TEXT },
  { "profile.country", NO_TEXT },
  { "branding.logo_url", NO_TEXT },
  { "features", { "{a: true}", "{a: null}", "{a: []}", "{a: {enabled: 1}}", "{a: {enabled: null}}" } },
  { "integrations", { "7", "null", "text", "{a: b}", "{name: STRIPE}", "true" }, " must be a list" },
  { "integrations.1", { "7", "null", "text", "[a]", "[]" } },
  { "integrations.1.name", NO_TEXT },
  { "integrations.1.index", { "'0'", "0.5", "null", "[0]", "{}" } },
  { "integrations.1.baseurl", NO_TEXT },
  { "integrations.1.oauth2", NO_MAP_OF_VALUES, " must be a map" },
  { "integrations.1.oauth2", { "{realmid: [1]}", "{realmid: null}", "{realmid: {a: b}}" } },
  { "integrations.1.attributes", NO_MAP_OF_VALUES, " must be a map" },
  { "integrations.1.attributes", { "{subsidiary: [1]}", "{subsidiary: null}", "{subsidiary: {a: b}}" } },
  { "integrations.1.custom_mappings", { "7", "null", "text" }, " must be a map or a list" },
  { "integrations.1.custom_config", { "7", "null", "text" }, " must be a map or a list" },
}

describe("stdlib.tenant_file", function()
  local tenant_file = stdlib.new().require "tenant_file"

  local function integration(changes)
    local item = {
      name = "STRIPE",
      index = 0,
      type = "PAYMENT_GATEWAY",
      authtype = "API_KEY",
      apitype = "REST",
      baseurl = "https://api.stripe.com",
    }
    for key, value in pairs(changes or {}) do
      item[key] = value
    end
    return item
  end

  local function file(changes)
    local content = {
      name = "newclient",
      company = "New Client Inc.",
      environment = "production",
      contacts = { primary = "contact@newclient.com" },
      admin = { email = "admin@newclient.com", firstname = "Admin", lastname = "User" },
      profile = { country = "USA", timezone = "America/New_York", currency = "USD" },
      integrations = { integration() },
    }
    for key, value in pairs(changes or {}) do
      content[key] = value
    end
    return content
  end

  -- The message for a file with these changes.
  local function message(changes, others)
    local problem = tenant_file.problem("newclient", file(changes), others)
    return problem and problem.message
  end

  local function integration_message(changes) return message { integrations = { integration(changes) } } end

  it("accepts a correct file", function() assert.is_nil(message {}) end)

  it(
    "rejects what is not a table",
    function() assert.matches("not a tenant file", tenant_file.problem("newclient", "text").message) end
  )

  it("rejects another tenant's name", function() assert.matches("name is 'other'", message { name = "other" }) end)

  it(
    "rejects a name that another file has",
    function()
      assert.matches("also in tenants/x.yaml", message({}, { { name = "newclient", where = "tenants/x.yaml" } }))
    end
  )

  it("rejects an id that another file has", function()
    local others = { { name = "urbanos", id = "TIDLT-100005", where = "tenants/urbanos.yaml" } }
    assert.matches("TIDLT%-100005 is also in", message({ id = "TIDLT-100005" }, others))
  end)

  it(
    "rejects an id of the wrong form",
    function() assert.matches("does not have the form TIDLT%-100008", message { id = "100005" }) end
  )

  it(
    "rejects an unknown field and suggests a known one",
    function() assert.matches("companyx is not a known field; did you mean company", message { companyx = "x" }) end
  )

  it("lists the known fields for an unknown one", function()
    local problem = tenant_file.problem("newclient", file { profile = { colour = "red" } })
    assert.matches("known: address, city", problem.hint)
  end)

  it(
    "rejects a number where a string belongs",
    function() assert.matches("company must be a string %(put it in quotes%)", message { company = 12 }) end
  )

  it(
    "rejects a missing field of a part",
    function()
      assert.matches("profile.timezone is missing", message { profile = { country = "USA", currency = "USD" } })
    end
  )

  it("takes the differences that adopt has found, each with its tag", function()
    assert.is_nil(message { kept = { { what = "dns.record api.newclient.embrix.com", tag = "missing" } } })
    assert.matches("kept%[1%].tag is missing", message { kept = { { what = "dns.record x" } } })
    assert.matches("kept%[1%] must be a map", message { kept = { "dns.record x" } })
  end)

  it(
    "rejects an unknown environment",
    function() assert.matches("environment 'prod' is not known", message { environment = "prod" }) end
  )

  it(
    "rejects an unknown provider",
    function() assert.matches("'PAYPAL' is not a provider", integration_message { name = "PAYPAL" }) end
  )

  it(
    "rejects a provider with another gateway's type",
    function()
      assert.matches("STRIPE is a PAYMENT_GATEWAY, not a TAX_GATEWAY", integration_message { type = "TAX_GATEWAY" })
    end
  )

  it(
    "rejects a provider that is used twice",
    function()
      assert.matches("STRIPE is used twice", message { integrations = { integration(), integration { index = 1 } } })
    end
  )

  it("rejects an index that is used twice", function()
    local other = integration { name = "AUTHORIZE_NET" }
    assert.matches("index: 0 is used twice", message { integrations = { integration(), other } })
  end)

  it("requires the attributes of the authentication type", function()
    assert.matches("oauth2 is missing", integration_message { authtype = "OAUTH2" })
    assert.matches("oauth1 is missing", integration_message { authtype = "OAUTH1" })
  end)

  it(
    "requires https",
    function() assert.matches("must begin with https://", integration_message { baseurl = "http://api.stripe.com" }) end
  )

  it(
    "rejects an attribute that the gateway's table does not have",
    function()
      assert.matches("attributes.colour is not a known field", integration_message { attributes = { colour = "red" } })
    end
  )

  it(
    "requires strings as properties",
    function() assert.matches("properties.a must be a string", message { properties = { a = 30 } }) end
  )

  it(
    "requires feature flags to be on or off",
    function()
      assert.matches("features.x.enabled must be true or false", message { features = { x = { enabled = "yes" } } })
    end
  )

  describe("is one line for a field of the wrong type:", function()
    local function with(field, value)
      local root = yaml.decode(fs.read(EXAMPLE), EXAMPLE)
      local section, last = root, nil
      for part in field:gmatch "[^.]+" do
        if last then section = section[last] end
        last = tonumber(part) or part
      end
      section[last] = yaml.decode(value, "value")
      return root
    end

    for _, case in ipairs(WRONG) do
      for _, value in ipairs(case[2]) do
        it(("%s: %s"):format(case[1], value), function()
          local problem = tenant_file.problem("newclient", with(case[1], value), {})
          local field = case[1]:gsub("integrations%.(%d)", "integrations[%1]")
          local said = problem and problem.message or "taken"
          assert.equal(field, said:sub(1, #field))
          assert.is_nil(said:find "\n")
          if case[3] then assert.equal(field .. case[3], said) end
        end)
      end
    end
  end)
end)
