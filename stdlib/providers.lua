--- The providers that a tenant can integrate: their gateway, where their credentials are in Vault, and the fields of
--- these (guide: step 3, "Secret Format Examples").

local M = {}

local PROVIDERS = {
  QUICKBOOKS = {
    title = "QuickBooks",
    gateway = "finance-gateway",
    type = "FINANCE_GATEWAY",
    vault = "quickbooks",
    fields = { "client_id", "client_secret", "access_token", "refresh_token", "token_expiry" },
    -- public, from the tenant file, but the gateway reads it with the credentials
    public = function(integration) return { realm_id = (integration.oauth2 or {}).realmid } end,
    test = "/api/quickbooks/test-connection",
  },
  NETSUITE = {
    title = "NetSuite",
    gateway = "finance-gateway",
    type = "FINANCE_GATEWAY",
    vault = "netsuite",
    fields = { "account", "consumer_key", "consumer_secret", "token_id", "token_secret" },
    -- Vault has it with the credentials, and every URL of the account shows it
    known = function(integration) return { account = (integration.oauth1 or {}).realm } end,
    test = "/api/netsuite/test-connection",
  },
  STRIPE = {
    title = "Stripe",
    gateway = "payment-gateway",
    type = "PAYMENT_GATEWAY",
    vault = "stripe",
    fields = { "api_key", "publishable_key", "webhook_secret" },
    test = "/api/stripe/validate",
  },
  AUTHORIZE_NET = {
    title = "Authorize.Net",
    gateway = "payment-gateway",
    type = "PAYMENT_GATEWAY",
    vault = "authorize-net",
    fields = { "api_login_id", "transaction_key", "signature_key" },
    test = "/api/authorize-net/validate",
  },
  AVALARA = {
    title = "Avalara",
    gateway = "tax-gateway",
    type = "TAX_GATEWAY",
    vault = "avalara",
    fields = { "account_id", "license_key" },
    public = function(integration) return { company_code = (integration.attributes or {}).companycode } end,
    test = "/api/avalara/ping",
  },
  TAXJAR = {
    title = "TaxJar",
    gateway = "tax-gateway",
    type = "TAX_GATEWAY",
    vault = "taxjar",
    fields = { "api_token" },
    test = "/api/taxjar/ping",
  },
  BROADSOFT = {
    title = "Broadsoft",
    gateway = "provision-gateway",
    type = "PROVISION_GATEWAY",
    vault = "broadsoft",
    fields = { "username", "password" },
    test = "/api/provision/ping",
  },
  SALESFORCE = {
    title = "Salesforce",
    gateway = "crm-gateway",
    type = "CRM_GATEWAY",
    vault = "salesforce",
    fields = { "client_id", "client_secret", "refresh_token" },
    test = "/api/crm/ping",
  },
}

-- The table of each gateway's attributes, and the columns that a tenant file may set.
local ATTRIBUTES = {
  FINANCE_GATEWAY = {
    table = "finance_gateway_attributes",
    columns = { "subsidiary", "accountingmethod", "fiscalyearstart" },
  },
  PAYMENT_GATEWAY = {
    table = "payment_gateway_attributes",
    columns = { "capturemethod", "paymentmethods", "webhookurl" },
  },
  TAX_GATEWAY = {
    table = "tax_gateway_attributes",
    columns = { "companycode", "commitdocuments", "addressvalidation" },
  },
  PROVISION_GATEWAY = { table = "provision_gateway_attributes", columns = { "serviceproviderid", "callbackurl" } },
  CRM_GATEWAY = { table = "crm_gateway_attributes", columns = { "instanceurl", "apiversion", "syncdirection" } },
}

--- One provider by name.
---@param name string as in tenant_merchants: "QUICKBOOKS"
---@return table|nil provider title, gateway, type, vault (path), fields (list), test (path) and
--- public (a function of an integration, or nil: what o2x stores beside the credentials), known (likewise: what a
--- tenant's file may have all the same)
function M.find(name) return PROVIDERS[name] end

--- The names of all providers, sorted.
---@return string[]
function M.names()
  local names = {}
  for name in pairs(PROVIDERS) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- The tables that hold integrations, those that refer to others first.
---@return string[]
function M.tables()
  local tables = { "oauth1_attributes", "oauth2_attributes" }
  for _, attributes in pairs(ATTRIBUTES) do
    tables[#tables + 1] = attributes.table
  end
  table.sort(tables)
  tables[#tables + 1] = "tenant_merchants"
  return tables
end

--- The attributes of a gateway type.
---@param type string "FINANCE_GATEWAY"
---@return {table: string, columns: string[]}|nil
function M.attributes(type) return ATTRIBUTES[type] end

return M
