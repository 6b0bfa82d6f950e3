--- What the engine asks about this platform: is this a tenant, what are its names, and what may a run for it touch.
--- It reads no file: the engine passes platform.yaml and tenants/NAME.yaml as tables.

local claims = require "stdlib.claims"
local contents = require "stdlib.contents"
local naming = require "stdlib.naming"
local owners = require "stdlib.owners"
local providers = require "stdlib.providers"
local survey = require "stdlib.survey"
local tenant_file = require "stdlib.tenant_file"

local M = {}

--- The folders of the platform tree that scripts may read.
M.READABLE = {
  "core/",
  "finance-gateway/",
  "payment-gateway/",
  "tax-gateway/",
  "provision_gateway/",
  "crm_gateway/",
  "engine/",
  "docs/",
  "k8s/",
  "monitoring/",
  "alerts/",
  "tenants/",
}

--- The runbook that makes a tenant what it should be: what it would change, o2x audit reports.
M.MAKES = "onboard"

--- What is wrong with a tenant name, or nil. The engine asks before it opens any file.
---@param name string
---@return {message: string, hint: string}|nil
function M.name_problem(name)
  local problem = naming.tenant_name_problem(name)
  if not problem then return nil end
  return {
    message = ("tenant name '%s' %s"):format(tostring(name), problem),
    hint = "the form is company[-environment], such as newclient or newclient-sbx",
  }
end

--- What is wrong with a tenant id, or nil. The engine asks before a script gives the tenant its id.
---@param id string
---@return {message: string, hint: string?}|nil
function M.id_problem(id)
  if naming.is_tenant_id(id) then return nil end
  return { message = ("'%s' does not have the form TIDLT-100008"):format(id), hint = "use registry.find(tenant)" }
end

--- Notes what all tenants claim, so that many of them can be loaded one after the other.
---@param platform table platform.yaml
---@param files {name: any, id: any, tenant: string, file: table, where: string}[] all tenant files
---@return table survey for M.load
function M.survey(platform, files) return survey.of(platform, files) end

-- What is stored in Vault beside secrets, and is public: path → field → text.
local function public_fields(file)
  local fields = { admin = { username = file.admin.email } }
  for _, item in ipairs(file.integrations or {}) do
    local provider = providers.find(item.name)
    if provider.public then fields[provider.vault] = provider.public(item) end
  end
  return fields
end

-- What is a secret in the secrets file, and the tenant's database shows all the same: the file may have it.
local function known_fields(file)
  local fields = {}
  for _, item in ipairs(file.integrations or {}) do
    local provider = providers.find(item.name)
    if provider.known then fields[provider.vault] = provider.known(item) end
  end
  return fields
end

--- What stands for the file of a tenant that has none, until a run has made it from what it finds (o2x adopt). It leads
--- to the names that the platform gives the tenant; nothing of it is written anywhere.
---@param name string
---@param platform table platform.yaml
---@return table file
function M.draft(name, platform)
  local function listed(list) return type(list) == "table" and list[name] or nil end
  local unknown = "unknown"
  return {
    name = name,
    company = unknown,
    environment = "development",
    domain = listed(platform.custom_domains),
    contacts = { primary = unknown },
    admin = { email = unknown, firstname = unknown, lastname = unknown },
    profile = { timezone = unknown, currency = unknown },
    overrides = { database = listed((platform.database or {}).legacy) },
  }
end

--- Makes a tenant from its file.
---@param name string as typed
---@param platform table platform.yaml
---@param file table tenants/NAME.yaml
---@param where string the file's path, for messages
---@param others table of M.survey, or a list of the other tenant files as it takes one
---@param words string[]? the words of the file that may be names; searched for here if absent
---@return table|nil tenant name, id (nil until allocated), company, environment, …, database, domain, platform
---@return {message: string, hint: string, where: string, field: string?}|nil problem
---@return string[]|nil notes on other tenant files
function M.load(name, platform, file, where, others, words)
  local all = others.tenants and others or M.survey(platform, others)
  local id = type(file) == "table" and file.id or nil
  local problem, notes = tenant_file.problem(name, file, survey.namesakes(all, name, id)), nil
  local broken = not problem and all.problem
  if broken then
    broken.where = where:gsub("tenants/[^/]*$", "platform.yaml")
    return nil, broken
  end
  local identity = not problem and claims.identity(name, platform, file)
  if identity then
    local near = survey.near(all, identity, file, words)
    problem, notes = claims.problem(identity, platform, file, near, all.hosts)
  end
  if problem then
    problem.where = where
    return nil, problem
  end
  local tenant = {
    name = name,
    id = file.id,
    company = file.company,
    environment = file.environment,
    region = file.region or platform.region,
    platform = platform,
    contacts = file.contacts,
    admin = file.admin,
    profile = file.profile,
    integrations = file.integrations or {},
    features = file.features or {},
    properties = file.properties or {},
    invoice_template = file.invoice_template,
    branding = file.branding,
    notes = file.notes,
    pins = file.pins or {},
    kept = file.kept or {},
    public_fields = public_fields(file),
    known_fields = known_fields(file),
    image = file.image,
    domain = identity.domain,
    database = identity.database,
    vault_uri = identity.vault_uri,
    vault_path = identity.vault_path,
    redis_host = identity.redis_host,
    data_pvc = identity.data_pvc,
    data_bucket = identity.data_bucket,
    namespace = platform.namespace,
  }
  return tenant, nil, notes
end

-- The charts of registries and repositories that platform.yaml names: "oci://host/app", "https://host/charts app".
local function charts_of(platform)
  local names = {}
  for _, pin in pairs(platform.charts or {}) do
    names[#names + 1] = pin.repo and ("%s %s"):format(pin.repo, pin.chart) or pin.chart
  end
  table.sort(names)
  return names
end

-- One file for all tenants, with a section for each.
local INVENTORY = "docs/TENANT_INVENTORY.md"

local function writable_files(tenant)
  local paths = claims.files(tenant)
  paths[#paths + 1] = INVENTORY
  if tenant.adopting then paths[#paths + 1] = naming.tenant_file(tenant.name) end
  return paths
end

-- The roles that may own what is in a tenant's database and get privileges on it.
local function database_roles(tenant)
  local database = tenant.platform.database
  local roles = { naming.database_owner(tenant), database.user }
  for _, name in ipairs(database.roles or {}) do
    roles[#roles + 1] = name
  end
  return roles
end

-- Whose archives a run may restore, what may be in them, and the properties of a database that is lost.
local function archive_grants(tenant)
  local database = tenant.platform.database
  return {
    owner = {
      table = "core_config.tenant",
      key = tenant.id and { id = tenant.id, name = tenant.name } or {},
      columns = { "tenant_id", "tenantid" },
    },
    extensions = database.extensions or {},
    functions = database.functions or {},
    defaults = {
      owner = naming.database_owner(tenant),
      encoding = database.encoding,
      collate = database.locale,
      ctype = database.locale,
      connection_limit = database.connection_limit,
      user = database.user,
    },
  }
end

-- The tables of a tenant's database in which nothing may be but what its file says, and the keys of their rows. Those
-- that refer to others come first.
local function exact_tables()
  local tables = {}
  for _, name in ipairs(providers.tables()) do
    tables[#tables + 1] = { table = "core_config." .. name, key = { "id", "index" } }
  end
  tables[#tables + 1] = { table = "core_config.tenant_profile", key = { "tenantid" } }
  tables[#tables + 1] = { table = "core_config.tenant", key = { "id" } }
  return tables
end

-- The rows of the registry that are the tenant's own, and the columns that say so: what the tenant does not have yet is
-- false there, and nobody may write it.
local function registry_rows(tenant)
  local id = tenant.id
  local rows = {
    ["core_config.tenant"] = { name = tenant.name, id = id },
    ["core_config.tenant_profile"] = id and { tenantid = id } or nil,
  }
  local identity = {
    ["core_config.tenant"] = {
      name = tenant.name,
      id = id or false,
      vaultpath = tenant.vault_path,
      vaulturi = tenant.vault_uri,
    },
    ["core_config.tenant_profile"] = { tenantid = id or false },
  }
  return rows, identity
end

--- Exactly what a run for this tenant may touch. The engine asks at the start, and again once the tenant has its id.
---@param tenant table of M.load
---@return table grants by module: pg, vault, k8s, helm, redis, broker, dns, files, http, rds, s3, archive; and roles,
---  headers, graphql (the paths at which services answer GraphQL)
function M.grants(tenant)
  local platform = tenant.platform
  local ingress = platform.kubernetes.ingress_service
  local rows, identity = registry_rows(tenant)
  return {
    pg = {
      tenant = tenant.database,
      control = platform.database.control,
      admin = "postgres",
      owner = naming.database_owner(tenant),
      rows = rows,
      exact = exact_tables(),
      identity = identity,
      allocated = { ["core_config.tenant"] = naming.TENANT_ID },
      login = {
        secret = platform.kubernetes.postgres_secret,
        namespace = platform.namespace,
        user = "username",
        password = "password",
      },
    },
    sslmode = platform.database.sslmode,
    roles = database_roles(tenant),
    archive = archive_grants(tenant),
    vault = { ("tenant/%s/"):format(tenant.name) },
    k8s = {
      namespace = platform.namespace,
      namespaces = { platform.namespace, platform.monitoring.namespace },
      names = claims.objects(tenant),
      label = { "tenant", tenant.name },
      shared = { platform.kubernetes.postgres_secret, platform.kubernetes.vault_secret },
      rotate = contents.rotated(tenant),
      contents = contents.of(tenant),
      read = {
        ("%s/%s"):format(ingress.namespace, ingress.name),
        ("%s/%s"):format(platform.monitoring.namespace, platform.monitoring.alertmanager or "alertmanager-operated"),
      },
    },
    helm = claims.services(tenant),
    charts = charts_of(platform),
    redis = tenant.id and { tenant.id .. ":" } or {},
    broker = tenant.id and { tenant.id .. "." } or {},
    dns = { tenant.domain },
    files = {
      read = M.READABLE,
      write = writable_files(tenant),
      folders = claims.folders(tenant),
      sections = { [INVENTORY] = ("## %s ("):format(tenant.name) },
    },
    http = { tenant.domain },
    headers = tenant.id and { ["x-tenant-id"] = tenant.id } or {},
    graphql = { "/graphql" },
    rds = { instance = platform.database.instance },
    s3 = tenant.id and { tenant.data_bucket .. "/" .. tenant.id .. "/" } or {},
  }
end

--- The tenant that a name belongs to, whichever tenants there are.
---@param kind string of the effect, such as "pg.database"
---@param name string
---@param platform table platform.yaml
---@param ids table<string, string> tenants by their ids
---@return string? tenant nil: the name is no tenant's
function M.owner(kind, name, platform, ids) return owners.of(kind, name, platform, ids) end

--- Where the names of all tenants are. Only o2x audit --all reads by it, and only names.
---@param platform table platform.yaml
---@return table places
function M.places(platform) return owners.places(platform, INVENTORY, M.READABLE) end

--- Where the registry of tenants is, and what no other tenant in it may have. The engine asks it before every run, and
--- when a script gives the tenant its id.
---@param tenant table
---@return table place for lua/o2x/engine/registration.lua
function M.registry(tenant)
  local others = { { "vaultpath", tenant.vault_path } }
  for _, other in ipairs(claims.names_of(tenant)) do
    others[#others + 1] = { "name", other.name, claim = other.claim, field = other.field }
  end
  return {
    database = tenant.platform.database.control,
    admin = "postgres",
    table = "core_config.tenant",
    id = "id",
    name = "name",
    others = others,
    by_id = { "redis", "broker", "s3" },
  }
end

--- What all tenants share, in the words of lab/seed.yaml: the ground on which a rehearsal puts the tenant in its lab.
---@param tenant table
---@return table seed databases, rds, s3, dns
function M.ground(tenant)
  local platform = tenant.platform
  local database = platform.database
  return {
    databases = {
      migrations = database.migrations,
      schemas = database.schemas,
      roles = database_roles(tenant),
      owner = naming.database_owner(tenant),
      user = database.user,
      connection_limit = database.connection_limit,
      names = { database.control },
    },
    rds = { instance = database.instance },
    s3 = { buckets = { tenant.data_bucket } },
    dns = { zone = platform.dns.zone, ttl = platform.dns.ttl },
  }
end

--- The id that the tenant's services have, for the time when the registry does not answer.
---@param tenant table
---@return string? id
function M.witness(tenant) return require("stdlib.registry").from_services(tenant) end

--- The tenant's current status, for o2x list --tenants: its maintenance.
---@param tenant table
---@return string? status nil if there is nothing to report
function M.status(tenant)
  local status = require "stdlib.maintenance.status"
  local record = status.of(tenant)
  return record and status.describe(tenant, record) or nil
end

--- Which tenants have a status, by one question for all of them: where it may look, and the question.
M.noted = {
  ---@param platform table platform.yaml
  ---@return table grants as of M.grants
  grants = function(platform)
    return { k8s = { namespace = platform.namespace, label = require("stdlib.maintenance.status").LABEL } }
  end,
  ---@return string[] names
  names = function() return require("stdlib.maintenance.status").tenants() end,
}

--- A warning that every run for the tenant prints first: an overdue maintenance.
---@param tenant table
---@return string? warning
function M.notice(tenant)
  local status = require "stdlib.maintenance.status"
  local record = status.of(tenant)
  return record and status.overdue(record) and status.describe(tenant, record) or nil
end

--- Is a text public wherever it comes from, even if a store of secrets has it? A tenant's id is: the registry, queues
--- and keys have it.
---@param text string
---@return boolean
function M.is_public(text) return naming.is_tenant_id(text) end

return M
