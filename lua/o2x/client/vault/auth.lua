--- Vault tokens: logs in, renews after two thirds of the lifetime, logs in again when the token has expired. One task
--- at a time does this; the others wait for it.

local fs = require "o2x.base.fs"
local errors = require "o2x.base.error"
local problems = require "o2x.client.vault.error"
local secret = require "o2x.base.secret"
local shape = require "o2x.base.shape"
local task = require "o2x.base.task"

local M = {}

local SERVICE_ACCOUNT <const> = "/var/run/secrets/kubernetes.io/serviceaccount/token"
local RENEW_AT <const> = 2 / 3
local RETRY <const> = 10 -- seconds

local Auth = {}
Auth.__index = Auth

--- The token of a client, however it is obtained.
---@param client table the vault.client whose token this is
---@return table auth
function M.new(client)
  local given = client.options.token
  if type(given) == "string" then given = secret.new(given, "vault token") end
  return setmetatable({
    client = client,
    current = given,
    given = given ~= nil,
    looked_up = client.options.brief,
    waiting = {},
  }, Auth)
end

-- Runs fn while no other task runs one.
local function exclusively(self, fn)
  while self.busy do
    local free = task.event()
    self.waiting[#self.waiting + 1] = free
    task.wait(free)
  end
  self.busy = true
  local ok, result = pcall(fn)
  self.busy = false
  local waiting = self.waiting
  self.waiting = {}
  for _, event in ipairs(waiting) do
    event:set()
  end
  if not ok then error(result, 0) end
  return result
end

local function keep(self, token, ttl, renewable)
  self.current = token
  self.renew_at = ttl and ttl > 0 and renewable and task.now() + ttl * RENEW_AT or nil
end

-- Token requests may be sent twice, so they count as reads.
local function send(self, request, token)
  request.reads = true
  return self.client:send(request, token)
end

local LABEL <const> = "vault token"

-- ---- getting a token ----

local function login_request(options)
  if options.role_id then
    return ("auth/%s/login"):format(options.approle_mount or "approle"),
      { role_id = options.role_id, secret_id = options.secret_id }
  elseif options.kubernetes_role then
    local jwt = options.jwt or fs.read_secret(options.jwt_file or SERVICE_ACCOUNT, "service account token")
    return ("auth/%s/login"):format(options.kubernetes_mount or "kubernetes"),
      { role = options.kubernetes_role, jwt = jwt }
  end
end

local LOGIN <const> = { client_token = "secret", lease_duration = "number?", renewable = "boolean?" }
local LOOKED_UP <const> = { ttl = "number?", lease_duration = "number?", renewable = "boolean?" }

local function log_in(self)
  local path, body = login_request(self.client.options)
  if not path then
    errors.raise {
      kind = "unauthorised",
      module = "vault",
      op = "login",
      message = "no Vault token",
      hint = "set VAULT_TOKEN, or vault.role_id and vault.secret_id in the configuration",
    }
  end
  local request =
    { method = "PUT", path = path, what = "log in", json = body, secrets = "auth.client_token", label = LABEL }
  local response = send(self, request)
  local auth = response.body.auth
  if response.status == 200 then
    shape.check(auth, LOGIN, "Vault: log in", "vault")
    keep(self, auth.client_token, auth.lease_duration, auth.renewable)
    return true
  end
  local text = problems.text_of(response)
  local refused = response.status == 400 or response.status == 403
  problems.raise(request, response, nil, refused and {
    kind = "unauthorised",
    retryable = false,
    message = text ~= "" and text or "refused",
    hint = "check the role and its secret id, or the service account bound to the role",
  } or nil)
end

-- ---- keeping it ----

local function ask_about(self, token)
  return send(
    self,
    { method = "GET", path = "auth/token/lookup-self", what = "look up the token", secrets = "data.id", label = LABEL },
    token
  )
end

-- Looks up the lifetime of a given token once. A token that may not look itself up is fine.
local function look_up(self)
  local response = ask_about(self, self.current)
  self.looked_up = response.status == 200 or response.status == 403
  local data = response.status == 200 and response.body.data
  if type(data) == "table" then shape.check(data, LOOKED_UP, "Vault: look up the token", "vault") end
  if type(data) == "table" then keep(self, self.current, data.ttl, data.renewable) end
end

local function extend(self)
  local token = self.current
  self.renew_at = task.now() + RETRY -- if this attempt fails: the token is still good for a third of its time
  local ok, response = pcall(send, self, {
    method = "PUT",
    path = "auth/token/renew-self",
    what = "renew the token",
    json = { increment = 0 },
    secrets = "auth.client_token",
    label = LABEL,
  }, token)
  local auth = ok and response.status == 200 and response.body.auth
  if type(auth) == "table" and not shape.problem(auth, LOOKED_UP) then
    keep(self, token, auth.lease_duration, auth.renewable)
  end
end

---A token that is valid as far as we know.
---@return userdata secret
function Auth:token()
  local function due() return self.renew_at and task.now() >= self.renew_at end
  if not self.current then
    exclusively(self, function() return self.current or log_in(self) end)
  elseif self.given and not self.looked_up then
    exclusively(self, function() return self.looked_up or look_up(self) end)
  elseif due() then
    exclusively(self, function() return due() and extend(self) end)
  end
  return self.current
end

---Does a 403 mean that the token is invalid, and not that a policy forbids the request?
---@param token userdata the one that was sent
---@param response table
---@return boolean
function Auth:is_dead(token, response)
  local text = problems.text_of(response)
  if text:find("invalid token", 1, true) then return true end
  return text == "permission denied" and ask_about(self, token).status == 403
end

---Logs in again, unless another task has done so already.
---@param token userdata the one that has died
---@return boolean is there a new one?
function Auth:renew(token)
  if self.given then return false end
  return exclusively(self, function() return self.current ~= token or log_in(self) end)
end

---The error fields of a 403.
---@param dead boolean
---@return table
function Auth:refusal(dead)
  if dead then
    return {
      kind = "unauthorised",
      retryable = false,
      message = "the token has expired or was revoked",
      hint = self.given and "get a new token and set VAULT_TOKEN" or nil,
    }
  end
  return {
    kind = "unauthorised",
    retryable = false,
    message = "permission denied: the token's policies do not allow it",
    hint = "vault token capabilities PATH shows what the token may do",
  }
end

---Revokes the token if it came from a login. Never raises.
function Auth:close()
  local token = not self.given and self.current
  self.current = nil
  if not token then return end
  local request = { method = "PUT", path = "auth/token/revoke-self", what = "revoke the token" }
  pcall(self.client.send, self.client, request, token)
end

return M
