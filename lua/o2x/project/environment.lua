--- What the ecosystem's own clients read from the environment: variables and files that operators have set for them.
--- One row each, and what o2x does with it. `o2x config explain` shows those that are set, a run and a plan warn of
--- those that o2x ignores, the manual page lists all.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local pg_service = require "o2x.project.pg_service"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

---@class o2x.environment.row
---@field [1] string a variable, or a file: "~/.vault-token"
---@field [2] string the system that it belongs to
---@field key string? the key of the configuration that takes its value; the first row of a key that is set counts
---@field used string? how it is used otherwise
---@field ignored string? why o2x does not use it, and what to do instead; a run warns of it
---@field refused string? why o2x does not run with it, and what to do instead
---@field moot string? why it does not matter to o2x
---@field path boolean? the key's value is the path of the file, not what is in it
---@field unless string? a variable that counts before it: with it, this one does not matter
---@field flag boolean? its value is yes or no, and no is as good as not set

-- Exactly one of key, used, ignored, refused and moot.
---@type o2x.environment.row[]
M.LIST = {
  { "PGSERVICE", "postgresql", used = "names a section of the service file, which counts before the variables below" },
  { "PGSERVICEFILE", "postgresql", used = "the service file; ~/.pg_service.conf if it is not set" },
  { "PGSYSCONFDIR", "postgresql", used = "the folder of the system's pg_service.conf" },
  { "PGHOST", "postgresql", key = "pg.host" },
  { "PGHOSTADDR", "postgresql", key = "pg.hostaddr" },
  { "PGPORT", "postgresql", key = "pg.port" },
  { "PGUSER", "postgresql", key = "pg.user" },
  { "PGPASSWORD", "postgresql", key = "pg.password" },
  { "PGPASSFILE", "postgresql", key = "pg.passfile" },
  { "~/.pgpass", "postgresql", key = "pg.passfile", path = true },
  { "PGSSLMODE", "postgresql", key = "pg.sslmode" },
  { "PGSSLROOTCERT", "postgresql", key = "pg.sslrootcert" },
  { "~/.postgresql/root.crt", "postgresql", key = "pg.sslrootcert", path = true },
  { "PGSSLCERT", "postgresql", key = "pg.sslcert" },
  { "~/.postgresql/postgresql.crt", "postgresql", key = "pg.sslcert", path = true },
  { "PGSSLKEY", "postgresql", key = "pg.sslkey" },
  { "~/.postgresql/postgresql.key", "postgresql", key = "pg.sslkey", path = true },
  { "PGSSLCRL", "postgresql", key = "pg.sslcrl" },
  { "~/.postgresql/root.crl", "postgresql", key = "pg.sslcrl", path = true },
  { "PGSSLCRLDIR", "postgresql", key = "pg.sslcrldir" },
  { "PGSSLSNI", "postgresql", key = "pg.sslsni" },
  { "PGSSLMINPROTOCOLVERSION", "postgresql", key = "pg.ssl_min_protocol_version" },
  { "PGSSLMAXPROTOCOLVERSION", "postgresql", key = "pg.ssl_max_protocol_version" },
  { "PGCHANNELBINDING", "postgresql", key = "pg.channel_binding" },
  { "PGREQUIREAUTH", "postgresql", key = "pg.require_auth" },
  { "PGREQUIREPEER", "postgresql", key = "pg.requirepeer" },
  { "PGGSSENCMODE", "postgresql", key = "pg.gssencmode" },
  { "PGKRBSRVNAME", "postgresql", key = "pg.krbsrvname" },
  { "PGTARGETSESSIONATTRS", "postgresql", key = "pg.target_session_attrs" },
  { "PGCONNECT_TIMEOUT", "postgresql", key = "pg.connect_timeout" },
  { "PGOPTIONS", "postgresql", ignored = "sessions have o2x's settings: set others with ALTER ROLE … SET" },
  { "PGREQUIRESSL", "postgresql", ignored = "psql no longer reads it: set PGSSLMODE=require or better", flag = true },
  { "PGLOADBALANCEHOSTS", "postgresql", ignored = "o2x asks the hosts of pg.host in their order" },
  { "PGSSLNEGOTIATION", "postgresql", ignored = "o2x asks for TLS as the server allows: unset it" },
  { "PGSSLCERTMODE", "postgresql", ignored = "a client certificate is shown if there is one: set or unset PGSSLCERT" },
  { "PGGSSDELEGATION", "postgresql", ignored = "o2x passes no credentials on: unset it", flag = true },
  { "PGMINPROTOCOLVERSION", "postgresql", ignored = "o2x speaks version 3.0 of the protocol: unset it" },
  { "PGMAXPROTOCOLVERSION", "postgresql", ignored = "o2x speaks version 3.0 of the protocol: unset it" },
  { "PGREALM", "postgresql", ignored = "libpq no longer reads it: unset it" },
  { "PGGSSLIB", "postgresql", moot = "a choice of Windows" },
  { "PGDATA", "postgresql", moot = "a folder of the server" },
  { "PGDATABASE", "postgresql", moot = "each connection of o2x names its database" },
  { "PGAPPNAME", "postgresql", moot = "the server sees o2x" },
  { "PGCLIENTENCODING", "postgresql", moot = "o2x reads and writes UTF-8" },
  { "PGTZ", "postgresql", moot = "o2x reads times with their offset" },
  { "PGDATESTYLE", "postgresql", moot = "o2x reads dates in ISO form" },
  { "PGGEQO", "postgresql", moot = "a setting of the query planner" },
  { "PGSSLCOMPRESSION", "postgresql", moot = "libpq no longer compresses" },
  { "PGLOCALEDIR", "postgresql", moot = "a folder of translations" },

  { "VAULT_AGENT_ADDR", "vault", key = "vault.addr" },
  { "VAULT_ADDR", "vault", key = "vault.addr" },
  { "VAULT_TOKEN", "vault", key = "vault.token" },
  { "~/.vault-token", "vault", key = "vault.token" },
  { "VAULT_NAMESPACE", "vault", key = "vault.namespace" },
  { "VAULT_CACERT", "vault", key = "vault.cacert" },
  { "VAULT_CACERT_BYTES", "vault", key = "vault.cacert_bytes" },
  { "VAULT_CAPATH", "vault", key = "vault.capath" },
  { "VAULT_CLIENT_CERT", "vault", key = "vault.client_cert" },
  { "VAULT_CLIENT_KEY", "vault", key = "vault.client_key" },
  { "VAULT_TLS_SERVER_NAME", "vault", key = "vault.tls_server_name" },
  { "VAULT_PROXY_ADDR", "vault", key = "vault.proxy" },
  { "VAULT_HTTP_PROXY", "vault", key = "vault.proxy" },
  { "VAULT_CLIENT_TIMEOUT", "vault", key = "vault.timeout" },
  { "~/.vault", "vault", ignored = "o2x runs no token helper: set VAULT_TOKEN", unless = "VAULT_TOKEN" },
  { "VAULT_CONFIG_PATH", "vault", ignored = "o2x runs no token helper: set VAULT_TOKEN", unless = "VAULT_TOKEN" },
  { "VAULT_MFA", "vault", ignored = "o2x answers no second factor: set VAULT_TOKEN to a token of your login" },
  { "VAULT_MAX_RETRIES", "vault", ignored = "o2x tries again for retry.seconds" },
  { "VAULT_RATE_LIMIT", "vault", ignored = "o2x has no such limit: unset it" },
  { "VAULT_SRV_LOOKUP", "vault", ignored = "o2x looks up no SRV records: name the port in VAULT_ADDR", flag = true },
  { "VAULT_HEADERS", "vault", ignored = "o2x sends its own headers only: unset it" },
  { "VAULT_SKIP_VERIFY", "vault", refused = "o2x always verifies: unset it, and set VAULT_CACERT", flag = true },
  { "VAULT_WRAP_TTL", "vault", ignored = "o2x reads answers that are not wrapped: unset it" },
  { "VAULT_DISABLE_REDIRECTS", "vault", moot = "o2x follows no redirects" },
  { "VAULT_DETAILED", "vault", moot = "a format of vault's own output" },
  { "VAULT_CLI_NO_COLOR", "vault", moot = "a format of vault's own output" },
  { "VAULT_LOG_LEVEL", "vault", moot = "a setting of vault's own output" },
  { "VAULT_LICENSE", "vault", moot = "a setting of the server" },
  { "VAULT_LICENSE_PATH", "vault", moot = "a setting of the server" },
  { "VAULT_CLUSTER_ADDR", "vault", moot = "a setting of the server" },
  { "VAULT_REDIRECT_ADDR", "vault", moot = "a setting of the server" },
  { "VAULT_API_ADDR", "vault", moot = "a setting of the server" },
  { "VAULT_FORMAT", "vault", moot = "a format of vault's own output" },

  { "KUBECONFIG", "kubernetes", key = "kube.config" },
  { "~/.kube/config", "kubernetes", used = "the kubeconfig, if kube.config is not set" },
  { "KUBERNETES_SERVICE_HOST", "kubernetes", used = "the cluster of this pod, if there is no kubeconfig" },
  { "KUBERNETES_SERVICE_PORT", "kubernetes", used = "the cluster of this pod, if there is no kubeconfig" },
  { "POD_NAMESPACE", "kubernetes", used = "the namespace in the cluster of this pod, if there is no kubeconfig" },

  { "HELM_REGISTRY_CONFIG", "helm", key = "helm.registry_config" },
  { "HELM_REPOSITORY_CONFIG", "helm", key = "helm.repository_config" },
  { "HELM_KUBECONTEXT", "helm", ignored = "set O2X_KUBE_CONTEXT" },
  { "HELM_NAMESPACE", "helm", ignored = "the namespace is the tenant's: unset it" },
  { "HELM_DRIVER", "helm", ignored = "releases are in Secrets: unset it" },
  { "HELM_MAX_HISTORY", "helm", ignored = "o2x says how many revisions stay: unset it" },
  { "HELM_KUBEAPISERVER", "helm", ignored = "set KUBECONFIG" },
  { "HELM_KUBETOKEN", "helm", ignored = "set KUBECONFIG" },
  { "HELM_KUBECAFILE", "helm", ignored = "set KUBECONFIG" },
  { "HELM_KUBETLS_SERVER_NAME", "helm", ignored = "set tls-server-name in the kubeconfig" },
  { "HELM_KUBEASUSER", "helm", ignored = "set as in the kubeconfig" },
  { "HELM_KUBEASGROUPS", "helm", ignored = "set as-groups in the kubeconfig" },
  {
    "HELM_KUBEINSECURE_SKIP_TLS_VERIFY",
    "helm",
    ignored = "o2x always verifies: set certificate-authority in the kubeconfig",
    flag = true,
  },
  { "HELM_DEBUG", "helm", moot = "a setting of helm's own output", flag = true },
  { "HELM_BURST_LIMIT", "helm", moot = "helm runs with its own limits" },
  { "HELM_QPS", "helm", moot = "helm runs with its own limits" },
  { "HELM_CACHE_HOME", "helm", moot = "helm gets folders of its own" },
  { "HELM_DATA_HOME", "helm", moot = "helm gets folders of its own" },
  { "HELM_REPOSITORY_CACHE", "helm", moot = "helm gets folders of its own" },
  { "HELM_PLUGINS", "helm", ignored = "helm runs without plugins: unset it" },
  { "HELM_CONFIG_HOME", "helm", ignored = "set HELM_REGISTRY_CONFIG and HELM_REPOSITORY_CONFIG to files of it" },

  { "AWS_ENDPOINT_URL", "aws", key = "aws.endpoint" },
  { "AWS_ENDPOINT_URL_RDS", "aws", used = "address of RDS" },
  { "AWS_ENDPOINT_URL_ROUTE_53", "aws", used = "address of Route 53" },
  { "AWS_ENDPOINT_URL_S3", "aws", used = "address of S3" },
  { "AWS_ENDPOINT_URL_SSO", "aws", used = "address of the portal that gives keys for a login" },
  { "AWS_ENDPOINT_URL_STS", "aws", used = "address of STS" },
  {
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "aws",
    used = "AWS_ENDPOINT_URL… and the profile's do not count",
    flag = true,
  },
  { "AWS_REGION", "aws", key = "aws.region" },
  { "AWS_DEFAULT_REGION", "aws", key = "aws.region" },
  { "AWS_PROFILE", "aws", key = "aws.profile" },
  { "AWS_DEFAULT_PROFILE", "aws", key = "aws.profile" },
  { "AWS_CONFIG_FILE", "aws", key = "aws.config_file" },
  { "AWS_SHARED_CREDENTIALS_FILE", "aws", key = "aws.credentials_file" },
  { "AWS_CA_BUNDLE", "aws", key = "aws.ca_bundle" },
  { "AWS_ACCESS_KEY_ID", "aws", key = "aws.access_key_id" },
  { "AWS_SECRET_ACCESS_KEY", "aws", key = "aws.secret_access_key" },
  { "AWS_SESSION_TOKEN", "aws", key = "aws.session_token" },
  { "AWS_SECURITY_TOKEN", "aws", key = "aws.session_token" },
  { "AWS_CREDENTIAL_EXPIRATION", "aws", used = "when the keys beside it expire" },
  { "AWS_WEB_IDENTITY_TOKEN_FILE", "aws", used = "token that is exchanged for keys of AWS_ROLE_ARN" },
  { "AWS_ROLE_ARN", "aws", used = "role of AWS_WEB_IDENTITY_TOKEN_FILE" },
  { "AWS_ROLE_SESSION_NAME", "aws", used = "name of the session of AWS_ROLE_ARN" },
  { "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "aws", used = "keys from the container's agent" },
  { "AWS_CONTAINER_CREDENTIALS_FULL_URI", "aws", used = "keys from the container's agent" },
  { "AWS_CONTAINER_AUTHORIZATION_TOKEN", "aws", used = "sent to the container's agent" },
  { "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "aws", used = "sent to the container's agent" },
  { "AWS_EC2_METADATA_DISABLED", "aws", used = "no keys from the instance's role", flag = true },
  { "AWS_EC2_METADATA_SERVICE_ENDPOINT", "aws", used = "address of the instance's metadata service" },
  { "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "aws", used = "ipv6: another address of the metadata service" },
  { "AWS_METADATA_SERVICE_TIMEOUT", "aws", used = "seconds to wait for the metadata service" },
  {
    "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
    "aws",
    ignored = "o2x asks the metadata service once: set AWS_METADATA_SERVICE_TIMEOUT",
  },
  { "AWS_EC2_METADATA_V1_DISABLED", "aws", moot = "o2x never uses version 1 of the metadata service" },
  { "AWS_IMDS_USE_IPV6", "aws", ignored = "set AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=ipv6", flag = true },
  { "AWS_USE_FIPS_ENDPOINT", "aws", used = "refused without AWS_ENDPOINT_URL…", flag = true },
  { "AWS_USE_DUALSTACK_ENDPOINT", "aws", used = "refused without AWS_ENDPOINT_URL…", flag = true },
  { "AWS_RETRY_MODE", "aws", ignored = "o2x has its own retries: set retry.seconds" },
  { "AWS_MAX_ATTEMPTS", "aws", ignored = "o2x has its own retries: set retry.seconds" },
  { "AWS_CREDENTIAL_FILE", "aws", ignored = "a file of the first EC2 tools: set AWS_SHARED_CREDENTIALS_FILE" },
  { "BOTO_CONFIG", "aws", ignored = "a file of boto 2: set AWS_SHARED_CREDENTIALS_FILE" },
  { "AWS_DEFAULTS_MODE", "aws", moot = "timeouts and retries of other clients" },
  { "AWS_SDK_LOAD_CONFIG", "aws", moot = "o2x always reads ~/.aws/config" },
  { "AWS_STS_REGIONAL_ENDPOINTS", "aws", moot = "o2x always asks the region's STS" },
  { "AWS_DEFAULT_OUTPUT", "aws", moot = "a format of aws's own output" },
  { "AWS_PAGER", "aws", moot = "a pager of aws's own output" },

  { "REDIS_URL", "redis", key = "redis.url" },
  { "REDISCLI_AUTH", "redis", key = "redis.password" },

  { "O2X_LAB_DNS", "lab", key = "dns.servers" },
  { "O2X_LAB_HTTPS", "lab", key = "https.connect_to" },
  { "O2X_LAB_CA", "lab", key = "https.ca" },

  { "HTTPS_PROXY", "network", used = "proxy of https hosts but this machine" },
  { "https_proxy", "network", used = "as HTTPS_PROXY, if that is not set" },
  { "HTTP_PROXY", "network", used = "proxy of http hosts but this machine" },
  { "http_proxy", "network", used = "as HTTP_PROXY, if that is not set" },
  { "ALL_PROXY", "network", used = "proxy of hosts that have none of the others" },
  { "all_proxy", "network", used = "as ALL_PROXY, if that is not set" },
  { "NO_PROXY", "network", used = "hosts, .domains, networks (10.0.0.0/8) and * that are reached without a proxy" },
  { "no_proxy", "network", used = "as NO_PROXY, if that is not set" },
  { "SSL_CERT_FILE", "network", used = "certificate authorities where no key names others" },
  { "SSL_CERT_DIR", "network", used = "folder of certificate authorities, named as openssl rehash does" },
  { "CURL_CA_BUNDLE", "network", ignored = "set SSL_CERT_FILE instead", unless = "SSL_CERT_FILE" },
  { "REQUESTS_CA_BUNDLE", "network", ignored = "set SSL_CERT_FILE instead", unless = "SSL_CERT_FILE" },

  { "NO_COLOR", "terminal", used = "no colours" },
}

-- Key → its rows. The configuration asks for each of its keys at every start.
local by_key = {}
for _, row in ipairs(M.LIST) do
  if row.key then
    by_key[row.key] = by_key[row.key] or {}
    table.insert(by_key[row.key], row)
  end
end

local NO <const> = { ["0"] = true, f = true, ["false"] = true, no = true, off = true }

local function is_file(row) return row[1]:sub(1, 2) == "~/" end

-- The file of a row, below the HOME of env.
local function path_of(row, env) return (env.HOME or "") ~= "" and fs.join(env.HOME, row[1]:sub(3)) or nil end

local function is_set(row, env)
  if is_file(row) then
    local path = path_of(row, env)
    return path ~= nil and fs.exists(path)
  end
  local value = env[row[1]] or ""
  return value ~= "" and not (row.flag and NO[value:lower()])
end

--- The variables and files that give a key its value, the first that is set counts.
---@param key string of the configuration: "vault.addr"
---@return string[] names
function M.names(key)
  local names = {}
  for i, row in ipairs(by_key[key] or {}) do
    names[i] = row[1]
  end
  return names
end

--- The value that the environment gives a key.
---@param key string of the configuration: "vault.addr"
---@param env table<string, string>
---@return string? value
---@return string source the variable, or the path of the file
function M.value(key, env)
  local setting = key:match "^pg%.(.*)$"
  if setting then
    local value, source = pg_service.value(setting, env)
    if value then return value, source end
  end
  for _, row in ipairs(by_key[key] or {}) do
    if is_set(row, env) then
      if not is_file(row) then return env[row[1]], row[1] end
      local path = path_of(row, env)
      if row.path then return path, path end
      return (fs.read(path):gsub("%s+$", "")), path
    end
  end
  return nil, ""
end

-- Is a variable set that counts before this one?
local function is_overruled(row, env) return row.unless ~= nil and (env[row.unless] or "") ~= "" end

local function describe(row, env, sources)
  if is_overruled(row, env) then return "no matter", row.unless .. " counts" end
  if row.ignored then return "ignored", row.ignored end
  if row.refused then return "refused", row.refused end
  if not row.key then return row.used and "used" or "no matter", row.used or row.moot end
  local source = sources[row.key]
  if source and (source == row[1] or source == path_of(row, env)) then return "used", "gives " .. row.key end
  return "not used", ("%s is from %s"):format(row.key, source or "another place")
end

-- Names that only the clients of a system have: one that no row knows is from a newer client, or misspelt.
local CLIENTS <const> = { { "^PG%u+$", "postgresql" }, { "^VAULT_[%u_]+$", "vault" } }
local OF_KUBERNETES <const> = { "_SERVICE_", "_PORT" } -- what a pod gets for a service named vault

local function is_of_kubernetes(name)
  for _, part in ipairs(OF_KUBERNETES) do
    if name:find(part, 1, true) then return true end
  end
  return false
end

-- Rows for what is set and has none.
local function unknown(env)
  local known, rows = {}, {}
  for _, row in ipairs(M.LIST) do
    known[row[1]] = true
  end
  for _, name in ipairs(sorted_keys(env)) do
    for _, client in ipairs(CLIENTS) do
      if name:find(client[1]) and not known[name] and not is_of_kubernetes(name) then
        rows[#rows + 1] = { name, client[2], ignored = "o2x does not know it: unset it" }
      end
    end
  end
  return rows
end

--- What is set, and what o2x does with it.
---@param env table<string, string>
---@param sources table<string, string> where each key of the configuration has its value from
---@return { variable: string, system: string, state: string, help: string }[] list state: "used", "not used",
---  "ignored", "refused", "no matter"
function M.explain(env, sources)
  local list = {}
  for _, row in ipairs(M.LIST) do
    if is_set(row, env) then
      local state, help = describe(row, env, sources)
      list[#list + 1] = { variable = row[1], system = row[2], state = state, help = help }
    end
  end
  for _, row in ipairs(unknown(env)) do
    list[#list + 1] = { variable = row[1], system = row[2], state = "ignored", help = row.ignored }
  end
  return list
end

--- Refuses to run with what asks for less than o2x does.
---@param env table<string, string>
function M.check(env)
  for _, row in ipairs(M.LIST) do
    if row.refused and is_set(row, env) then errors.input(row[1] .. " is set", row.refused) end
  end
end

--- What is set and would be expected to matter, but does not.
---@param env table<string, string>
---@return string[] texts one line each
function M.warnings(env)
  local texts = {}
  for _, row in ipairs(M.LIST) do
    if row.ignored and is_set(row, env) and not is_overruled(row, env) then
      texts[#texts + 1] = ("%s %s; %s"):format(row[1], is_file(row) and "exists" or "is set", row.ignored)
    end
  end
  for _, row in ipairs(unknown(env)) do
    texts[#texts + 1] = ("%s is set; %s"):format(row[1], row.ignored)
  end
  for _, one in ipairs(pg_service.unused(env, function(setting) return #M.names("pg." .. setting) > 0 end)) do
    texts[#texts + 1] = ("%s: o2x does not use %s"):format(one[2], one[1])
  end
  return texts
end

return M
