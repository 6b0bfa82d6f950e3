--- What a tenant file changes from the standard: rows, never code (guide: "Feature Customization", levels 1 to 3).

local pg = require "o2x.pg"

local M = {}

local function features(tenant, add)
  for key, flag in pairs(tenant.features) do
    add("feature_flags", { tenant_id = tenant.id, feature_key = key }, { enabled = flag.enabled, config = flag.config })
  end
end

local function properties(tenant, add)
  for key, value in pairs(tenant.properties) do
    local row = { tenant_id = tenant.id, property_key = key }
    add("tenant_property_defaults", row, { property_value = value })
  end
end

local function invoice_template(tenant, add)
  local template = tenant.invoice_template
  if not template then return end
  local row = { tenant_id = tenant.id, template_name = template.name }
  add("invoice_template", row, { template_html = template.html, template_css = template.css })
end

local function branding(tenant, add)
  if tenant.branding then add("selfcare_config", { tenantid = tenant.id }, tenant.branding) end
end

--- Ensures the rows of feature flags, property defaults, invoice template and branding. Custom mappings are written
--- with the integrations.
---@param tenant table
function M.apply(tenant)
  local rows = {}
  local function add(name, key, values)
    local full = "core_config." .. name
    rows[#rows + 1] = { table = full, key = key, values = values }
  end
  features(tenant, add)
  properties(tenant, add)
  invoice_template(tenant, add)
  branding(tenant, add)
  pg.tenant:ensure_rows(rows)
end

return M
