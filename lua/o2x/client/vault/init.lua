--- A client of HashiCorp Vault's key-value store, version 2, with check-and-set. It obtains and renews its token.
--- Values are returned as secrets. It does not follow redirects and sends paths exactly as they were checked. Effects
--- retry.

local auth = require "o2x.client.vault.auth"
local cleartext = require "o2x.client.cleartext"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local limits = require "o2x.base.limits"
local mount = require "o2x.client.vault.mount"
local problems = require "o2x.client.vault.error"
local scope = require "o2x.base.scope"
local secret = require "o2x.base.secret"
local semaphore = require "o2x.base.semaphore"
local shape = require "o2x.base.shape"

local M = {}

---@class vault.client
local Client = {}
Client.__index = Client

---@class vault.options
---@field addr string "https://vault:8200"
---@field token userdata|nil a secret; or log in with:
---@field role_id string|nil and secret_id: AppRole, at approle_mount ("approle")
---@field kubernetes_role string|nil with jwt, or the pod's own at jwt_file; at kubernetes_mount ("kubernetes")
---@field namespace string|nil
---@field ca string|nil PEM; or ca_file
---@field cert string|nil PEM, with key
---@field key userdata|nil a secret
---@field tls_name string|nil that the server's certificate has, if not the host of addr
---@field proxy string|nil for http.request
---@field mount string|nil of the key-value store ("secret")
---@field scope string[]|nil granted paths below the mount ("tenant/newclient/"); without it only the form is checked
---@field timeout number|nil seconds a request may take (30)
---@field brief boolean|nil is it used for seconds only? Then a given token need not be renewed
---@field warn fun(text: string)|nil gets Vault's warnings

---Makes a client; nothing is sent yet.
---@param options vault.options
---@return vault.client
function M.new(options)
  local addr = options.addr:gsub("/+$", "")
  if not http.split(addr) then
    errors.input(("Vault's address '%s' is not an http or https URL"):format(options.addr), "set VAULT_ADDR")
  end
  local client = setmetatable({
    addr = addr,
    options = options,
    mount = options.mount or "secret",
    looking = semaphore.new(1),
    timeout = options.timeout or 30,
    warn = options.warn or function() end,
  }, Client)
  client.auth = auth.new(client)
  return client
end

-- ---- requests ----

-- Encodes special characters of a path; "%" itself was rejected, so the encoding is unambiguous.
local function encode(path) return http.percent_encode(path, "/@:+=,!$&'()*") end

-- A body is a secret until it is decoded and its secret fields are known.
local function decode(request, response)
  if response.body:length() == 0 then return {} end
  local ok, body = pcall(json.decode_secret, response.body, request.secrets or "data.data", request.label or "vault")
  secret.wipe(response.body)
  if ok and type(body) == "table" then return body end
  if response.status >= 300 then return {} end -- a proxy's page, say; the status speaks
  problems.raise(request, response, "the answer is not JSON")
end

---Sends one request with one token (or none). For vault_auth.lua; others use call.
---@param request table method, path (below /v1/), query ("?version=1"), json, media, what (for messages), secrets
---  (dotted prefix), label
---@param token userdata|nil
---@return table response status, headers, body (decoded)
function Client:send(request, token)
  local body = request.json and json.encode_secret(request.json)
  local response = http.request {
    module = "vault",
    method = request.method,
    reads = request.reads,
    url = ("%s/v1/%s%s"):format(self.addr, encode(request.path), request.query or ""),
    headers = {
      ["X-Vault-Request"] = "true",
      ["X-Vault-Token"] = token,
      ["X-Vault-Namespace"] = self.options.namespace,
      ["Content-Type"] = body and (request.media or "application/json") or nil,
    },
    body = body,
    secret_body = "vault answer",
    timeout = self.timeout,
    ca = self.options.ca,
    ca_file = self.options.ca_file,
    cert = self.options.cert,
    key = self.options.key,
    tls_name = self.options.tls_name,
    proxy = self.options.proxy,
  }
  response.body = decode(request, response)
  return response
end

-- Sends with the current token; retries once with a new one if it was invalid.
local function call(self, request)
  local token = self.auth:token()
  local response = self:send(request, token)
  local dead = response.status == 403 and self.auth:is_dead(token, response)
  if dead and self.auth:renew(token) then
    response, dead = self:send(request, self.auth:token()), false
  end
  local warnings = response.body.warnings
  for _, text in ipairs(type(warnings) == "table" and warnings or {}) do
    self.warn(("%s: %s"):format(request.path, text))
  end
  if response.status < 300 or (response.status == 404 and request.absent) then return response.body, response.status end
  problems.raise(request, response, nil, response.status == 403 and self.auth:refusal(dead) or nil)
end

local function granted(self, path) return scope.path(self.options.scope or { path }, path, "Vault path") end

local function endpoint(self, kind, path) return ("%s/%s/%s"):format(self.mount, kind, granted(self, path)) end

-- ---- the key-value store ----

local PRESENT <const> = { data = { data = "map?", metadata = { version = "integer" } } }
local ABSENT <const> = { data = { "?", metadata = { "?", version = "integer" } } }
local WRITTEN <const> = { data = { version = "integer" } }
local LISTED <const> = { data = { "?", keys = { "each", "string" } } }
local TOKEN <const> = { data = { ttl = "number?" } }

---Reads a secret.
---@param path string below the mount: "tenant/newclient/quickbooks"
---@param version integer? the newest if absent
---@return table|nil fields its values are secrets; nil when there is none, or it was deleted
---@return integer version 0 when there never was one; what a write's cas must be
---@return table|nil metadata created_time, deletion_time, destroyed, custom_metadata
function Client:read(path, version)
  local body, status = call(self, {
    method = "GET",
    path = endpoint(self, "data", path),
    query = version and ("?version=%d"):format(version),
    what = "read " .. path,
    label = path,
    absent = true,
  })
  local what = "Vault: read " .. path
  if status == 404 then
    local metadata = shape.problem(body, ABSENT) == nil and body.data and body.data.metadata or nil
    if not metadata then mount.check(self, body) end
    return nil, metadata and metadata.version or 0, metadata
  end
  if shape.problem(body, PRESENT) then mount.check(self) end
  local data = shape.check(body, PRESENT, what, "vault").data
  self.versioned = true
  return data.data, data.metadata.version, data.metadata
end

-- Discards a value that was read only as a permission check: registered as a secret, it would be masked everywhere.
local function forget(fields)
  if secret.is(fields) then return secret.wipe(fields) end
  for _, field in pairs(type(fields) == "table" and fields or {}) do
    forget(field)
  end
end

-- Vault says 403 to a token that may not read a path, whether something is there or not.
local READABLE <const> = { [200] = true, [404] = true }

---Checks another token: is it valid, for how long, and may it read a secret?
---@param token userdata|string
---@param path string
---@return { valid: boolean, ttl: integer?, readable: boolean } ttl: seconds; 0: it does not end
function Client:try_token(token, path)
  local request = {
    method = "GET",
    path = "auth/token/lookup-self",
    what = "look up a token",
    secrets = "data.id",
    label = "vault token",
  }
  local looked = self:send(request, token)
  if looked.status >= 500 or looked.status == 429 then problems.raise(request, looked) end -- that says nothing of it
  local read =
    self:send({ method = "GET", path = endpoint(self, "data", path), what = "read " .. path, label = path }, token)
  forget(read.status == 200 and shape.problem(read.body, PRESENT) == nil and read.body.data.data)
  local data = looked.status == 200 and shape.check(looked.body, TOKEN, "Vault: look up a token", "vault").data or {}
  return { valid = looked.status == 200, ttl = data.ttl, readable = READABLE[read.status] or false }
end

---Writes a whole secret.
---@param path string
---@param fields table values may be secrets
---@param options { cas: integer? }? the version that is there now; 0: there must be none
---@return integer version
function Client:put(path, fields, options)
  local body = call(self, {
    method = "PUT",
    path = endpoint(self, "data", path),
    what = "write " .. path,
    json = { data = fields, options = { cas = options and options.cas } },
  })
  return shape.check(body, WRITTEN, "Vault: write " .. path, "vault").data.version
end

---Changes some fields; json.null removes one.
---@param path string
---@param fields table
---@param options { cas: integer? }?
---@return integer version
function Client:patch(path, fields, options)
  local body = call(self, {
    method = "PATCH",
    path = endpoint(self, "data", path),
    what = "patch " .. path,
    media = "application/merge-patch+json",
    json = { data = fields, options = { cas = options and options.cas } },
  })
  return shape.check(body, WRITTEN, "Vault: patch " .. path, "vault").data.version
end

---Deletes the newest version; it can be undeleted.
---@param path string
function Client:delete(path)
  call(self, { method = "DELETE", path = endpoint(self, "data", path), what = "delete " .. path, absent = true })
end

---Deletes one version; it can be undeleted. A newer one stays.
---@param path string
---@param version integer
function Client:delete_version(path, version)
  call(self, {
    method = "PUT",
    path = endpoint(self, "delete", path),
    what = "delete " .. path,
    json = { versions = json.array { version } },
  })
end

---Removes a secret with all its versions and its metadata. Nothing brings it back.
---@param path string
function Client:remove(path)
  call(self, { method = "DELETE", path = endpoint(self, "metadata", path), what = "remove " .. path, absent = true })
end

---Undeletes versions.
---@param path string
---@param versions integer[]
function Client:undelete(path, versions)
  call(self, {
    method = "PUT",
    path = endpoint(self, "undelete", path),
    what = "undelete " .. path,
    json = { versions = json.array(versions) },
  })
end

---The names below a path; folders end with "/".
---@param path string
---@return string[]
function Client:list(path)
  granted(self, path .. "/-") -- any name below it must be granted
  local body = call(
    self,
    { method = "LIST", path = ("%s/metadata/%s"):format(self.mount, path), what = "list " .. path, absent = true }
  )
  local data = shape.check(body, LISTED, "Vault: list " .. path, "vault").data
  local keys = data and data.keys or {}
  if #keys > limits.get "rows" then limits.reached("rows", "Vault: list " .. path .. ": more than %s names") end
  return keys
end

---Raises unless the mount is a key-value store of version 2.
function Client:check_mount() mount.check(self) end

---The server's health, also while it is sealed.
---@return table health initialized, sealed, standby, version …
function Client:health() return self:send({ method = "GET", path = "sys/health", what = "read its health" }).body end

---The properties of the client's token: policies, ttl, renewable.
---@return table
function Client:token_info()
  local request = { method = "GET", path = "auth/token/lookup-self", what = "look up the token", secrets = "data.id" }
  return shape.check(call(self, request), TOKEN, "Vault: look up the token", "vault").data
end

---Revokes the token if this client logged in for it. Never raises.
function Client:close() self.auth:close() end

-- All certificates in a folder, as one text.
local function authorities_in(folder)
  if not fs.is_folder(folder) then errors.input("vault.capath is no folder", "set VAULT_CAPATH", folder) end
  local texts = {}
  for _, name in ipairs(fs.list(folder)) do
    local text = fs.read_if(fs.join(folder, name)) or ""
    if text:find("-----BEGIN CERTIFICATE", 1, true) then texts[#texts + 1] = text end
  end
  if #texts == 0 then errors.input("vault.capath has no certificates in PEM", "set VAULT_CAPATH", folder) end
  return table.concat(texts, "\n")
end

-- The certificate that is shown to Vault, and its key.
local function identity(o)
  if not o.client_cert and not o.client_key then return nil end
  if not o.client_cert or not o.client_key then
    errors.input(
      "vault.client_cert and vault.client_key must be set together",
      "set VAULT_CLIENT_CERT and VAULT_CLIENT_KEY"
    )
  end
  return fs.read(o.client_cert), fs.read_secret(o.client_key, "vault client key")
end

-- A proxy would see the token of a Vault that speaks plain http.
local function proxy_of(config, o)
  if o.proxy and o.addr:lower():find "^http:" then
    local host = o.proxy:gsub("^%w+://", ""):gsub("^.*@", ""):gsub(":%d+$", "")
    cleartext.check_host(config, host, "Vault's proxy", "https:// in VAULT_ADDR")
  end
  return o.proxy
end

--- The Vault client of a run.
---@param config table
---@param grants table what the run may touch
---@param run table
---@return table client
function M.for_run(config, grants, run)
  local o = config.vault
  errors.need_setting(o.addr, "Vault", "VAULT_ADDR")
  local cert, key = identity(o)
  return M.new {
    cert = cert,
    key = key,
    ca = not o.cacert and (o.cacert_bytes or o.capath and authorities_in(o.capath)) or nil,
    tls_name = o.tls_server_name,
    proxy = proxy_of(config, o),
    timeout = o.timeout,
    addr = cleartext.check_url(config, o.addr, "Vault"),
    token = o.token,
    role_id = o.role_id,
    secret_id = o.secret_id,
    kubernetes_role = o.kubernetes_role,
    namespace = o.namespace,
    ca_file = o.cacert,
    mount = o.mount,
    scope = grants.vault,
    brief = run.mode == "plan",
    warn = function(text) run.ctx:log("warn", "Vault: " .. text) end,
  }
end

return M
