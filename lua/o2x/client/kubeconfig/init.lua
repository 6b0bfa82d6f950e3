--- The address and credentials of the cluster: from kubeconfig files, read as kubectl does, or from the pod's own
--- service account.
local crypto = require "o2x.base.crypto"
local exec = require "o2x.client.kubeconfig.exec"
local files = require "o2x.client.kubeconfig.files"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proxies = require "o2x.client.proxy"
local secret = require "o2x.base.secret"

local M = {}

local bad = files.bad

local SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
local HINT = "set KUBECONFIG to your cluster's kubeconfig"

---@class o2x.kubeconfig.options
---@field path string? list of files separated by ":" (KUBECONFIG); nil: ~/.kube/config, else in-cluster
---@field context string? nil: the current one
---@field namespace string? nil: the context's
---@field exec_plugins string[]? absolute paths of the credential plugins that may run
---@field exec_seconds number? for one of them to answer, 60 if absent

---@class o2x.kubeconfig
---@field server string URL without a slash at the end
---@field ca string? PEM; nil for http, and where the system's authorities count
---@field tls_name string? that the server's certificate has
---@field proxy string? for http.request
---@field namespace string
---@field context string for messages
---@field token_file string?

local Config = {}
Config.__index = Config

-- ---- the cluster ----

local function is_loopback(server)
  local host = server:match("^http://%[([%x:]+)%]") or server:match("^http://([^:/]+)")
  return host == "localhost" or host == "::1" or host ~= nil and host:match("^127%.%d+%.%d+%.%d+$") ~= nil
end

-- Its path as Go's clients send it: "/a//b/./c/../" is "/a/b".
local function clean(server)
  local origin, path = server:match "^(%a+://[^/]+)(.*)$"
  local parts = {}
  for part in path:gmatch "[^/]+" do
    if part == ".." then
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = (part:gsub("[\x80-\xff]", function(c) return ("%%%02X"):format(c:byte()) end))
    end
  end
  return table.concat({ origin, table.unpack(parts) }, "/")
end

local function check_server(server, where)
  server = server and server:gsub("^%a+://", string.lower)
  if not server or not server:match("^https?://[^%s/?#@]+[^%s%c?#]*$") then
    bad("the cluster has no valid server URL", where, "server: https://HOST:PORT")
  end
  if server:match("^http:") and not is_loopback(server) then
    bad(server .. ": plain http would send the credentials unencrypted", where, "use https")
  end
  return clean(server)
end

local function use_cluster(config, entry)
  local value = entry.value
  if value["insecure-skip-tls-verify"] then
    bad("insecure-skip-tls-verify is not allowed", entry.path, "set the cluster's certificate-authority instead")
  end
  config.server = check_server(value.server, entry.path)
  config.ca = files.bytes(entry, "certificate-authority")
  config.tls_name, config.proxy_url = value["tls-server-name"], value["proxy-url"]
  if config.tls_name and not config.tls_name:find "^[%w._-]+$" then
    bad("tls-server-name is not the name of a host", entry.path)
  end
  if not config.proxy_url then return end
  config.proxy = proxies.parse(config.proxy_url, entry.path)
  if config.server:find "^http:" then
    bad(config.server .. ": plain http would show the credentials to the proxy", entry.path, "use https")
  end
end

-- ---- the user ----

-- What becomes part of a header.
local function secret_of(text, what, where)
  if text:find("%c") then bad(what .. " contains a control character", where) end
  return secret.new(text, what == "the password" and "kubernetes password" or "kubernetes token")
end

local function use_certificate(config, entry)
  config.cert = files.bytes(entry, "client-certificate")
  local key = files.bytes(entry, "client-key")
  if config.cert and not key then bad("client-certificate and client-key must be set together", entry.path) end
  config.key = config.cert and secret.new(key, "kubernetes client key") or nil
end

local function use_password(config, entry)
  local value = entry.value
  if value.password and not value.username then bad("a password without a username", entry.path) end
  if not value.username then return end
  if value.token or value.tokenFile then
    bad("a token and a username are both set", entry.path, "remove one of them")
  end
  if value.username:find "[%c:]" then bad("username contains a colon or a control character", entry.path) end
  config.username = value.username
  config.password = secret_of(value.password or "", "the password", entry.path)
end

local function use_token(config, entry)
  local file, token = entry.value.tokenFile, entry.value.token
  config.static_token = token and secret_of(token, "the token", entry.path)
  if not file then return end
  file = files.resolve(entry, file)
  local text = fs.read_if(file)
  if text and text:find "%S" or not token then config.token_file = file end
end

-- As whom requests are made, in kubectl's headers.
local function use_impersonation(config, entry)
  local value = entry.value
  local groups, extra = value["as-groups"] or {}, value["as-user-extra"] or {}
  if not value.as then
    if value["as-uid"] or #groups > 0 or next(extra) then
      bad("as-uid, as-groups and as-user-extra need as", entry.path, "as: USER")
    end
    return
  end
  local headers = { ["Impersonate-User"] = value.as, ["Impersonate-Uid"] = value["as-uid"] }
  if #groups > 0 then headers["Impersonate-Group"] = groups end
  for key, texts in pairs(extra) do
    local name = key:gsub("[^%w!#$&'*+.^_`|~-]", function(c) return ("%%%02X"):format(c:byte()) end)
    if #texts > 0 then headers["Impersonate-Extra-" .. name] = texts end
  end
  for name, text in pairs(headers) do
    for _, one in ipairs(type(text) == "table" and text or { text }) do
      if one:find "%c" then bad(name .. " would contain a control character", entry.path) end
    end
  end
  config.impersonation = headers
  config.as = { as = value.as, ["as-uid"] = value["as-uid"] }
  if #groups > 0 then config.as["as-groups"] = json.array(groups) end
  if next(extra) then config.as["as-user-extra"] = extra end
end

local function use_user(config, entry, cluster, options)
  if entry.value["auth-provider"] then
    bad("auth-provider is not supported", entry.path, "use a credential plugin: users: user: exec")
  end
  use_certificate(config, entry)
  use_password(config, entry)
  use_token(config, entry)
  use_impersonation(config, entry)
  if entry.value.exec then
    local plugin = exec.new(entry, exec.cluster(cluster, config.ca), options.exec_plugins or {}, options.exec_seconds)
    local static = config.cert or config.username or config.static_token or config.token_file
    config.plugin = not static and plugin or nil
  end
end

-- ---- loading ----

local function in_cluster(options)
  local host, port = os.getenv("KUBERNETES_SERVICE_HOST"), os.getenv("KUBERNETES_SERVICE_PORT")
  local folder = options.service_account or SERVICE_ACCOUNT
  if not (host and port and fs.exists(folder .. "/token")) then return nil end
  if host:find(":", 1, true) then host = "[" .. host .. "]" end
  local namespace = os.getenv("POD_NAMESPACE") or ""
  if namespace == "" then namespace = (fs.read_if(folder .. "/namespace") or ""):match("%S+") end
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

local function namespace_of(entry)
  local name = entry.value.namespace
  if name and not name:find("^[a-z0-9][a-z0-9-]*$") then
    bad(("namespace '%s' is not the name of a namespace"):format(name), entry.path)
  end
  return name
end

-- kubectl would ask for a user and a password. Going on as nobody would hide a slip of the pen, such as `Token:`.
local function check_credentials(config, user)
  if config.cert or config.username or config.static_token or config.token_file or config.plugin then return end
  if config.server:find "^http:" then return end
  bad(
    user and ("user %s has no credentials"):format(user) or ("context %s has no user"):format(config.context),
    config.path,
    "set token, client-certificate and client-key, or exec under users"
  )
end

local function from_files(all, options)
  local name = options.context or all.current
  if not name then bad("no current context", all.path, "kubectl config use-context NAME") end
  local context = pick(all, "context", name)
  local config = setmetatable({
    context = name,
    path = context.path,
    namespace = options.namespace or namespace_of(context) or "default",
  }, Config)
  local cluster = pick(all, "cluster", context.value.cluster)
  use_cluster(config, cluster)
  local user = context.value.user
  if user then use_user(config, pick(all, "user", user), cluster, options) end
  check_credentials(config, user)
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
  local all = files.load(list)
  if all then return from_files(all, options) end
  if explicit then bad("kubeconfig not found: " .. list, nil, HINT) end
  return in_cluster(options) or bad("no kubeconfig: KUBECONFIG is not set and ~/.kube/config does not exist", nil, HINT)
end

-- ---- credentials ----

local function token_from_file(path)
  local text = fs.read_if(path) or bad(("token file %s does not exist"):format(path))
  text = text:match "^%s*(.-)%s*$"
  if text == "" then bad("the token file is empty", path) end
  return secret_of(text, "the token", path)
end

--- The credentials to send: fetched once, and again after `refresh` or when they have expired.
---@return { token: userdata?, cert: any, key: userdata? }
function Config:credentials()
  if self.plugin then
    local credential, renewed = self.plugin:credentials()
    if renewed then self.refreshed = (self.refreshed or 0) + 1 end
    return credential
  end
  if self.token_file and not self.read_token then self.read_token = token_from_file(self.token_file) end
  return { token = self.read_token or self.static_token, cert = self.cert, key = self.key }
end

--- The headers that say who sends a request, besides a token.
---@return table<string, any> name → text, secret or list of texts
function Config:headers()
  local headers = {}
  for name, text in pairs(self.impersonation or {}) do
    headers[name] = text
  end
  if self.username then headers.Authorization = "Basic " .. (self.username .. ":" .. self.password):base64() end
  return headers
end

--- Drops credentials that can be fetched again.
---@return boolean whether a retry makes sense
function Config:refresh()
  if self.plugin then self.plugin:forget() end
  self.read_token = nil
  self.refreshed = (self.refreshed or 0) + 1
  return self.plugin ~= nil or self.token_file ~= nil
end

--- The number of refreshes: a text made at another number is out of date.
---@return integer
function Config:revision()
  if self.plugin then self:credentials() end -- a credential may have expired since
  return self.refreshed or 0
end

-- The user of a kubeconfig for a child.
local function user_of(self)
  local credentials, user = self:credentials(), {}
  for name, value in pairs(self.as or {}) do
    user[name] = value
  end
  user.token, user.username, user.password = credentials.token, self.username, self.password
  if credentials.cert then
    user["client-certificate-data"] = crypto.base64(credentials.cert)
    user["client-key-data"] = credentials.key:base64()
  end
  return user
end

--- A self-contained kubeconfig for a child process: one context with its credentials, so that the program needs neither
--- our files nor a plugin.
---@return userdata secret text of a file to be written with mode 0600
function Config:text()
  local cluster = { server = self.server, ["tls-server-name"] = self.tls_name, ["proxy-url"] = self.proxy_url }
  if self.ca then cluster["certificate-authority-data"] = crypto.base64(self.ca) end
  return json.encode_secret { -- JSON is YAML too
    apiVersion = "v1",
    kind = "Config",
    ["current-context"] = "o2x",
    clusters = json.array { { name = "o2x", cluster = cluster } },
    users = json.array { { name = "o2x", user = user_of(self) } },
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
