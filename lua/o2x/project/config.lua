--- The configuration: addresses and credentials of the systems. The first source that has a value wins:
--- flag > O2X_* > o2x.yaml of the project > ~/.config/o2x/config.yaml > standard variables (environment.lua) > default.
-- Passwords and tokens become secrets immediately.

local environment = require "o2x.project.environment"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local limits = require "o2x.base.limits"
local suggest = require "o2x.base.suggest"
local program = require "o2x.core.program"
local secret = require "o2x.base.secret"
local user_folders = require "o2x.base.user_folders"

local M = {}

-- key, description, default; kind: text if absent
local KEYS = {
  { "platform", "folder of the platform tree", kind = "path" },
  { "state", "folder of the run store", kind = "path" },
  { "secrets", "folder of the tenants' secrets: NAME.yaml, mode 0600", kind = "path" },
  -- Only o2x.yaml says so: a variable or a flag would be a way around it that no journal has.
  { "calendar", "file that says when tenants may be changed; o2x help windows", kind = "path", of_project = true },
  { "approvals", "file that says which runs others must approve; o2x help approve", kind = "path", of_project = true },
  { "files.git", "commit: a run commits the files of the platform tree that it wrote", of_project = true },
  { "pg.host", "PostgreSQL server", default = "127.0.0.1" },
  { "pg.hostaddr", "address of pg.host, instead of asking DNS" },
  { "pg.port", "PostgreSQL port, or one for each host", kind = "ports", default = 5432 },
  { "pg.direct", "HOST:PORT of the server behind a pooler in transaction mode" },
  { "pg.user", "role to connect as", default = "admin" },
  { "pg.password", "password of pg.user", kind = "secret" },
  { "pg.passfile", "password file in libpq's format", kind = "path" },
  { "pg.sslmode", "TLS mode; default: what platform.yaml says, or verify-full" },
  { "pg.sslrootcert", "certificate authority of PostgreSQL", kind = "path" },
  { "pg.sslcert", "client certificate", kind = "path" },
  { "pg.sslkey", "key of the client certificate", kind = "path" },
  { "pg.sslcrl", "revoked certificates", kind = "path" },
  { "pg.sslcrldir", "folder of revoked certificates", kind = "path" },
  { "pg.sslsni", "1 or 0: send the host name in TLS's first message" },
  { "pg.ssl_min_protocol_version", "lowest version of TLS: TLSv1.2" },
  { "pg.ssl_max_protocol_version", "highest version of TLS" },
  { "pg.channel_binding", "channel binding: disable, prefer or require" },
  { "pg.require_auth", "methods by which the server may authenticate; needs libpq 16" },
  { "pg.requirepeer", "user that the server's process must run as (Unix sockets)" },
  { "pg.gssencmode", "GSSAPI encryption: disable, prefer or require" },
  { "pg.krbsrvname", "Kerberos name of the server" },
  { "pg.target_session_attrs", "which of several hosts: any, read-write, primary …" },
  { "pg.connect_timeout", "time limit for a connection, in seconds; 0: 10 seconds", kind = "integer" },
  { "pg.locale", "collation and ctype of new databases", default = "en_US.UTF-8" },
  { "pg.reader", "role that scripts' reads run as: o2x_reader if there is one; none: pg.user" },
  { "pg.functions", "the platform's own functions that reads may call, as SCHEMA.NAME", kind = "list" },
  { "pg.admin_database", "database to connect to when creating others", default = "postgres" },
  { "vault.addr", "Vault server" },
  { "vault.token", "Vault token", kind = "secret" },
  { "vault.namespace", "Vault namespace" },
  { "vault.cacert", "certificate authority of Vault", kind = "path" },
  { "vault.cacert_bytes", "the same as a text in PEM, if there is no file", kind = "pem" },
  { "vault.capath", "folder of certificate authorities of Vault, if there is neither", kind = "path" },
  { "vault.client_cert", "certificate to show to Vault", kind = "path" },
  { "vault.client_key", "key of that certificate", kind = "path" },
  { "vault.tls_server_name", "name that Vault's certificate has, if not its host" },
  { "vault.proxy", "proxy to reach Vault by: http://HOST:PORT, https:// or socks5://", kind = "proxy" },
  { "vault.timeout", "time limit for a request to Vault: seconds, or 90s, 2m", kind = "duration", default = 30 },
  { "vault.mount", "mount path of the KV engine", default = "secret" },
  { "vault.role_id", "AppRole to log in with if there is no token" },
  { "vault.secret_id", "secret id of that AppRole", kind = "secret" },
  { "vault.kubernetes_role", "role for a login from inside the cluster" },
  { "kube.config", "kubeconfig files, separated by colons" },
  { "kube.context", "context to use; default: the current one" },
  { "kube.exec_plugins", "credential plugins that the kubeconfig may run", kind = "list" },
  { "helm.command", "the helm program", default = "helm" },
  { "helm.registry_config", "logins of chart registries; default: helm's own registry/config.json", kind = "path" },
  { "helm.repository_config", "chart repositories; default: helm's own repositories.yaml", kind = "path" },
  { "aws.endpoint", "endpoint to use instead of Amazon's" },
  { "aws.region", "AWS region; default: the profile's, or us-east-1" },
  { "aws.profile", "profile of ~/.aws/config and ~/.aws/credentials that gives keys and region" },
  { "aws.config_file", "file to read instead of ~/.aws/config", kind = "path" },
  { "aws.credentials_file", "file to read instead of ~/.aws/credentials", kind = "path" },
  { "aws.credential_processes", "programs that a profile may run for its keys, by their paths", kind = "list" },
  { "aws.ca_bundle", "certificate authority of AWS", kind = "path" },
  { "aws.hosted_zones", "ids of the hosted zones to use where several have one name", kind = "list" },
  { "aws.access_key_id", "access key" },
  { "aws.secret_access_key", "secret access key", kind = "secret" },
  { "aws.session_token", "session token", kind = "secret" },
  { "redis.url", "Redis server", kind = "secret" },
  { "redis.password", "Redis password, if the URL has none", kind = "secret" },
  { "redis.ca", "certificate authority of Redis", kind = "path" },
  { "broker.url", "admin interface of the message broker" },
  { "broker.user", "user of the broker", default = "admin" },
  { "broker.password", "password of the broker", kind = "secret" },
  { "dns.servers", "name servers to query instead of the system's", kind = "list" },
  { "https.connect_to", "address to connect to for every HTTPS host" },
  { "https.ca", "certificate authority of HTTPS hosts", kind = "path" },
  { "cleartext.hosts", "hosts to which credentials may go unencrypted", kind = "list" },
  { "webhook.url", "URL that o2x.webhook posts to: a chat or ticket system" },
  { "retry.seconds", "time limit for retries of one operation, in seconds", kind = "integer", default = 60 },
  { "lock.seconds", "time without a sign of life after which a run loses its tenant", kind = "count", default = 120 },
  { "record", "MiB of answers that a run keeps for o2x replay; 0: none", kind = "integer", default = 64 },
}

for _, limit in ipairs(limits.LIST) do
  KEYS[#KEYS + 1] = { "limits." .. limit[1], limit[2] .. ", at most", kind = "count", default = limit[3] }
end

local by_key, sections = {}, {}
for _, key in ipairs(KEYS) do
  by_key[key[1]] = key
  sections[key[1]:match("^(.-)%.") or ""] = true
end

local MOST <const> = 1000000000 -- of a limit

local function absolute(path, base)
  if path:sub(1, 2) == "~/" then
    local home = user_folders.home()
    if not home then errors.input(("%s: HOME is not set"):format(path), "write the whole path") end
    return home .. path:sub(2)
  end
  return path:sub(1, 1) == "/" and path or fs.join(base, path)
end

local function wrong(key, expected, source) errors.input(("%s: expected %s"):format(key[1], expected), nil, source) end

-- A list of texts, from a list or from a text with commas.
local function list_of(key, value, source)
  local items = {}
  if type(value) ~= "table" then
    for item in tostring(value):gmatch("[^,%s]+") do
      items[#items + 1] = item
    end
    return items
  end
  if #value == 0 and next(value) ~= nil then wrong(key, "a list", source) end
  for i, item in ipairs(value) do
    items[i] = type(item) == "string" and item or wrong(key, "a list of texts", source)
  end
  return items
end

local SECONDS <const> = { [""] = 1, ms = 0.001, s = 1, m = 60, h = 3600 }

-- Seconds of "90", "90s", "2m", "1m30s".
local function duration(text)
  local total, rest = 0, text
  repeat
    local number, unit, after = rest:match "^(%d+%.?%d*)(%l*)(.*)$"
    if not number or not SECONDS[unit] then return nil end
    total, rest = total + tonumber(number) * SECONDS[unit], after
  until rest == ""
  return total > 0 and total < 86400 and total or nil
end

-- Converts a value to the kind of its key; relative paths are relative to base.
local function convert(key, value, source, base)
  local kind = key.kind or "text"
  if kind == "list" then return list_of(key, value, source) end
  if type(value) == "table" then wrong(key, "a single value", source) end
  if secret.is(value) then return value end
  local text = tostring(value)
  if kind == "pem" then return text:find("-----BEGIN", 1, true) and text or wrong(key, "a text in PEM", source) end
  if text:find("%c") then wrong(key, "a text without control characters", source) end
  if kind == "integer" then return math.tointeger(tonumber(text)) or wrong(key, "an integer", source) end
  if kind == "ports" then
    text = text:gsub("%s+", "")
    if not text:find "%d" or text:find "[^%d,]" then
      wrong(key, "an integer, or one for each host: 5432,5433", source)
    end
    return math.tointeger(tonumber(text)) or text
  end
  if kind == "count" then
    local count = math.tointeger(tonumber(text))
    return count and count >= 1 and count <= MOST and count or wrong(key, "an integer from 1 to 1000000000", source)
  end
  if kind == "secret" then return secret.new(text, key[1]) end
  if kind == "path" then return absolute(text, base) end
  if kind == "proxy" then return require("o2x.client.proxy").parse(text, source) end
  if kind == "duration" then return duration(text) or wrong(key, "a time: seconds, or 90s, 2m", source) end
  return text
end

local function line_of(text, name)
  local number = 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    if line:match("^%s*" .. name:gsub("%p", "%%%0") .. "%s*:") then return number end
  end
  return 1
end

local function unknown_key(path, text, name, names)
  errors.input(
    ("unknown key %q%s"):format(name, suggest.did_you_mean(name, names)),
    "o2x config explain lists the keys",
    ("%s:%d"):format(path, line_of(text, name:match("[^.]+$")))
  )
end

local function all_keys()
  local names = {}
  for _, key in ipairs(KEYS) do
    names[#names + 1] = key[1]
  end
  return names
end

-- The keys of a YAML file as a flat table: "pg.host" → value.
local function read_file(path)
  local text = path and fs.read_if(path)
  if not text then return {} end
  local document = require("o2x.base.yaml").read(text, path, { exact = true })
  local flat = {}
  if document == nil then return flat end
  if type(document) ~= "table" then errors.input("expected a map of keys", nil, path) end
  for name, value in pairs(document) do
    if by_key[name] then
      flat[name] = value
    elseif sections[name] and type(value) == "table" then
      for inner, item in pairs(value) do
        local full = ("%s.%s"):format(name, inner)
        if not by_key[full] then unknown_key(path, text, full, all_keys()) end
        flat[full] = item
      end
    else
      unknown_key(path, text, tostring(name), all_keys())
    end
  end
  return flat
end

local function own_variable(key) return "O2X_" .. key[1]:upper():gsub("%.", "_") end

-- The value of a key, its source, and the base folder of a relative path.
local function look(key, places)
  if key.of_project then
    local own = places.project_values[key[1]]
    if own ~= nil then return own, places.project_yaml, places.root end
    return nil
  end
  if places.flags[key[1]] ~= nil then return places.flags[key[1]], "--set", places.cwd end
  local variable = own_variable(key)
  if (places.env[variable] or "") ~= "" then return places.env[variable], variable, places.cwd end
  for _, file in ipairs(places.files) do
    if file.values[key[1]] ~= nil then return file.values[key[1]], file.path, fs.folder(file.path) end
  end
  local value, source = environment.value(key[1], places.env)
  if value then return value, source, places.cwd end
  if key.default ~= nil then return key.default, "default", places.root end
end

local function put(values, name, value)
  local section, inner = name:match("^(.-)%.(.*)$")
  if not section then
    values[name] = value
    return
  end
  values[section] = values[section] or {}
  values[section][inner] = value
end

--- Is there such a key, of a kind that the command line may give?
---@param name string such as "pg.host"
---@return boolean
function M.is_key(name) return by_key[name] ~= nil and by_key[name].kind ~= "secret" end

local function check_flags(flags)
  for name in pairs(flags) do
    if not by_key[name] then
      errors.input(
        ("unknown configuration key %q%s"):format(name, suggest.did_you_mean(name, all_keys())),
        "o2x config explain lists the keys"
      )
    end
    if by_key[name].of_project then
      errors.input(("%s belongs into o2x.yaml, and is taken from nowhere else"):format(name))
    end
    if by_key[name].kind == "secret" then
      errors.input(
        ("%s is a secret and must not be on the command line"):format(name),
        ("set %s, or put it into ~/.config/o2x/config.yaml"):format(own_variable(by_key[name]))
      )
    end
  end
end

--- Loads the configuration.
---@param project table
---@param flags table<string, string>? key → value from the command line
---@param env table<string, string>? the environment if absent
---@return table config config.pg.host …, source(key): where its value is from, explain(), environment(): what is
---  set of the ecosystem's, warnings() of it
function M.load(project, flags, env)
  env = env or program.environment()
  flags = flags or {}
  check_flags(flags)
  local user = user_folders.config(env)
  user = user and fs.join(user, "o2x", "config.yaml")
  local places = {
    flags = flags,
    env = env,
    cwd = fs.cwd(),
    root = project.root,
    files = { { path = project.yaml, values = read_file(project.yaml) }, { path = user, values = read_file(user) } },
  }
  places.project_values, places.project_yaml = places.files[1].values, project.yaml
  if not project.yaml then table.remove(places.files, 1) end
  local values, sources = {}, {}
  for section in pairs(sections) do
    if section ~= "" then values[section] = {} end
  end
  for _, key in ipairs(KEYS) do
    local value, source, base = look(key, places)
    if value ~= nil then
      value = convert(key, value, source, base)
      put(values, key[1], value)
      sources[key[1]] = source
    end
  end
  limits.use(values.limits)
  values.state = values.state or project.state
  sources.state = sources.state or "default"
  return setmetatable(values, {
    __index = {
      explain = function() return M.explain(values, sources) end,
      source = function(key) return sources[key] end,
      environment = function() return environment.explain(env, sources) end,
      warnings = function()
        environment.check(env)
        return environment.warnings(env)
      end,
    },
  })
end

--- All keys with their values and sources.
---@param values table
---@param sources table<string, string>
---@return table[] list of { key, value, source, help }
function M.explain(values, sources)
  local list = {}
  for _, key in ipairs(KEYS) do
    local section, inner = key[1]:match("^(.-)%.(.*)$")
    local value = values[key[1]]
    if section then value = values[section][inner] end
    if type(value) == "table" then value = table.concat(value, ",") end
    list[#list + 1] = {
      key = key[1],
      value = value ~= nil and tostring(value) or nil,
      source = sources[key[1]] or "not set",
      help = key[2],
      variable = table.concat({ own_variable(key), table.unpack(environment.names(key[1])) }, ", "),
    }
  end
  return list
end

return M
