--- The address and credentials of the cluster: from kubeconfig files, read as kubectl does, or from the pod's own
--- service account.
local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local mask = require "o2x.base.mask"
local proc = require "o2x.base.proc"
local secret = require "o2x.base.secret"
local yaml = require "o2x.base.yaml"

local M = {}

local SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
local HINT = "set KUBECONFIG to your cluster's kubeconfig"

-- Fields that change the identity or the address and are not implemented: ignoring one would be wrong.
local UNSUPPORTED = {
  cluster = { "proxy-url", "tls-server-name" },
  user = { "auth-provider", "username", "as", "as-groups", "as-uid", "as-user-extra" },
}

---@class o2x.kubeconfig.options
---@field path string? list of files separated by ":" (KUBECONFIG); nil: ~/.kube/config, else in-cluster
---@field context string? nil: the current one
---@field namespace string? nil: the context's
---@field exec_plugins string[]? absolute paths of the credential plugins that may run

---@class o2x.kubeconfig
---@field server string URL without a slash at the end
---@field ca string? PEM; nil for http
---@field namespace string
---@field context string for messages
---@field token_file string?

local Config = {}
Config.__index = Config

local function bad(message, where, hint)
  errors.raise { kind = "input", module = "kubeconfig", op = "load", message = message, where = where, hint = hint }
end

-- ---- files ----

local function folder_of(path) return path:match("^(.*)/[^/]*$") or "." end

local function resolve(folder, path) return path:sub(1, 1) == "/" and path or folder .. "/" .. path end

local function read_yaml(path)
  local doc = yaml.read(fs.read(path), path)
  if type(doc) ~= "table" or doc == json.null then bad("not a kubeconfig", path) end
  if doc.kind ~= nil and doc.kind ~= "Config" then bad("not a kubeconfig: kind is " .. tostring(doc.kind), path) end
  return doc
end

-- Values as kubectl reads them: null and "" count as absent, and a text must be one.
local function text_of(map, field, where)
  local value = map[field]
  if value == nil or value == json.null or value == "" then return nil end
  if type(value) ~= "string" then
    bad(("%s must be a text, not a %s"):format(field, type(value)), where, "put it in quotes")
  end
  return value
end

local function table_of(map, field, where)
  local value = map[field]
  if value == nil or value == json.null then return nil end
  if type(value) ~= "table" then bad(("%s must not be a %s"):format(field, type(value)), where) end
  return value
end

-- A list of texts; null counts as absent.
local function texts_of(map, field, where)
  local texts = {}
  for i, item in ipairs(table_of(map, field, where) or {}) do
    texts[i] = type(item) == "string" and item
      or bad(("%s must be a list of texts"):format(field), where, "put its items in quotes")
  end
  return texts
end

-- What becomes part of a header or of a path.
local function token_of(text, what, where)
  if text and text:find("[%c ]") then bad(what .. " contains a space or a control character", where) end
  return text and secret.new(text, "kubernetes token")
end

local function namespace_of(map, where)
  local name = text_of(map, "namespace", where)
  if name and not name:find("^[a-z0-9][a-z0-9-]*$") then
    bad(("namespace '%s' is not the name of a namespace"):format(name), where)
  end
  return name
end

-- Adds one file; entries of earlier files win. Each entry remembers its file, because its paths are relative to it.
local function merge(into, doc, path)
  for _, kind in ipairs { "cluster", "user", "context" } do
    for _, entry in ipairs(table_of(doc, kind .. "s", path) or {}) do
      if type(entry) ~= "table" or entry == json.null then bad(kind .. "s has an entry that is not a map", path) end
      local name = text_of(entry, "name", path)
      if name and not into[kind][name] then
        local value = table_of(entry, kind, path) or {}
        if value[1] ~= nil then bad(("%s %s must be a map, not a list"):format(kind, name), path) end
        into[kind][name] = { value = value, path = path }
      end
    end
  end
  into.current = into.current or text_of(doc, "current-context", path)
end

local function load_files(list, explicit)
  local all, found = { cluster = {}, user = {}, context = {} }, nil
  for path in list:gmatch("[^:]+") do
    if fs.exists(path) then
      merge(all, read_yaml(path), path)
      found = found or path
    end
  end
  if not found and explicit then bad("kubeconfig not found: " .. list, nil, HINT) end
  all.path = found
  return found and all
end

-- ---- one user, one cluster ----

local function refuse_unsupported(kind, entry)
  for _, field in ipairs(UNSUPPORTED[kind]) do
    local value = entry.value[field]
    if value ~= nil and value ~= json.null then bad(("%s is not supported"):format(field), entry.path) end
  end
end

-- A certificate or key from NAME-data (base64) or NAME (a file); NAME-data wins.
local function inline_or_file(entry, name)
  local data, file = text_of(entry.value, name .. "-data", entry.path), text_of(entry.value, name, entry.path)
  if data then
    local ok, bytes = pcall(crypto.unbase64, data)
    return ok and bytes or bad(name .. "-data is not base64", entry.path)
  end
  if file then
    local path = resolve(folder_of(entry.path), file)
    return fs.read_if(path) or bad(("%s %s does not exist"):format(name, path), entry.path)
  end
end

local function is_loopback(server)
  local host = server:match("^http://%[([%x:]+)%]") or server:match("^http://([^:/]+)")
  return host == "localhost" or host == "::1" or host ~= nil and host:match("^127%.%d+%.%d+%.%d+$") ~= nil
end

local function check_server(server, where)
  if type(server) ~= "string" or not server:match("^https?://[^%s/?#]+[^%s%c]*$") then
    bad("the cluster has no valid server URL", where)
  end
  if server:match("^http:") and not is_loopback(server) then
    bad(server .. ": plain http would send the credentials unencrypted", where, "use https")
  end
  return (server:gsub("/+$", ""))
end

local function use_cluster(config, entry)
  refuse_unsupported("cluster", entry)
  local skip = entry.value["insecure-skip-tls-verify"]
  if skip ~= nil and skip ~= json.null and skip ~= false then
    bad("insecure-skip-tls-verify is not allowed", entry.path, "set the cluster's certificate-authority instead")
  end
  config.server = check_server(entry.value.server, entry.path)
  config.ca = inline_or_file(entry, "certificate-authority")
end

local function token_from_file(path)
  local text = fs.read_if(path) or bad(("token file %s does not exist"):format(path))
  return token_of((text:gsub("%s+$", "")), "the token", path)
end

local function use_user(config, entry, options)
  local user = entry.value
  refuse_unsupported("user", entry)
  config.cert = inline_or_file(entry, "client-certificate")
  local key = inline_or_file(entry, "client-key")
  config.key = key and secret.new(key, "kubernetes client key")
  if (config.cert == nil) ~= (config.key == nil) then
    bad("client-certificate and client-key must be set together", entry.path)
  end
  local file, token = text_of(user, "tokenFile", entry.path), text_of(user, "token", entry.path)
  local exec = table_of(user, "exec", entry.path)
  if file then
    config.token_file = resolve(folder_of(entry.path), file)
  elseif token then
    config.static_token = token_of(token, "token", entry.path)
  elseif exec then
    config.plugin = { exec = exec, path = entry.path, allowed = options.exec_plugins or {} }
  end
end

-- ---- exec plugins: a kubeconfig can run programs, so only those that the configuration lists may run ----

local function plugin_command(plugin)
  local command = text_of(plugin.exec, "command", plugin.path) or bad("exec has no command", plugin.path)
  local path = command
  if not command:find("/", 1, true) then
    path = proc.find(command)
  elseif command:sub(1, 1) ~= "/" then
    path = resolve(folder_of(plugin.path), command)
  end
  for _, allowed in ipairs(plugin.allowed) do
    if allowed == path then return path end
  end
  bad(
    ("the credential plugin %s is not allowed"):format(path),
    plugin.path,
    "if you trust it, list it under kube.exec_plugins in o2x.yaml"
  )
end

-- The variables that a kubeconfig gives the plugin.
local function plugin_env(plugin)
  local env = {}
  for _, item in ipairs(table_of(plugin.exec, "env", plugin.path) or {}) do
    if type(item) ~= "table" then bad("exec: env has an entry that is not a map", plugin.path) end
    local name = text_of(item, "name", plugin.path) or bad("exec: env has an entry without a name", plugin.path)
    env[name] = text_of(item, "value", plugin.path) or ""
  end
  return env
end

local function refused(plugin, message)
  errors.raise {
    kind = "unauthorised",
    module = "kubeconfig",
    op = "exec",
    where = plugin.path,
    message = ("the credential plugin %s returned %s"):format(plugin_command(plugin), message),
  }
end

local function run_plugin(plugin)
  local argv = { plugin_command(plugin), table.unpack(texts_of(plugin.exec, "args", plugin.path)) }
  local version = text_of(plugin.exec, "apiVersion", plugin.path) or "client.authentication.k8s.io/v1"
  local request = { apiVersion = version, kind = "ExecCredential", spec = { interactive = false } }
  local env = plugin_env(plugin)
  env.KUBERNETES_EXEC_INFO = json.encode(request)
  local r = proc.run { argv = argv, env = env, timeout = 60 }
  local ok, doc = pcall(json.read, r.stdout)
  local status = ok and type(doc) == "table" and doc.status
  if r.code ~= 0 or type(status) ~= "table" or status == json.null then
    local reason = mask.text(r.stderr):match("[^\n]+") or "no output"
    refused(plugin, "no credential: " .. reason)
  end
  local token = text_of(status, "token", plugin.path)
  local cert, key = text_of(status, "clientCertificateData", plugin.path), text_of(status, "clientKeyData", plugin.path)
  if (cert == nil) ~= (key == nil) then refused(plugin, "a certificate without its key, or a key without it") end
  if not token and not cert then refused(plugin, "no credential: neither a token nor a certificate") end
  return {
    token = token_of(token, "the token of the credential plugin", plugin.path),
    cert = cert,
    key = key and secret.new(key, "kubernetes client key"),
  }
end

-- ---- loading ----

local function in_cluster(options)
  local host, port = os.getenv("KUBERNETES_SERVICE_HOST"), os.getenv("KUBERNETES_SERVICE_PORT")
  local folder = options.service_account or SERVICE_ACCOUNT
  if not (host and port and fs.exists(folder .. "/token")) then return nil end
  if host:find(":", 1, true) then host = "[" .. host .. "]" end
  local namespace = (fs.read_if(folder .. "/namespace") or ""):match("%S+")
  return setmetatable({
    server = ("https://%s:%s"):format(host, port),
    context = "in-cluster",
    ca = fs.read(folder .. "/ca.crt"),
    token_file = folder .. "/token",
    namespace = options.namespace or namespace or "default",
  }, Config)
end

local function pick(all, kind, name)
  local entry = name and all[kind][name]
  if not entry then bad(("no %s named %q"):format(kind, tostring(name)), all.path) end
  return entry
end

local function from_files(all, options)
  local name = options.context or all.current
  if not name then bad("no current context", all.path, "kubectl config use-context NAME") end
  local context = pick(all, "context", name)
  local config = setmetatable({
    context = name,
    path = context.path,
    namespace = options.namespace or namespace_of(context.value, context.path) or "default",
  }, Config)
  use_cluster(config, pick(all, "cluster", text_of(context.value, "cluster", context.path)))
  local user = text_of(context.value, "user", context.path)
  if user then use_user(config, pick(all, "user", user), options) end
  return config
end

--- Loads the configuration: the given files, else ~/.kube/config, else the pod's service account.
---@param options o2x.kubeconfig.options?
---@return o2x.kubeconfig
function M.load(options)
  options = options or {}
  local explicit = options.path and options.path ~= ""
  local home = os.getenv("HOME")
  local list = explicit and options.path or home and home .. "/.kube/config" or ""
  local all = load_files(list, explicit)
  if all then return from_files(all, options) end
  return in_cluster(options) or bad("no kubeconfig: KUBECONFIG is not set and ~/.kube/config does not exist", nil, HINT)
end

--- The credentials to send: fetched once, and again after `refresh`.
---@return { token: userdata?, cert: any, key: userdata? }
function Config:credentials()
  if self.plugin then
    self.from_plugin = self.from_plugin or run_plugin(self.plugin)
    return self.from_plugin
  end
  if self.token_file and not self.read_token then self.read_token = token_from_file(self.token_file) end
  return { token = self.read_token or self.static_token, cert = self.cert, key = self.key }
end

--- Drops credentials that can be fetched again.
---@return boolean whether a retry makes sense
function Config:refresh()
  self.from_plugin, self.read_token = nil, nil
  self.refreshed = (self.refreshed or 0) + 1
  return self.plugin ~= nil or self.token_file ~= nil
end

--- The number of refreshes: a text made at another number is out of date.
---@return integer
function Config:revision() return self.refreshed or 0 end

--- A self-contained kubeconfig for a child process: one context with its credentials, so that the program needs neither
--- our files nor a plugin.
---@return userdata secret text of a file to be written with mode 0600
function Config:text()
  local credentials = self:credentials()
  local user = {}
  if credentials.token then user.token = credentials.token end
  if credentials.cert then
    user["client-certificate-data"] = crypto.base64(credentials.cert)
    user["client-key-data"] = credentials.key:base64()
  end
  local cluster = { server = self.server }
  if self.ca then cluster["certificate-authority-data"] = crypto.base64(self.ca) end
  return json.encode_secret { -- JSON is YAML too
    apiVersion = "v1",
    kind = "Config",
    ["current-context"] = "o2x",
    clusters = json.array { { name = "o2x", cluster = cluster } },
    users = json.array { { name = "o2x", user = user } },
    contexts = json.array { { name = "o2x", context = { cluster = "o2x", user = "o2x", namespace = self.namespace } } },
  }
end

--- The kubeconfig of a run.
---@param config table
---@return table kubeconfig
function M.for_run(config)
  return M.load { path = config.kube.config, context = config.kube.context, exec_plugins = config.kube.exec_plugins }
end

return M
