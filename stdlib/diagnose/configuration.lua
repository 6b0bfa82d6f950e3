--- The causes of "Service Won't Start" outside the cluster's state (guide: Troubleshooting 1): database, environment,
--- secrets, the services' Vault token, the tenant's row.

local catalogue = require "stdlib.catalogue"
local files = require "o2x.files"
local findings = require "stdlib.diagnose.findings"
local json = require "o2x.json"
local k8s = require "o2x.k8s"
local naming = require "stdlib.naming"
local pg = require "o2x.pg"
local remedy = require "stdlib.remedy"
local secret = require "o2x.secret"
local text = require "o2x.text"
local vault = require "o2x.vault"
local yaml = require "o2x.yaml"

local M = {}

local DAY = 86400
local CONNECTIONS <const> = 0.90 -- share of the database's connection limit

-- ---- environment ----

-- Variables of every service (guide: "Environment Variables Reference"); true: any value that is not empty.
local function required(tenant)
  return {
    TENANT_ID = tenant.id,
    LOGS_DIR = true,
    REDIS_HOST = true,
    REDIS_PORT = true,
    VAULT_API = true,
    SPRING_DATASOURCE_URL = true,
  }
end

-- Those that every service has in app.envMap of its values file; its chart makes the others.
local IN_FILE <const> = { "LOGS_DIR", "REDIS_HOST", "REDIS_PORT" }

-- The part of a values file that is read here.
local VALUES <const> = {
  app = {
    "?",
    tenantId = "scalar?",
    postgres = { "?", url = "scalar?" },
    envMap = { "each?", { name = "string?", value = "scalar?" } },
  },
}

local function read_values(file)
  local content = files.exists(file) and files.read(file) or "{}"
  return json.check(yaml.decode(content, file), VALUES, file)
end

-- -> the variables in the service's values file, the values of app
local function from_values_file(tenant, service)
  local ok, values = pcall(read_values, naming.values_file(tenant.name, service))
  local app = ok and values.app or {}
  local variables = {}
  for _, entry in ipairs(app.envMap or {}) do
    if entry.name then variables[entry.name] = entry.value ~= nil and tostring(entry.value) or "" end
  end
  return variables, app
end

local function environment_of(deployment)
  local env = {}
  for _, container in ipairs(deployment.spec.template.spec.containers) do
    for _, entry in ipairs(container.env or {}) do
      env[entry.name] = entry.value or (entry.valueFrom and "(valueFrom)") or ""
    end
    if container.envFrom then env["*"] = true end -- a ConfigMap or a Secret
  end
  return env
end

local function database_of(url) return url:match "^jdbc:postgresql://[^/]+/([^?]+)" end

-- -> names of missing variables, descriptions of wrong ones
local function compare(tenant, env, in_file)
  local missing, wrong = {}, {}
  local needed = required(tenant)
  for name, value in pairs(needed) do
    if (env[name] or "") == "" then
      missing[#missing + 1] = name
    elseif value ~= true and env[name] ~= value then
      wrong[#wrong + 1] = ("%s is %s, should be %s"):format(name, env[name], value)
    end
  end
  for name, value in pairs(in_file) do
    local seen = needed[name] -- above
    if not seen and env[name] == nil and value ~= "" then
      missing[#missing + 1] = name
    elseif not seen and env[name] and env[name] ~= value then
      wrong[#wrong + 1] = ("%s is %s, but %s in the values file"):format(name, env[name], value)
    end
  end
  local name = database_of(env.SPRING_DATASOURCE_URL or "")
  if name and name ~= tenant.database then
    wrong[#wrong + 1] = ("SPRING_DATASOURCE_URL points to %s, should point to %s"):format(name, tenant.database)
  end
  table.sort(missing)
  return missing, wrong
end

-- The deployment is as its values file says, unless somebody changed one of them.
local function environment_remedy(tenant, service, in_file, app)
  local url = app.postgres and app.postgres.url
  if app.tenantId ~= tenant.id or type(url) ~= "string" or database_of(url) ~= tenant.database then
    -- It writes the tenant's id and database into the file.
    local file, release = naming.values_file(tenant.name, service), naming.resource(tenant, service)
    return { mend = remedy.onboard(tenant, "file.text " .. file, "helm.release " .. release) }
  end
  local absent = {}
  for _, name in ipairs(IN_FILE) do
    if (in_file[name] or "") == "" then absent[#absent + 1] = name end
  end
  local file = naming.values_file(tenant.name, service)
  return {
    say = #absent > 0 and ("add %s to app.envMap in %s"):format(table.concat(absent, ", "), file) or nil,
    mend = remedy.deploy(tenant, service),
  }
end

local function environment(found, tenant, service, deployment)
  local env = environment_of(deployment)
  if env["*"] then return end -- comes from a ConfigMap or a Secret, which is not checked here
  local in_file, app = from_values_file(tenant, service)
  local missing, wrong = compare(tenant, env, in_file)
  local fix = environment_remedy(tenant, service, in_file, app)
  if #missing > 0 then
    findings.add(
      found,
      "critical",
      service,
      "environment lacks " .. table.concat(missing, ", "),
      "deployment " .. deployment.metadata.name,
      fix
    )
  end
  for _, problem in ipairs(wrong) do
    findings.add(
      found,
      "critical",
      service,
      "environment is wrong: " .. problem,
      "deployment " .. deployment.metadata.name,
      fix
    )
  end
end

local function environments(found, tenant, facts)
  for _, service in ipairs(catalogue.names()) do
    local deployment = facts.deployments[naming.resource(tenant, service)]
    if deployment then environment(found, tenant, service, deployment) end
  end
end

-- ---- the shared secrets ----

-- A shared secret that is there is only overwritten by the tenant that platform.yaml names.
local function rotated(tenant, name, what)
  return {
    say = (
      "put %s into the tenant's secrets file, under shared.%s, "
      .. "and kubernetes: {rotate: {%s: %s}} into platform.yaml"
    ):format(what, name, name, tenant.name),
    mend = remedy.onboard(tenant),
  }
end

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
        object and "has no " .. key or "is missing",
        "namespace " .. tenant.namespace,
        object and rotated(tenant, name, key)
          or {
            say = ("put %s into the tenant's secrets file, under shared.%s"):format(table.concat(keys, ", "), name),
            mend = remedy.onboard(tenant),
          }
      )
      return nil
    end
  end
  return values
end

-- All services of the namespace log in to Vault with this token.
local function vault_token(found, tenant)
  local name = tenant.platform.kubernetes.vault_secret
  local values = values_of(found, tenant, name, { "token" })
  if not values then return end
  local fix = rotated(tenant, name, "a new token (vault token create)")
  local seen = vault.try_token(values.token, "info")
  if not seen.valid then
    findings.add(
      found,
      "critical",
      "secret " .. name,
      "its Vault token is not valid",
      "Vault rejects it: expired or revoked",
      fix
    )
  elseif not seen.readable then
    findings.add(
      found,
      "critical",
      "secret " .. name,
      "its Vault token cannot read the tenant's secrets",
      "secret/tenant/" .. tenant.name .. "/info is denied",
      fix
    )
  elseif seen.ttl and seen.ttl > 0 and seen.ttl < 7 * DAY then
    findings.add(
      found,
      "warning",
      "secret " .. name,
      ("its Vault token expires in %s"):format(text.duration(seen.ttl)),
      "ttl " .. seen.ttl,
      { say = "renew it (vault token renew, with that token), or replace it: " .. fix.say, mend = fix.mend }
    )
  end
end

-- Onboarding knows by itself what the tenant's info is; a licence comes from people.
local function vault_remedy(tenant, path)
  if path == "info" then return { mend = remedy.onboard(tenant) } end
  return {
    say = "put license_key into the tenant's secrets file, under license",
    mend = remedy.onboard(tenant),
    first = true,
  }
end

local function vault_secrets(found, tenant, facts)
  for _, path in ipairs { "info", "license/onboarding" } do
    if not vault.read(path) then
      findings.add(
        found,
        "critical",
        "Vault",
        ("secret/tenant/%s/%s is missing"):format(tenant.name, path),
        "no such secret",
        vault_remedy(tenant, path)
      )
    end
  end
  facts.vault = true
end

-- ---- the database ----

local SESSIONS = "select pid, usename, state, query_start, left(query, 60) from pg_stat_activity "
  .. "where datname = current_database() order by query_start"

-- A password is not at fault where the server refuses the role, or has no connection left.
local function login_remedy(tenant, user, code)
  local role = pg.tenant:one(
    [[select rolcanlogin as may, coalesce(rolvaliduntil < now(), false) as expired, rolconnlimit = 0 as limited
    from pg_roles where rolname = $1]],
    user
  ) or { may = true }
  local sql = not role.may and "alter role %s login"
    or role.expired and "alter role %s valid until 'infinity'"
    or role.limited and "alter role %s connection limit -1"
    or code == "42501" and ('grant connect on database "%s" to %%s'):format(tenant.database)
  if sql then return { mend = remedy.psql_of_services(tenant, sql) } end
  if code == "53300" then
    return { say = "close sessions, or raise the limit", look = remedy.psql(tenant.database, SESSIONS) }
  end
  local name = tenant.platform.kubernetes.postgres_secret
  return rotated(tenant, name, "the username and password that PostgreSQL knows")
end

local function login(found, tenant)
  local name = tenant.platform.kubernetes.postgres_secret
  local values = values_of(found, tenant, name, { "username", "password" })
  if not values then return end
  local user = tenant.platform.database.user
  local ok, why, code = false, "its user name is not " .. user, nil
  if secret.equal(values.username, user) then
    ok, why, code = pg.tenant:try_login(user, values.password)
  end
  if ok then return end
  findings.add(
    found,
    "critical",
    "secret " .. name,
    "the services cannot log in to " .. tenant.database,
    why,
    code and login_remedy(tenant, user, code)
      or rotated(tenant, name, "the username and password that PostgreSQL knows")
  )
end

local function connections(found, tenant, limit, now)
  if limit < 1 then return end
  if now / limit > CONNECTIONS then
    findings.add(
      found,
      "critical",
      tenant.database,
      ("%d of %d connections are in use"):format(now, limit),
      "pg_stat_activity",
      {
        say = "close sessions, or raise the database's connection limit",
        look = remedy.psql(tenant.database, SESSIONS),
      }
    )
  end
end

local function tenant_row(found, tenant)
  local row = pg.tenant:row("core_config.tenant", { id = tenant.id }, { "status" })
  if row and row.status == "ACTIVE" then return end
  findings.add(
    found,
    "critical",
    "core_config.tenant",
    row and "the tenant is " .. row.status or "the tenant's row is missing",
    ("%s in %s"):format(tenant.id, tenant.database),
    { mend = remedy.onboard(tenant, remedy.row(tenant, "core_config.tenant", "id", tenant.id)) }
  )
end

-- Set for the database, or for the services in it.
local READ_ONLY <const> = [[select s.setrole <> 0 as services
  from pg_db_role_setting s
  join pg_database d on d.oid = s.setdatabase and d.datname = current_database()
  left join pg_roles r on r.oid = s.setrole
  where (s.setrole = 0 or r.rolname = $1)
    and exists (select from unnest(s.setconfig) c where c ~* '^default_transaction_read_only=(on|true|yes|1)$')]]

local function read_only(found, tenant)
  for _, row in ipairs(pg.tenant:rows(READ_ONLY, tenant.platform.database.user)) do
    local reset = ('database "%s" reset default_transaction_read_only'):format(tenant.database)
    findings.add(
      found,
      "critical",
      tenant.database,
      row.services and "the services can only read in it" or "the database can only be read",
      "default_transaction_read_only",
      {
        mend = row.services and remedy.psql_of_services(tenant, "alter role %s in " .. reset)
          or remedy.psql("postgres", "alter " .. reset),
      }
    )
  end
end

local function migrations(found, tenant)
  for _, row in ipairs(pg.tenant:rows "select version, description from flyway_schema_history where not success") do
    findings.add(
      found,
      "critical",
      tenant.database,
      "migration " .. (row.version or row.description) .. " has failed",
      row.description,
      {
        say = "undo what it left, and correct its file",
        mend = remedy.run(tenant, "migrations-repair", nil, true) .. " && " .. remedy.onboard(tenant),
      }
    )
  end
end

-- Sets facts.database if the other chapters can query the database.
local function database(found, tenant, facts)
  local row = pg.admin:database(tenant.database)
  if not row then
    local fix = remedy.restore(tenant, "onboarding would make an empty database")
    return findings.add(found, "critical", tenant.database, "the database is missing", "pg_database", fix)
  elseif not row.open then
    local sql = 'alter database "%s" allow_connections true'
    local fix = { mend = remedy.psql("postgres", sql:format(tenant.database)) }
    return findings.add(
      found,
      "critical",
      tenant.database,
      "the database does not accept connections",
      "pg_database",
      fix
    )
  end
  if row.connection_limit == 0 then
    local fix = { mend = remedy.onboard(tenant) }
    return findings.add(found, "critical", tenant.database, "the database allows no connections", "limit 0", fix)
  end
  connections(found, tenant, row.connection_limit, row.connections)
  read_only(found, tenant)
  if not facts.no_cluster then login(found, tenant) end
  tenant_row(found, tenant)
  facts.database = true
  migrations(found, tenant)
end

--- Runs the checks of this chapter.
---@param found table of findings.new
---@param tenant table
---@param facts table of pods.facts; sets database and vault if they can be queried
function M.run(found, tenant, facts)
  local kubernetes = tenant.platform.kubernetes
  local server = { say = "check PGHOST and the security group", look = "psql -d postgres -l" }
  local vault_status = { say = "check VAULT_ADDR, the token, and whether Vault is sealed", look = "vault status" }
  if facts.no_cluster then -- the database and Vault can still be checked
    findings.check(found, tenant.database, server, database, found, tenant, facts)
    return findings.check(found, "Vault", vault_status, vault_secrets, found, tenant, facts)
  end
  findings.check(
    found,
    "environment",
    { look = remedy.kubectl(tenant, "get deployments -l tenant=" .. tenant.name) },
    environments,
    found,
    tenant,
    facts
  )
  findings.check(found, tenant.database, server, database, found, tenant, facts)
  findings.check(found, "Vault", vault_status, vault_secrets, found, tenant, facts)
  if not facts.vault then return end
  findings.check(found, kubernetes.vault_secret, vault_status, vault_token, found, tenant)
end

return M
