--- Credential plugins (kubeconfig: user.exec). A kubeconfig can make kubectl run any program; here only those run that
--- the configuration lists. What a plugin gives is kept until it expires, or until the server no longer takes it.

local clock = require "o2x.base.clock"
local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local files = require "o2x.client.kubeconfig.files"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local mask = require "o2x.base.mask"
local proc = require "o2x.base.proc"
local program = require "o2x.core.program"
local secret = require "o2x.base.secret"
local semaphore = require "o2x.base.semaphore"
local yaml = require "o2x.base.yaml"

local M = {}

local SECONDS <const> = 60 -- for a plugin to answer
local SHORTEST <const> = 10 -- seconds that a credential is used, even if it says that it has expired

local API <const> = "client.authentication.k8s.io/"
local VERSIONS <const> = { [API .. "v1"] = true, [API .. "v1beta1"] = true }
local MODES <const> = { Never = true, IfAvailable = true, Always = true }

local Plugin = {}
Plugin.__index = Plugin

local function check(value, path)
  if not value.command then files.bad("exec has no command", path, "write command: PROGRAM") end
  if not value.apiVersion then files.bad("exec has no apiVersion", path, ("write apiVersion: %sv1"):format(API)) end
  if not VERSIONS[value.apiVersion] then
    files.bad("exec: unknown apiVersion " .. value.apiVersion, path, "use a newer plugin: " .. API .. "v1")
  end
  local mode = value.interactiveMode
  if not mode and value.apiVersion == API .. "v1" then
    files.bad("exec has no interactiveMode", path, "write interactiveMode: IfAvailable")
  end
  if mode and not MODES[mode] then
    files.bad("exec: unknown interactiveMode " .. mode, path, "Never, IfAvailable or Always")
  end
  if mode == "Always" then
    files.bad(
      "exec: the plugin wants a terminal (interactiveMode: Always)",
      path,
      "log in with kubectl first, and write interactiveMode: IfAvailable"
    )
  end
  for _, item in ipairs(value.env or {}) do
    if not item.name or item.name:find "[=%z]" then files.bad("exec: env has an entry without a name", path) end
  end
end

--- The plugin of a user.
---@param entry o2x.kubeconfig.entry
---@param cluster table? what provideClusterInfo tells: the cluster's fields
---@param allowed string[] absolute paths
---@param seconds number? for it to answer, 60 if absent
---@return table plugin
function M.new(entry, cluster, allowed, seconds)
  local value = entry.value.exec
  check(value, entry.path)
  local fields = { entry = entry, exec = value, allowed = allowed, slot = semaphore.new(1), path = entry.path }
  fields.seconds = seconds or SECONDS
  fields.cluster = value.provideClusterInfo and cluster or nil
  return setmetatable(fields, Plugin)
end

local INSTALL <const> = "install %s, or name a context that needs none: kube.context in o2x.yaml"

-- What the kubeconfig itself says about it.
local function own_hint(self)
  local hint = self.exec.installHint
  return hint and mask.text(hint):match "%S[^\n]*" or nil
end

local function fail(self, message, hint)
  errors.raise {
    kind = "unauthorised",
    module = "kubeconfig",
    op = "exec",
    where = self.path,
    message = ("the credential plugin %s %s"):format(self.exec.command, message),
    hint = hint or own_hint(self),
  }
end

-- The plugin's path, if it may run.
local function path_of(self)
  local command = self.exec.command
  local path
  if command:find("/", 1, true) then
    path = files.resolve(self.entry, command)
  else
    local ok, found = pcall(proc.find, command)
    path = ok and found or fail(self, "is not installed", own_hint(self) or INSTALL:format(self.exec.command))
  end
  local real = fs.canonical(path)
  for _, allowed in ipairs(self.allowed) do
    if allowed == path or real and fs.canonical(allowed) == real then return path end
  end
  files.bad(
    ("the credential plugin %s is not allowed"):format(path),
    self.path,
    ("if you trust it: O2X_KUBE_EXEC_PLUGINS=%s, or kube.exec_plugins in o2x.yaml"):format(path)
  )
end

-- As kubectl, a plugin gets our environment, but what is for o2x and the other systems.
local OTHERS <const> = { "^O2X_", "^PG", "^VAULT_", "^REDIS" }

local function environment(self)
  local env = {}
  for name, value in pairs(program.environment()) do
    local other = false
    for _, pattern in ipairs(OTHERS) do
      other = other or name:find(pattern) ~= nil
    end
    if not other then env[name] = value end
  end
  for _, item in ipairs(self.exec.env or {}) do
    env[item.name] = item.value or ""
  end
  env.KUBERNETES_EXEC_INFO = json.encode {
    apiVersion = self.exec.apiVersion,
    kind = "ExecCredential",
    spec = { interactive = false, cluster = self.cluster },
  }
  return env
end

local function text_of(self, status, field)
  local value = status[field]
  if value == nil or value == "" then return nil end
  if type(value) ~= "string" then fail(self, ("gave a %s as %s"):format(type(value), field)) end
  return value
end

local function expiry_of(self, status)
  local time = text_of(self, status, "expirationTimestamp") or status.expirationTimestamp
  if not time then return nil end
  local ok, seconds = pcall(clock.parse, time)
  if not ok or not time:find "T" then fail(self, "gave an expirationTimestamp that is no time") end
  return math.max(seconds, clock.now() + SHORTEST)
end

local function answer_of(self, result)
  local ok, answer = pcall(yaml.read, result.stdout, "plugin")
  if result.code ~= 0 or not ok or type(answer) ~= "table" then
    local reason = mask.text(result.stderr):match "[^\n]+"
    fail(self, "gave no credential: " .. (reason or result.code ~= 0 and "no output" or "its answer is not JSON"))
  end
  if (answer.kind or "ExecCredential") ~= "ExecCredential" then fail(self, "gave no ExecCredential") end
  if answer.apiVersion ~= self.exec.apiVersion then
    fail(self, ("answered in apiVersion %s, not %s"):format(tostring(answer.apiVersion), self.exec.apiVersion))
  end
  if type(answer.status) ~= "table" then fail(self, "gave no credential: its answer has no status") end
  return answer.status
end

local function run(self)
  local argv = { path_of(self), table.unpack(self.exec.args or {}) }
  local ok, result = pcall(proc.run, { argv = argv, env = environment(self), timeout = self.seconds })
  if not ok then
    if errors.is(result) and result.kind == "timeout" then
      fail(self, ("did not answer within %g s"):format(self.seconds))
    end
    error(result, 0)
  end
  local status = answer_of(self, result)
  local token = text_of(self, status, "token")
  local cert, key = text_of(self, status, "clientCertificateData"), text_of(self, status, "clientKeyData")
  if token and token:find "%c" then fail(self, "gave a token with a control character") end
  if (cert == nil) ~= (key == nil) then fail(self, "gave a certificate without its key, or a key without it") end
  if not token and not cert then fail(self, "gave no credential: neither a token nor a certificate") end
  return {
    token = token and secret.new(token, "kubernetes token"),
    cert = cert,
    key = key and secret.new(key, "kubernetes client key"),
    expires = expiry_of(self, status),
  }
end

local function has_expired(credential) return credential.expires and clock.now() >= credential.expires end

--- The credential; the plugin runs where there is none, or it has expired.
---@return { token: userdata?, cert: string?, key: userdata? }
---@return boolean renewed whether the plugin ran
function Plugin:credentials()
  local before = self.current
  self.slot:run(function()
    if not self.current or has_expired(self.current) then self.current = run(self) end
  end)
  return self.current, self.current ~= before
end

--- Forgets the credential.
function Plugin:forget() self.current = nil end

--- What provideClusterInfo tells a plugin.
---@param entry o2x.kubeconfig.entry of the cluster
---@param ca string? PEM
---@return table
function M.cluster(entry, ca)
  local value = entry.value
  local config
  for _, extension in ipairs(value.extensions or {}) do
    local is_ours = type(extension) == "table" and extension.name == API .. "exec"
    config = config or is_ours and extension.extension or nil
  end
  return {
    server = value.server,
    ["tls-server-name"] = value["tls-server-name"],
    ["proxy-url"] = value["proxy-url"],
    ["disable-compression"] = value["disable-compression"] or nil,
    ["certificate-authority-data"] = ca and crypto.base64(ca) or nil,
    config = config == nil and json.null or config, -- plugins get it always
  }
end

return M
