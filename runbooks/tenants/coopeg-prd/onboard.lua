--- Coopeg's production is onboarded as everybody is, but its bank wants the company's papers in order first, its monitoring
--- before its services, and one property more.

local files = require "o2x.files"
local monitoring = require "stdlib.monitoring"
local pg = require "o2x.pg"
local runbook = require "o2x.runbook"

local WATCH, CURRENCY = "Set up monitoring and alerts", "coopeg.settlement_currency"

return runbook.override(require "runbooks.onboard", {
  version = "1.0.0",
  summary = "Bring Coopeg's production to serving traffic: the bank's way",
  params = { wait = { default = "20m" } },

  before = {
    ["Check what onboarding needs"] = function(tenant)
      check("the sandbox was there first", function() return files.exists("tenants/coopeg-sbx.yaml") end)
      check("the currency is that of the contract", function() return tenant.profile.currency == "CRC" end)
    end,
    -- Another order: whoever watches sees the services come up.
    ["Deploy"] = function(tenant) step(WATCH, monitoring.create, tenant) end,
  },
  without = { WATCH },

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
