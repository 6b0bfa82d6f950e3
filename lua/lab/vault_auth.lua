--- Tokens and the ways to get one: AppRole and Kubernetes.

local answer = require "lab.vault_answer"
local crypto = require "o2x.base.crypto"
local json = require "o2x.base.json"

local M = {}

local MONTH <const> = 2764800 -- Vault's default and longest lease

local function policies_of(token) return json.array(table.move(token.policies, 1, #token.policies, 1, {})) end

--- Makes a token. fields: policies, ttl, max_ttl, display_name, path, meta, orphan, renewable, period
---@return table token
function M.new_token(vault, now, fields)
  local token = {
    id = fields.id or "hvs." .. answer.letters(24),
    accessor = answer.letters(24),
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

--- The live token with this id, or nil.
function M.find(vault, id, now)
  local token = id and vault.tokens[id]
  if token and token.expires and token.expires <= now then
    vault.tokens[id] = nil
    return nil
  end
  return token
end

--- The "auth" part of an answer.
function M.auth_of(token)
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
    expire_time = expire and answer.moment(expire) or json.null,
    issue_time = answer.moment(token.created),
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
  return set.root and { "root" } or answer.names(set)
end

local function as_list(value)
  if type(value) == "table" then return value end
  local list = {}
  for word in tostring(value or ""):gmatch "[^,%s]+" do
    list[#list + 1] = word
  end
  return list
end

local TOKEN <const> = { mount_type = "token" }

local function renewed(token, increment, now)
  local ttl = token.period > 0 and token.period or (increment > 0 and increment or token.ttl)
  local expires = now + ttl
  if token.max_ttl > 0 then expires = math.min(expires, token.created + token.max_ttl) end
  token.expires = expires
  local auth = M.auth_of(token)
  auth.lease_duration = math.max(0, (expires - now) // 1 | 0)
  return answer.ok(nil, { auth = auth, mount_type = "token" })
end

local function create(vault, call, orphan)
  local body = call.body
  local ttl, period = answer.seconds(body.ttl), answer.seconds(body.period)
  if not ttl or not period then return answer.fail(400, "invalid ttl") end
  local asked = as_list(body.policies)
  if #asked == 0 then asked = call.token.policies end
  local token = M.new_token(vault, call.now, {
    id = body.id,
    policies = with_default(asked, body.no_default_policy),
    meta = body.meta,
    period = period,
    ttl = period > 0 and period or (ttl > 0 and ttl or MONTH),
    orphan = orphan or body.no_parent,
    max_ttl = answer.seconds(body.explicit_max_ttl),
    renewable = body.renewable,
    display_name = (body.display_name or "") ~= "" and "token-" .. body.display_name or "token",
  })
  return answer.ok(nil, { auth = M.auth_of(token), mount_type = "token" })
end

local function by_body(vault, call) return M.find(vault, call.body.token, call.now) end

local function revoke(vault, token) vault.tokens[token.id] = nil end

local function self_token(_, call) return call.token end

local function lookup(pick)
  return function(vault, call)
    local token = pick(vault, call)
    return token and answer.ok(describe(token, call.now), TOKEN) or answer.fail(403, "bad token")
  end
end

local function renew(pick)
  return function(vault, call)
    local token = pick(vault, call)
    if not token then return answer.fail(403, "bad token") end
    if not token.renewable then return answer.fail(400, "lease is not renewable") end
    return renewed(token, answer.seconds(call.body.increment) or 0, call.now)
  end
end

local function revoking(pick)
  return function(vault, call)
    local token = pick(vault, call)
    if token then revoke(vault, token) end
    return answer.empty()
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
  return operation and operation(vault, call) or answer.no_route(call.path)
end

-- ---- roles, which AppRole and Kubernetes share ----

local function save_role(method, name, body)
  local role = method.roles[name] or { role_id = answer.uuid(), secret_ids = {} }
  for key, value in pairs(body) do
    role[key] = value
  end
  method.roles[name] = role
  return answer.empty()
end

local function log_in(vault, call, name, role, kind, meta)
  local ttl = answer.seconds(role.token_ttl or role.ttl) or 0
  local token = M.new_token(vault, call.now, {
    policies = with_default(as_list(role.token_policies or role.policies)),
    ttl = ttl > 0 and ttl or MONTH,
    max_ttl = answer.seconds(role.token_max_ttl or role.max_ttl),
    period = answer.seconds(role.token_period),
    display_name = kind,
    path = ("auth/%s/login"):format(kind),
    meta = meta or { role_name = name },
    orphan = true,
    entity_id = answer.uuid(),
  })
  return answer.ok(nil, { auth = M.auth_of(token) })
end

local function role_crud(method, call, name, mount_type)
  local role = method.roles[name]
  if call.op == "update" then return save_role(method, name, call.body) end
  if call.op == "delete" then
    method.roles[name] = nil
    return answer.empty()
  end
  if not role then return answer.fail(404) end
  local shown = {}
  for key, value in pairs(role) do
    if key ~= "secret_ids" and key ~= "role_id" then shown[key] = value end
  end
  return answer.ok(shown, { mount_type = mount_type })
end

local function list_roles(method, mount_type)
  local names = answer.names(method.roles)
  return #names > 0 and answer.ok({ keys = json.array(names) }, { mount_type = mount_type }) or answer.fail(404)
end

-- ---- AppRole ----

local APPROLE <const> = { mount_type = "approle" }

local function approle_login(vault, method, call)
  for name, role in pairs(method.roles) do
    if role.role_id == call.body.role_id and role.secret_ids[call.body.secret_id or ""] then
      return log_in(vault, call, name, role, "approle")
    end
  end
  return answer.fail(400, "invalid role or secret ID")
end

local function approle_method(vault, call, rest, method)
  if rest == "login" and call.op == "update" then return approle_login(vault, method, call) end
  if rest == "role" and call.op == "list" then return list_roles(method, "approle") end
  local name, part = rest:match "^role/([^/]+)/?(.*)$"
  if not name then return answer.no_route(call.path) end
  if part == "" then return role_crud(method, call, name, "approle") end
  local role = method.roles[name]
  if not role then return answer.fail(404) end
  if part == "role-id" then
    if call.op == "read" then return answer.ok({ role_id = role.role_id }, APPROLE) end
    role.role_id = call.body.role_id
    return answer.empty()
  elseif part == "secret-id" and call.op == "update" then
    local id, accessor = answer.uuid(), answer.uuid()
    role.secret_ids[id] = accessor
    return answer.ok(
      { secret_id = id, secret_id_accessor = accessor, secret_id_num_uses = 0, secret_id_ttl = 0 },
      APPROLE
    )
  end
  return answer.no_route(call.path)
end

-- ---- Kubernetes: the claims of the service account's token are looked at, its signature is not ----

local function claims_of(jwt)
  local payload = tostring(jwt):match "^[%w_-]+%.([%w_-]+)%.[%w_-]*$"
  if not payload then return nil end
  local plain = payload:gsub("-", "+"):gsub("_", "/")
  local ok, claims = pcall(function() return json.decode(crypto.unbase64(plain .. ("="):rep(-#plain % 4))) end)
  return ok and type(claims) == "table" and claims or nil
end

local function is_bound(list, value)
  for _, each in ipairs(as_list(list)) do
    if each == value or each == "*" then return true end
  end
  return false
end

local function kubernetes_login(vault, method, call)
  local name = call.body.role
  local role = name and method.roles[name]
  if not name then return answer.fail(400, "missing role") end
  if not role then return answer.fail(400, ("invalid role name %q"):format(name)) end
  local claims = claims_of(call.body.jwt)
  local namespace, account = tostring(claims and claims.sub):match "^system:serviceaccount:([^:]+):([^:]+)$"
  if not namespace then return answer.fail(403, "permission denied") end
  if not is_bound(role.bound_service_account_names, account) then
    return answer.fail(403, "service account name not authorized")
  end
  if not is_bound(role.bound_service_account_namespaces, namespace) then
    return answer.fail(403, "namespace not authorized")
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
  if rest ~= "config" then return answer.no_route(call.path) end
  if call.op == "read" then return answer.ok(method.config or {}, { mount_type = "kubernetes" }) end
  method.config = call.body
  return answer.empty()
end

local METHODS <const> = { token = token_method, approle = approle_method, kubernetes = kubernetes_method }

--- A new auth method, or nil if this simulator does not have that type.
function M.new_method(type)
  return METHODS[type] and { type = type, roles = {}, accessor = ("auth_%s_%s"):format(type, answer.letters(8)) } or nil
end

--- Answers a request below auth/MOUNT/.
---@param vault table
---@param call table
---@param method table the mount
---@param rest string
---@return table answer
function M.handle(vault, call, method, rest) return METHODS[method.type](vault, call, rest, method) end

return M
