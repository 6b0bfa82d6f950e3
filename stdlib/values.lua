--- Helm values files, generated from the catalogue or copied from another tenant (guide: step 4). In an existing file,
--- only the values that identify the tenant are corrected; everything else stays.

local catalogue = require "stdlib.catalogue"
local files = require "o2x.files"
local helm_values = require "o2x.helm_values"
local json = require "o2x.json"
local naming = require "stdlib.naming"

local M = {}

-- The end of every file.
local RELEASE = [[
fullnameOverride: {tenant}-{service}
image:
  pullPolicy: Always
  tag: {tag}
replicaCount: {replicas}
resources:
  limits:
    cpu: {limits_cpu}
    memory: {limits_memory}
  requests:
    cpu: {requests_cpu}
    memory: {requests_memory}
]]

-- Guide 4.2. Only {name} is replaced.
local CORE = [[
app:
  env: {environment}
  envMap:
  - name: LOGS_DIR
    value: /logs
  - name: LOG_LEVEL
    value: INFO
  - name: REDIS_HOST
    value: {redis_host}
  - name: REDIS_PORT
    value: "{redis_port}"
  - name: AWS_S3_PUBLICURL
    value: {public_url}
  - name: AMQ_BROKER_URL
    value: {broker_url}
  - name: TAX_GATEWAY_URL
    value: http://{tenant}-tax-gateway
  - name: PAYMENT_GATEWAY_URL
    value: http://{tenant}-payment-gateway
  - name: FINANCE_GATEWAY_URL
    value: http://{tenant}-finance-gateway
  - name: PROVISIONING_GATEWAY_URL
    value: http://{tenant}-provision-gateway
  - name: CRM_GATEWAY_URL
    value: http://{tenant}-crm-gateway
  - name: VAULT_API
    value: {vault_uri}
  postgres:
    secret: {postgres_secret}
    url: {jdbc_url}
  spring:
    port: 8080
    profile: pg
  tenantId: {id}
  tenantName: {tenant}
  vault:
    secret: {vault_secret}
  volumes:
    dataPvc: {data_pvc}
]] .. RELEASE

-- Guide 4.3 without license.decryptKey: that is a secret, the file is in git, and Vault has it.
local GATEWAY = [[
app:
  envMap:
  - name: REDIS_HOST
    value: {redis_host}
  - name: REDIS_PORT
    value: "{redis_port}"
  - name: LOGS_DIR
    value: /logs
  - name: DATA_DIR
    value: /data
  # The licence's decrypt key is in Vault (license/onboarding), never in this file.
  license:
    vault:
      api: {vault_uri}read/license/onboarding/
      path: {vault_path}
  postgres:
    secret: {postgres_secret}
    url: {jdbc_url}
  tenantId: {id}
  vault:
    api: {vault_uri}
    secret: {vault_secret}
  volumes:
    dataPvc: {data_pvc}
]] .. RELEASE

local function jdbc_url(tenant)
  local database = tenant.platform.database
  return ("jdbc:postgresql://%s:%d/%s?stringtype=unspecified&sslmode=%s"):format(
    database.host,
    database.port,
    tenant.database,
    database.sslmode
  )
end

local function image_tag(tenant, service, params)
  return tenant.pins[service] or params.image or tenant.image or tenant.platform.image.tag
end

local function names_for(tenant, service, params)
  local platform = tenant.platform
  return {
    tenant = tenant.name,
    id = tenant.id,
    service = service.name,
    environment = tenant.environment,
    redis_host = tenant.redis_host,
    redis_port = tostring(platform.redis.port),
    public_url = platform.storage.public_url,
    broker_url = platform.broker.url,
    vault_uri = tenant.vault_uri,
    vault_path = tenant.vault_path,
    jdbc_url = jdbc_url(tenant),
    postgres_secret = platform.kubernetes.postgres_secret,
    vault_secret = platform.kubernetes.vault_secret,
    data_pvc = tenant.data_pvc,
    tag = image_tag(tenant, service.name, params),
    replicas = tostring(service.replicas[1]),
    limits_cpu = service.resources.limits.cpu,
    limits_memory = service.resources.limits.memory,
    requests_cpu = service.resources.requests.cpu,
    requests_memory = service.resources.requests.memory,
  }
end

local function from_catalogue(tenant, service, params)
  local template = service.gateway and GATEWAY or CORE
  return (template:gsub("{([%w_]+)}", names_for(tenant, service, params)))
end

-- The values that identify the tenant: path → value.
local function identity(tenant, service)
  local values = {
    ["app.postgres.url"] = jdbc_url(tenant),
    ["app.tenantId"] = tenant.id,
    ["app.volumes.dataPvc"] = tenant.data_pvc,
    ["fullnameOverride"] = naming.resource(tenant, service.name),
    ["app.envMap[name=REDIS_HOST].value"] = tenant.redis_host,
  }
  if service.gateway then
    values["app.license.vault.api"] = tenant.vault_uri .. "read/license/onboarding/"
    values["app.license.vault.path"] = tenant.vault_path
    values["app.vault.api"] = tenant.vault_uri
    return values
  end
  values["app.env"] = tenant.environment
  values["app.tenantName"] = tenant.name
  values["app.envMap[name=VAULT_API].value"] = tenant.vault_uri
  for name, gateway in pairs {
    TAX = "tax",
    PAYMENT = "payment",
    FINANCE = "finance",
    PROVISIONING = "provision",
    CRM = "crm",
  } do
    values[("app.envMap[name=%s_GATEWAY_URL].value"):format(name)] = ("http://%s-%s-gateway"):format(
      tenant.name,
      gateway
    )
  end
  return values
end

local function set_identity(doc, tenant, service)
  for path, value in pairs(identity(tenant, service)) do
    local current = doc:get(path)
    if current ~= nil and current ~= value then doc:set(path, value) end
  end
  return doc:text()
end

-- Names that must stay when the source's name is replaced: urbanos-sbx is another tenant, not urbanos.
local function other_tenants(source)
  local names = {}
  for _, name in ipairs(files.list("tenants")) do
    local other = name:match("^(.*)%.yaml$")
    if other and other ~= source then names[#names + 1] = other end
  end
  return names
end

local function from_tenant(tenant, service, source, params)
  local path = naming.values_file(source, service.name)
  if not files.exists(path) then fail(("%s has no %s"):format(source, path), "without from=, the catalogue is used") end
  local doc = helm_values.parse(files.read(path), path)
  local source_id = doc:get("app.tenantId")
  if type(source_id) ~= "string" then fail(path .. " has no app.tenantId to replace") end
  doc:replace_tenant({ { source_id, tenant.id }, { source, tenant.name } }, { keep = other_tenants(source) })
  if doc:get("app.license.decryptKey") ~= nil then doc:remove("app.license.decryptKey") end
  set_identity(doc, tenant, service)
  local tag = image_tag(tenant, service.name, params)
  if doc:get("image.tag") ~= tag then doc:set("image.tag", tag) end
  return doc:text()
end

local function text_for(tenant, service, params)
  local path = naming.values_file(tenant.name, service.name)
  if files.exists(path) then
    return set_identity(helm_values.parse(files.read(path), path), tenant, service)
  elseif params.from then
    return from_tenant(tenant, service, params.from, params)
  end
  return from_catalogue(tenant, service, params)
end

--- Ensures the values files of all services (guide 4.1 to 4.3). Fails if the tenant to copy lacks a file or its id in
--- one.
---@param tenant table
---@param params { image: string?, from: string? } image: tag for new files; from: the tenant to copy
function M.write(tenant, params)
  local function write(service)
    files.ensure(naming.values_file(tenant.name, service.name), text_for(tenant, service, params))
  end
  parallel.each(catalogue.all(), write, { limit = 4 })
end

-- ---- reverting ----

local function is_list(value) return type(value) == "table" and (json.is_array(value) or #value > 0) end

local function is_map(value) return type(value) == "table" and value ~= json.null and not is_list(value) end

local function same(a, b)
  if not (type(a) == "table" and type(b) == "table") then return a == b end
  return json.encode(a) == json.encode(b)
end

-- name → item, for a list whose items have distinct names; nil for other lists.
local function named(list)
  local items = {}
  for _, item in ipairs(list) do
    if type(item) ~= "table" or type(item.name) ~= "string" or items[item.name] then return nil end
    items[item.name] = item
  end
  return items
end

local function union(a, b)
  local names, seen = {}, {}
  for _, one in ipairs { a, b } do
    for name in pairs(one) do
      if not seen[name] then
        names[#names + 1], seen[name] = name, true
      end
    end
  end
  table.sort(names)
  return names
end

local function escape(name) return (name:gsub("[%.%[%]\\]", "\\%0")) end

-- Undoes the change from `before` to `after`, path by path. The rest of the file stays.
local function revert(doc, path, after, before)
  if same(after, before) then return end
  if before == nil then
    doc:remove(path)
  elseif is_map(after) and is_map(before) then
    for _, name in ipairs(union(after, before)) do
      revert(doc, path == "" and escape(name) or path .. "." .. escape(name), after[name], before[name])
    end
  elseif is_list(after) and is_list(before) and named(after) and named(before) then
    local old, new = named(before), named(after)
    for _, name in ipairs(union(new, old)) do
      revert(doc, ("%s[name=%s]"):format(path, escape(name)), new[name], old[name])
    end
  else
    doc:set(path, before)
  end
end

--- Undoes a change of values in a service's values file. The rest of the file stays; a missing file is left alone.
---@param tenant table
---@param service string
---@param after table the values after the change
---@param before table the values before it
function M.revert(tenant, service, after, before)
  local path = naming.values_file(tenant.name, service)
  if not files.exists(path) then return end
  local doc = helm_values.parse(files.read(path), path)
  revert(doc, "", after, before)
  files.ensure(path, doc:text())
end

return M
