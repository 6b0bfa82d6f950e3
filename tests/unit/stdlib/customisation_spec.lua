local stdlib = require "tests.support.stdlib"

describe("stdlib.customisation", function()
  -- The row that apply ensures in a table, for a tenant with these fields only.
  local function row(name, fields)
    local std = stdlib.new()
    local tenant = stdlib.tenant("newclient", { features = {}, properties = {} })
    tenant.invoice_template, tenant.branding = nil, nil
    for field, value in pairs(fields) do
      tenant[field] = value
    end
    std.require("customisation").apply(tenant)
    local calls = std.rows "tenant"
    assert.is_true(#calls <= 1)
    if not calls[1] then return nil end
    assert.equal("core_config." .. name, calls[1][1])
    return calls[1][2], calls[1][3]
  end

  it("ensures nothing for a standard tenant", function() assert.is_nil(row("", {})) end)

  it("ensures a row per feature flag", function()
    local key, values = row("feature_flags", { features = { beta = { enabled = true, config = { a = 1 } } } })
    assert.same({ tenant_id = "TIDLT-100008", feature_key = "beta" }, key)
    assert.same({ enabled = true, config = { a = 1 } }, values)
  end)

  it("ensures a row per property", function()
    local key, values = row("tenant_property_defaults", { properties = { ["invoice.prefix"] = "NC" } })
    assert.equal("invoice.prefix", key.property_key)
    assert.same({ property_value = "NC" }, values)
  end)

  it("ensures the invoice template", function()
    local key, values = row("invoice_template", { invoice_template = { name = "default", html = "<p>", css = "p {}" } })
    assert.equal("default", key.template_name)
    assert.same({ template_html = "<p>", template_css = "p {}" }, values)
  end)

  it("ensures the branding", function()
    local key, values = row("selfcare_config", { branding = { primary_color = "#fff" } })
    assert.same({ tenantid = "TIDLT-100008" }, key)
    assert.same({ primary_color = "#fff" }, values)
  end)
end)
