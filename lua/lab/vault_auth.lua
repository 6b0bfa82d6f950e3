--- Tokens, and the auth methods that issue them: AppRole, Kubernetes and userpass.

local crypto = require "o2x.base.crypto"
local response = require "lab.vault_response"
local json = require "o2x.base.json"
local jwt = require "lab.jwt"
local sorted_keys = require "o2x.base.sorted_keys"
local userpass = require "lab.vault_userpass"
local uuid = require "lab.uuid"

local M = {}

local MAX_TTL <const> = 2764800 -- seconds; Vault's default and maximum

local function policies_of(token) return json.array(table.move(token.policies, 1, #token.policies, 1, {})) end

--- Creates a token.
---@param vault table
---@param now number seconds since 1970
---@param fields table policies, ttl, max_ttl, display_name, path, meta, orphan, renewable, period
---@return table token
function M.new_token(vault, now, fields)
  local token = {
    id = fields.id or "hvs." .. response.letters(24),
    accessor = response.letters(24),
    policies = fields.policies,
    ttl = fields.ttl,
    max_ttl = fields.max_ttl or 0,
    period = fields.period or 0,
    created = now,
    expires = fields.ttl > 0 and now + fields.ttl or nil,
    display_name = fields.display_name or "token",
    path = fields.path or "auth/token/create",
    meta = fields.meta,
    orphan = fields.orphan or false,
    renewable = fields.renewable ~= false and fields.ttl > 0,
    entity_id = fields.entity_id or "",
  }
  vault.tokens[token.id] = token
  return token
end

--- The token with an id; nil if it is unknown or expired.
---@param vault table
---@param id string|nil
---@param now number seconds since 1970
---@return table|nil token
function M.find(vault, id, now)
  local token = id and vault.tokens[id]
  if token and token.expires and token.expires <= now then
    vault.tokens[id] = nil
    return nil
  end
  return token
end

-- The "auth" field of a response.
local function auth_of(token)
  return {
    client_token = token.id,
    accessor = token.accessor,
    policies = policies_of(token),
    token_policies = policies_of(token),
    metadata = token.meta or json.null,
    lease_duration = token.ttl,
    renewable = token.renewable,
    entity_id = token.entity_id,
    token_type = "service",
    orphan = token.orphan,
    mfa_requirement = json.null,
    num_uses = 0,
  }
end

local function describe(token, now)
  local expire = token.expires
  return {
    accessor = token.accessor,
    creation_time = token.created // 1 | 0,
    creation_ttl = token.ttl,
    display_name = token.display_name,
    entity_id = token.entity_id,
    explicit_max_ttl = 0,
    id = token.id,
    expire_time = expire and response.time(expire) or json.null,
    issue_time = response.time(token.created),
    meta = token.meta or json.null,
    num_uses = 0,
    orphan = token.orphan,
    path = token.path,
    policies = policies_of(token),
    renewable = token.renewable,
    type = "service",
    ttl = expire and math.max(0, (expire - now) // 1 | 0) or 0,
  }
end

local function with_default(list, no_default)
  local set = no_default and {} or { default = true }
  for _, name in ipairs(list) do
    set[name] = true
  end
  return set.root and { "root" } or sorted_keys(set)
end

local function as_list(value)
  if type(value) == "table" then return value end
  local list = {}
  for item in tostring(value or ""):gmatch "[^,%s]+" do
    list[#list + 1] = item
  end
  return list
end

local TOKEN <const> = { mount_type = "token" }

local function renewed(token, increment, now)
  local ttl = token.period > 0 and token.period or (increment > 0 and increment or token.ttl)
  local expires = now + ttl
  if token.max_ttl > 0 then expires = math.min(expires, token.created + token.max_ttl) end
  token.expires = expires
  local auth = auth_of(token)
  auth.lease_duration = math.max(0, (expires - now) // 1 | 0)
  return response.ok(nil, { auth = auth, mount_type = "token" })
end

local function create(vault, call, orphan)
  local body = call.body
  local ttl, period = response.seconds(body.ttl), response.seconds(body.period)
  if not ttl or not period then return response.fail(400, "invalid ttl") end
  local policies = as_list(body.policies)
  if #policies == 0 then policies = call.token.policies end
  local token = M.new_token(vault, call.now, {
    id = body.id,
    policies = with_default(policies, body.no_default_policy),
    meta = body.meta,
    period = period,
    ttl = period > 0 and period or (ttl > 0 and ttl or MAX_TTL),
    orphan = orphan or body.no_parent,
    max_ttl = response.seconds(body.explicit_max_ttl),
    renewable = body.renewable,
    display_name = (body.display_name or "") ~= "" and "token-" .. body.display_name or "token",
  })
  return response.ok(nil, { auth = auth_of(token), mount_type = "token" })
end

local function by_body(vault, call) return M.find(vault, call.body.token, call.now) end

local function revoke(vault, token) vault.tokens[token.id] = nil end

local function self_token(_, call) return call.token end

local function lookup(pick)
  return function(vault, call)
    local token = pick(vault, call)
    return token and response.ok(describe(token, call.now), TOKEN) or response.fail(403, "bad token")
  end
end

local function renew(pick)
  return function(vault, call)
    local token = pick(vault, call)
    if not token then return response.fail(403, "bad token") end
    if not token.renewable then return response.fail(400, "lease is not renewable") end
    return renewed(token, response.seconds(call.body.increment) or 0, call.now)
  end
end

local function revoking(pick)
  return function(vault, call)
    local token = pick(vault, call)
    if token then revoke(vault, token) end
    return response.empty()
  end
end

-- path below auth/token/ → operation
local TOKENS <const> = {
  ["update create"] = function(vault, call) return create(vault, call, false) end,
  ["update create-orphan"] = function(vault, call) return create(vault, call, true) end,
  ["read lookup-self"] = lookup(self_token),
  ["update lookup-self"] = lookup(self_token),
  ["update lookup"] = lookup(by_body),
  ["update renew-self"] = renew(self_token),
  ["update renew"] = renew(by_body),
  ["update revoke-self"] = revoking(self_token),
  ["update revoke"] = revoking(by_body),
}

local function token_method(vault, call, rest)
  local operation = TOKENS[call.op .. " " .. rest]
  return operation and operation(vault, call) or response.no_route(call.path)
end

-- ---- roles, for AppRole and Kubernetes ----

local function save_role(method, name, body)
  local role = method.roles[name] or { role_id = uuid(), secret_ids = {} }
  for key, value in pairs(body) do
    role[key] = value
  end
  method.roles[name] = role
  return response.empty()
end

local function log_in(vault, call, name, role, kind, meta)
  local ttl = response.seconds(role.token_ttl or role.ttl) or 0
  local token = M.new_token(vault, call.now, {
    policies = with_default(as_list(role.token_policies or role.policies)),
    ttl = ttl > 0 and ttl or MAX_TTL,
    max_ttl = response.seconds(role.token_max_ttl or role.max_ttl),
    period = response.seconds(role.token_period),
    display_name = kind,
    path = ("auth/%s/login"):format(kind),
    meta = meta or { role_name = name },
    orphan = true,
    entity_id = uuid(),
  })
  return response.ok(nil, { auth = auth_of(token) })
end

-- What was not given has Vault's default.
local function approle_fields(role)
  local fields = userpass.token_fields(role, as_list)
  fields.bind_secret_id, fields.local_secret_ids = role.bind_secret_id ~= false, false
  fields.secret_id_bound_cidrs = role.secret_id_bound_cidrs or json.null
  fields.secret_id_num_uses = math.tointeger(tonumber(role.secret_id_num_uses or 0))
  fields.secret_id_ttl = response.seconds(role.secret_id_ttl) or 0
  return fields
end

local function role_crud(method, call, name, mount_type)
  local role = method.roles[name]
  if call.op == "update" then return save_role(method, name, call.body) end
  if call.op == "delete" then
    method.roles[name] = nil
    return response.empty()
  end
  if not role then return response.fail(404) end
  if mount_type == "approle" then return response.ok(approle_fields(role), { mount_type = mount_type }) end
  local public = {}
  for key, value in pairs(role) do
    if key ~= "secret_ids" and key ~= "role_id" then public[key] = value end
  end
  return response.ok(public, { mount_type = mount_type })
end

local function list_roles(method, mount_type)
  local names = sorted_keys(method.roles)
  return #names > 0 and response.ok({ keys = json.array(names) }, { mount_type = mount_type }) or response.fail(404)
end

-- ---- AppRole ----

local APPROLE <const> = { mount_type = "approle" }

local function approle_login(vault, method, call)
  for name, role in pairs(method.roles) do
    if role.role_id == call.body.role_id and role.secret_ids[call.body.secret_id or ""] then
      return log_in(vault, call, name, role, "approle")
    end
  end
  return response.fail(400, "invalid role or secret ID")
end

local function approle_method(vault, call, rest, method)
  if rest == "login" and call.op == "update" then return approle_login(vault, method, call) end
  if rest == "role" and call.op == "list" then return list_roles(method, "approle") end
  local name, part = rest:match "^role/([^/]+)/?(.*)$"
  if not name then return response.no_route(call.path) end
  if part == "" then return role_crud(method, call, name, "approle") end
  local role = method.roles[name]
  if not role then return response.fail(404) end
  if part == "role-id" then
    if call.op == "read" then return response.ok({ role_id = role.role_id }, APPROLE) end
    role.role_id = call.body.role_id
    return response.empty()
  elseif part == "secret-id" and call.op == "update" then
    local id, accessor = uuid(), uuid()
    role.secret_ids[id] = accessor
    local fields = approle_fields(role)
    return response.ok({
      secret_id = id,
      secret_id_accessor = accessor,
      secret_id_num_uses = fields.secret_id_num_uses,
      secret_id_ttl = fields.secret_id_ttl,
    }, APPROLE)
  end
  return response.no_route(call.path)
end

-- ---- Kubernetes: the claims of the service account's token are checked, its signature is not ----

local function is_bound(list, value)
  for _, each in ipairs(as_list(list)) do
    if each == value or each == "*" then return true end
  end
  return false
end

local function kubernetes_login(vault, method, call)
  local name = call.body.role
  local role = name and method.roles[name]
  if not name then return response.fail(400, "missing role") end
  if not role then return response.fail(400, ("invalid role name %q"):format(name)) end
  local claims = jwt.claims(call.body.jwt)
  local namespace, account = tostring(claims and claims.sub):match "^system:serviceaccount:([^:]+):([^:]+)$"
  if not namespace then return response.fail(403, "permission denied") end
  if not is_bound(role.bound_service_account_names, account) then
    return response.fail(403, "service account name not authorized")
  end
  if not is_bound(role.bound_service_account_namespaces, namespace) then
    return response.fail(403, "namespace not authorized")
  end
  return log_in(
    vault,
    call,
    name,
    role,
    "kubernetes",
    { role = name, service_account_name = account, service_account_namespace = namespace }
  )
end

local function kubernetes_method(vault, call, rest, method)
  if rest == "login" and call.op == "update" then return kubernetes_login(vault, method, call) end
  if rest == "role" and call.op == "list" then return list_roles(method, "kubernetes") end
  local name = rest:match "^role/([^/]+)$"
  if name then return role_crud(method, call, name, "kubernetes") end
  if rest ~= "config" then return response.no_route(call.path) end
  if call.op == "read" then return response.ok(method.config or {}, { mount_type = "kubernetes" }) end
  method.config = call.body
  return response.empty()
end

local function userpass_method(vault, call, rest, method)
  return userpass.handle(method, call, rest, {
    as_list = as_list,
    log_in = function(user, name) return log_in(vault, call, name, user, "userpass", { username = name }) end,
  })
end

local METHODS <const> = {
  token = token_method,
  approle = approle_method,
  kubernetes = kubernetes_method,
  userpass = userpass_method,
}

--- A new auth method; nil if the simulator does not have the type.
---@param type string
---@return table|nil method
function M.new_method(type)
  if not METHODS[type] then return nil end
  local accessor = ("auth_%s_%s"):format(type, crypto.hex(crypto.random(4)))
  return { type = type, roles = {}, accessor = accessor, uuid = uuid() }
end

--- Handles a request below auth/MOUNT/.
---@param vault table
---@param call table
---@param method table the mount
---@param rest string the path below the mount
---@return table response
function M.handle(vault, call, method, rest) return METHODS[method.type](vault, call, rest, method) end

return M
