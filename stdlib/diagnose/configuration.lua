--- The causes of "Service Won't Start" that are not seen in the cluster's own state (guide: Troubleshooting 1):
--- database, environment, secrets, the services' Vault token, and who the tenant is.

local catalogue = require "stdlib.catalogue"
local files = require "o2x.files"
local findings = require "stdlib.diagnose.findings"
local k8s = require "o2x.k8s"
local naming = require "stdlib.naming"
local pg = require "o2x.pg"
local secret = require "o2x.secret"
local text = require "o2x.text"
local vault = require "o2x.vault"
local yaml = require "o2x.yaml"

local M = {}

local DAY = 86400
local CONNECTIONS = 0.90 -- share of the database's connection limit

-- ---- environment ----

-- What every service needs of the guide's "Environment Variables Reference"; true: any value that is not empty.
local function needed(tenant)
  return {
    TENANT_ID = tenant.id,
    LOGS_DIR = true,
    REDIS_HOST = true,
    REDIS_PORT = true,
    VAULT_API = true,
    SPRING_DATASOURCE_URL = true,
  }
end

-- What the service's own values file gives it besides.
local function said_by_file(tenant, service)
  local file = naming.values_file(tenant.name, service)
  local ok, values = pcall(yaml.decode, files.exists(file) and files.read(file) or "{}")
  local said = {}
  for _, entry in ipairs(ok and type(values) == "table" and values.app and values.app.envMap or {}) do
    if type(entry) == "table" and entry.name then
      said[entry.name] = entry.value ~= nil and tostring(entry.value) or ""
    end
  end
  return said
end

local function environment_of(deployment)
  local env = {}
  for _, container in ipairs(deployment.spec.template.spec.containers) do
    for _, entry in ipairs(container.env or {}) do
      env[entry.name] = entry.value or (entry.valueFrom and "(from elsewhere)") or ""
    end
    if container.envFrom then env["*"] = true end -- what is in there is not known here
  end
  return env
end

local function database_of(url) return url:match "^jdbc:postgresql://[^/]+/([^?]+)" end

-- -> names that are not there, and what is otherwise than it should be
local function compare(tenant, service, env)
  local missing, wrong, said = {}, {}, said_by_file(tenant, service)
  for name, value in pairs(needed(tenant)) do
    if (env[name] or "") == "" then
      missing[#missing + 1] = name
    elseif value ~= true and env[name] ~= value then
      wrong[#wrong + 1] = ("%s is %s, should be %s"):format(name, env[name], value)
    end
    said[name] = nil
  end
  for name, value in pairs(said) do
    if env[name] == nil and value ~= "" then
      missing[#missing + 1] = name
    elseif env[name] and env[name] ~= value then
      wrong[#wrong + 1] = ("%s is %s, the values file says %s"):format(name, env[name], value)
    end
  end
  local name = database_of(env.SPRING_DATASOURCE_URL or "")
  if name and name ~= tenant.database then
    wrong[#wrong + 1] = ("SPRING_DATASOURCE_URL leads to %s, should lead to %s"):format(name, tenant.database)
  end
  return missing, wrong
end

local function environment(found, tenant, service, deployment)
  local env = environment_of(deployment)
  if env["*"] then return end -- from a ConfigMap or a Secret: what is in there is not known here
  local missing, wrong = compare(tenant, service, env)
  local mend = (
    "changed by hand: kubectl rollout undo deployment/%s; else correct %s and: o2x run deploy %s services=%s "
    .. "--confirm=%s"
  ):format(deployment.metadata.name, naming.values_file(tenant.name, service), tenant.name, service, tenant.name)
  if #missing > 0 then
    findings.add(
      found,
      "critical",
      service,
      "environment lacks " .. table.concat(missing, ", "),
      "deployment " .. deployment.metadata.name,
      mend
    )
  end
  for _, problem in ipairs(wrong) do
    findings.add(
      found,
      "critical",
      service,
      "environment is wrong: " .. problem,
      "deployment " .. deployment.metadata.name,
      mend
    )
  end
end

local function environments(found, tenant, world)
  for _, service in ipairs(catalogue.names()) do
    local deployment = world.deployments[naming.resource(tenant, service)]
    if deployment then environment(found, tenant, service, deployment) end
  end
end

-- ---- the shared secrets ----

local function values_of(found, tenant, name, keys)
  local object = k8s.get("Secret", name, tenant.namespace)
  local values = {}
  for _, key in ipairs(keys) do
    local coded = object and object.data[key]
    values[key] = coded and coded:unbase64()
    if not values[key] or values[key]:length() == 0 then
      findings.add(
        found,
        "critical",
        "secret " .. name,
        object and "has no " .. key or "is not there",
        "namespace " .. tenant.namespace,
        ("kubectl get secret %s -n %s -o yaml; onboarding makes it from the secrets file, shared.%s"):format(
          name,
          tenant.namespace,
          name
        )
      )
      return nil
    end
  end
  return values
end

-- The token that all services of the namespace log in to Vault with.
local function vault_token(found, tenant)
  local name = tenant.platform.kubernetes.vault_secret
  local values = values_of(found, tenant, name, { "token" })
  if not values then return end
  local mend = (
    "vault token create -policy=… -field=token > t; kubectl create secret generic %s --from-file=token=t "
    .. "--dry-run=client -o yaml | kubectl apply -f -; restart the services"
  ):format(name)
  local seen = vault.try_token(values.token, "info")
  if not seen.valid then
    findings.add(
      found,
      "critical",
      "secret " .. name,
      "its Vault token is not valid",
      "Vault does not know it: expired or revoked",
      mend
    )
  elseif not seen.readable then
    findings.add(
      found,
      "critical",
      "secret " .. name,
      "its Vault token may not read the tenant's secrets",
      "secret/tenant/" .. tenant.name .. "/info is refused",
      mend
    )
  elseif seen.ttl and seen.ttl > 0 and seen.ttl < 7 * DAY then
    findings.add(
      found,
      "warning",
      "secret " .. name,
      ("its Vault token ends in %s"):format(text.duration(seen.ttl)),
      "ttl " .. seen.ttl,
      "vault token renew, with that token"
    )
  end
end

local function vault_secrets(found, tenant, world)
  for _, path in ipairs { "info", "license/onboarding" } do
    if not vault.read(path) then
      findings.add(
        found,
        "critical",
        "Vault",
        ("secret/tenant/%s/%s is not there"):format(tenant.name, path),
        "no such secret",
        "o2x run onboard " .. tenant.name
      )
    end
  end
  world.vault = true
end

-- ---- the database ----

local function exists(tenant)
  return pg.admin:one(
    "select datconnlimit as most, datallowconn as open from pg_database where datname = $1",
    tenant.database
  )
end

local function login(found, tenant)
  local name = tenant.platform.kubernetes.postgres_secret
  local values = values_of(found, tenant, name, { "username", "password" })
  if not values then return end
  local user = tenant.platform.database.user
  local ok, why = false, "its user name is not " .. user
  if secret.equal(values.username, user) then
    ok, why = pg.tenant:try_login(user, values.password)
  end
  if ok then return end
  findings.add(
    found,
    "critical",
    "secret " .. name,
    "the services cannot log in to " .. tenant.database,
    why,
    ("correct secret %s (all tenants use it), or the role's password or CONNECT right in PostgreSQL"):format(name)
  )
end

local function connections(found, tenant, limit)
  if limit < 1 then return end
  local now = pg.admin:one("select count(*) as n from pg_stat_activity where datname = $1", tenant.database).n
  if now / limit > CONNECTIONS then
    findings.add(
      found,
      "critical",
      tenant.database,
      ("%d of %d connections are in use"):format(now, limit),
      "pg_stat_activity",
      (
        'psql -c "select pid, usename, state, query_start, left(query, 60) from pg_stat_activity '
        .. "where datname = '%s' order by query_start\""
      ):format(tenant.database)
    )
  end
end

local function tenant_row(found, tenant)
  local row = pg.tenant:one("select status from core_config.tenant where id = $1", tenant.id)
  if row and row.status == "ACTIVE" then return end
  findings.add(
    found,
    "critical",
    "core_config.tenant",
    row and "the tenant is " .. row.status or "the tenant's row is not there",
    ("%s in %s"):format(tenant.id, tenant.database),
    "o2x run onboard " .. tenant.name
  )
end

local function migrations(found, tenant)
  for _, row in ipairs(pg.tenant:rows "select version, description from flyway_schema_history where not success") do
    findings.add(
      found,
      "critical",
      tenant.database,
      "migration " .. tostring(row.version) .. " has failed",
      row.description,
      "o2x run onboard " .. tenant.name
    )
  end
end

-- Is the tenant's database there at all? The other chapters ask it.
local function database(found, tenant, world)
  local row = exists(tenant)
  if not row or not row.open then
    return findings.add(
      found,
      "critical",
      tenant.database,
      row and "the database takes no connections" or "the database is not there",
      "pg_database",
      ("o2x run restore %s snapshot=… --confirm=%s; a new tenant's is made by onboarding"):format(
        tenant.name,
        tenant.name
      )
    )
  end
  connections(found, tenant, row.most)
  if not world.blind then login(found, tenant) end
  tenant_row(found, tenant)
  world.database = true
  migrations(found, tenant)
end

--- Looks at all of it.
---@param found table
---@param tenant table
---@param world table deployments; database and vault are set when they can be asked
function M.look(found, tenant, world)
  local kubernetes = tenant.platform.kubernetes
  if world.blind then -- the database and Vault can be asked nevertheless
    findings.look(found, tenant.database, "psql -l", database, found, tenant, world)
    return findings.look(found, "Vault", "vault status", vault_secrets, found, tenant, world)
  end
  findings.look(
    found,
    "environment",
    "kubectl get deployments -l tenant=" .. tenant.name,
    environments,
    found,
    tenant,
    world
  )
  findings.look(
    found,
    tenant.database,
    "psql -l; are PGHOST and the security group right?",
    database,
    found,
    tenant,
    world
  )
  findings.look(found, "Vault", "vault status", vault_secrets, found, tenant, world)
  if not world.vault then return end
  findings.look(found, kubernetes.vault_secret, "vault status", vault_token, found, tenant)
end

return M
