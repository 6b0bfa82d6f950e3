--- The handoff documents, generated from the tenant file and the deployed releases (guide: step 9).

local catalogue = require "stdlib.catalogue"
local clock = require "o2x.clock"
local files = require "o2x.files"
local helm = require "o2x.helm"
local naming = require "stdlib.naming"
local providers = require "stdlib.providers"

local M = {}

local INVENTORY = "docs/TENANT_INVENTORY.md"

local function title_case(word) return word:sub(1, 1):upper() .. word:sub(2) end

local function integration_titles(tenant)
  local titles = {}
  for _, item in ipairs(tenant.integrations) do
    titles[#titles + 1] = providers.find(item.name).title
  end
  return #titles > 0 and table.concat(titles, ", ") or "None"
end

-- Later runs keep the date of the first one.
local function onboarded(text, label)
  return text and text:match(label .. ":%*%* (%d%d%d%d%-%d%d%-%d%d)") or clock.today()
end

local function integrations_by_gateway(tenant)
  local lines = {}
  for _, gateway in ipairs { "Finance", "Payment", "Tax", "Provision", "CRM" } do
    local titles = {}
    for _, item in ipairs(tenant.integrations) do
      if item.type == gateway:upper() .. "_GATEWAY" then
        local auth = item.oauth2 or item.oauth1
        local environment = auth and auth.environment
        local where = environment and (" (%s)"):format(title_case(tostring(environment):lower())) or ""
        titles[#titles + 1] = providers.find(item.name).title .. where
      end
    end
    lines[#lines + 1] = ("- **%s:** %s"):format(gateway, #titles > 0 and table.concat(titles, ", ") or "None")
  end
  return lines
end

local function releases(tenant)
  local lines = { "| Release | Chart | Version |", "|---|---|---|" }
  local by_name = {}
  for _, release in ipairs(helm.list()) do
    by_name[release.name] = release
  end
  for _, service in ipairs(catalogue.names()) do
    local release = by_name[naming.resource(tenant, service)]
    if release then
      lines[#lines + 1] = ("| %s | %s | %s |"):format(release.name, release.chart, release.app_version or "")
    end
  end
  return lines
end

local function credentials(tenant)
  local platform = tenant.platform
  local lines = {
    ("- Database: AWS Secrets Manager - `%s`"):format(platform.database.password_in),
    ("- Vault Token: Kubernetes Secret - `%s`"):format(platform.kubernetes.vault_secret),
    ("- Admin user: Vault - `secret/tenant/%s/admin`"):format(tenant.name),
    ("- License: Vault - `secret/tenant/%s/license/onboarding`"):format(tenant.name),
  }
  for _, item in ipairs(tenant.integrations) do
    local provider = providers.find(item.name)
    lines[#lines + 1] = ("- %s: Vault - `secret/tenant/%s/%s`"):format(provider.title, tenant.name, provider.vault)
  end
  return lines
end

local function endpoints(tenant)
  local lines = {}
  for _, service in ipairs(catalogue.names()) do
    lines[#lines + 1] = ("- %s: http://%s:8080"):format(service, naming.resource(tenant, service))
  end
  return lines
end

local PROCEDURES = [[
## Operational Procedures

### Restart Services
```bash
kubectl rollout restart deployment {tenant}-service-transactional
```

### View Logs
```bash
kubectl logs -l tenant={tenant} -f --tail=100
```

### See What Would Change
```bash
o2x plan runbooks/onboard.lua {tenant}
```

### Database Backup
RDS automated backups: 7-day retention. By hand:
```bash
aws rds create-db-snapshot \
  --db-instance-identifier {instance} \
  --db-snapshot-identifier {tenant}-manual-$(date +%Y%m%d-%H%M%S)
```

## Troubleshooting

1. **Service won't start:** check database connectivity and the Vault secrets
2. **Gateway authentication fails:** check the OAuth tokens in Vault and their expiry
3. **High latency:** check the database connection pool and the Redis cache hit rate
]]

local function document(tenant, existing)
  local platform = tenant.platform
  local lines = {
    ("# Tenant: %s (%s)"):format(tenant.name, tenant.id),
    "",
    "## Overview",
    "- **Tenant Name:** " .. tenant.name,
    "- **Tenant ID:** " .. tenant.id,
    "- **Company:** " .. tenant.company,
    "- **Environment:** " .. title_case(tenant.environment),
    "- **Region:** " .. tenant.region,
    "- **Database:** " .. tenant.database,
    "- **Onboarding Date:** " .. onboarded(existing, "Onboarding Date"),
    "- **Primary Contact:** " .. tenant.contacts.primary,
    "",
    "## Access Information",
    ("- **GraphQL API:** https://api.%s/graphql"):format(tenant.domain),
    ("- **Admin Portal:** https://%s"):format(tenant.domain),
    ("- **Monitoring Dashboard:** %s/d/tenant-%s"):format(platform.monitoring.grafana, tenant.name),
    "",
    "## Service Endpoints",
  }
  local function add(list)
    for _, line in ipairs(list) do
      lines[#lines + 1] = line
    end
    lines[#lines + 1] = ""
  end
  add(endpoints(tenant))
  add { "## Releases", table.unpack(releases(tenant)) }
  add { "## Integrations", table.unpack(integrations_by_gateway(tenant)) }
  add { "## Credentials Locations", table.unpack(credentials(tenant)) }
  lines[#lines + 1] = naming.fill(PROCEDURES, { tenant = tenant.name, instance = platform.database.instance })
  add {
    "## Emergency Contacts",
    "- **DevOps On-Call:** " .. platform.contacts.oncall,
    "- **Tenant Account Manager:** " .. (tenant.contacts.account_manager or platform.contacts.account_manager),
    "- **Client Technical Contact:** " .. (tenant.contacts.technical or tenant.contacts.primary),
  }
  return table.concat(lines, "\n")
end

-- ---- the inventory: one section per tenant ----

local function heading(tenant) return ("## %s (%s)"):format(tenant.name, tenant.id) end

local function section(tenant, existing)
  return table.concat({
    heading(tenant),
    "- **Status:** Active",
    "- **Environment:** " .. title_case(tenant.environment),
    "- **Onboarded:** " .. onboarded(existing, "Onboarded"),
    "- **Version:** "
      .. (existing and existing:match("Version:%*%* (%S+)") or tenant.image or tenant.platform.image.tag),
    "- **Database:** " .. tenant.database,
    "- **Integrations:** " .. integration_titles(tenant),
    "- **Special Notes:** " .. (tenant.notes or "Standard configuration, no customizations"),
  }, "\n") .. "\n"
end

local function inventory(tenant, text)
  local start = text:find("\n" .. heading(tenant), 1, true)
  if not start then return text:gsub("\n*$", "\n\n") .. section(tenant) end
  local finish = text:find("\n## ", start + 1, true) or #text
  local old = text:sub(start + 1, finish)
  local gap = finish < #text and "\n" or ""
  return text:sub(1, start) .. section(tenant, old) .. gap .. text:sub(finish + 1)
end

--- Ensures the tenant's runbook page and its entry in the inventory.
---@param tenant table
function M.write(tenant)
  local path = ("docs/runbooks/TENANT_%s.md"):format(tenant.name)
  files.ensure(path, document(tenant, files.exists(path) and files.read(path) or nil))
  files.ensure(
    INVENTORY,
    inventory(tenant, files.exists(INVENTORY) and files.read(INVENTORY) or "# Tenant inventory\n")
  )
end

return M
