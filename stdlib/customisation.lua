--- What a tenant file changes from the standard: rows, never code (guide: "Feature Customization", levels 1 to 3).

local pg = require "o2x.pg"

local M = {}

local function features(tenant)
  for key, flag in pairs(tenant.features) do
    pg.tenant:ensure_row(
      "core_config.feature_flags",
      { tenant_id = tenant.id, feature_key = key },
      { enabled = flag.enabled, config = flag.config }
    )
  end
end

local function properties(tenant)
  for key, value in pairs(tenant.properties) do
    pg.tenant:ensure_row(
      "core_config.tenant_property_defaults",
      { tenant_id = tenant.id, property_key = key },
      { property_value = value }
    )
  end
end

local function invoice_template(tenant)
  local template = tenant.invoice_template
  if not template then return end
  pg.tenant:ensure_row(
    "core_config.invoice_template",
    { tenant_id = tenant.id, template_name = template.name },
    { template_html = template.html, template_css = template.css }
  )
end

local function branding(tenant)
  if tenant.branding then
    pg.tenant:ensure_row("core_config.selfcare_config", { tenantid = tenant.id }, tenant.branding)
  end
end

--- Ensures the rows of feature flags, property defaults, invoice template and branding. Custom mappings are written
--- with the integrations.
---@param tenant table
function M.apply(tenant)
  features(tenant)
  properties(tenant)
  invoice_template(tenant)
  branding(tenant)
end

return M
