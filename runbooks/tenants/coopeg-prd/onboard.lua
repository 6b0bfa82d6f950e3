--- Coopeg's production is onboarded like any tenant, with three differences: its contract is checked first, monitoring
--- comes before the services, and there is one more property.

local files = require "o2x.files"
local monitoring = require "stdlib.monitoring"
local pg = require "o2x.pg"
local runbook = require "o2x.runbook"

local MONITORING, CURRENCY = "Set up monitoring and alerts", "coopeg.settlement_currency"

return runbook.override(require "runbooks.onboard", {
  version = "1.0.0",
  summary = "Bring Coopeg's production from a signed contract to serving traffic",
  params = { timeout = { default = "20m" } },

  before = {
    ["Check the prerequisites"] = function(tenant)
      check("the sandbox tenant exists", function() return files.exists("tenants/coopeg-sbx.yaml") end)
      check("the currency matches the contract", function() return tenant.profile.currency == "CRC" end)
    end,
    -- Monitoring first, so that it shows the services starting.
    ["Deploy"] = function(tenant) step(MONITORING, monitoring.create, tenant) end,
  },
  without = { MONITORING },

  after = {
    ["Apply the tenant's customisation"] = function(tenant)
      step(
        "Set the settlement currency",
        function()
          pg.tenant:ensure_row(
            "core_config.tenant_property_defaults",
            { tenant_id = tenant.id, property_key = CURRENCY },
            { property_value = tenant.profile.currency }
          )
        end
      )
    end,
  },
})
