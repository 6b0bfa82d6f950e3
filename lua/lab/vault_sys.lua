--- Requests below sys/: health, sealing, mounts, policies, wrapping, quotas.

local response = require "lab.vault_response"
local auth = require "lab.vault_auth"
local crypto = require "o2x.base.crypto"
local json = require "o2x.base.json"
local mounts = require "lab.vault_mounts"
local policy = require "lab.vault_policy"
local sorted_keys = require "o2x.base.sorted_keys"
local uuid = require "lab.uuid"

local M = {}

local VERSION <const> = "1.21.0"
local SYSTEM <const> = { merge = true, mount_type = "system" }

-- ---- sealing ----

local function seal_status(vault)
  local body = {
    type = "shamir",
    initialized = vault.initialised,
    sealed = vault.sealed,
    t = vault.initialised and 1 or 0,
    n = vault.initialised and 1 or 0,
    progress = 0,
    nonce = "",
    version = VERSION,
    build_date = "2025-11-23T05:41:22Z",
    migration = false,
    recovery_seal = false,
    storage_type = "file",
  }
  if not vault.sealed then
    body.cluster_name, body.cluster_id = vault.cluster_name, vault.cluster_id
  end
  return response.plain(200, body)
end

local function health(vault, call)
  local status = not vault.initialised and tonumber(call.query.uninitcode or 501)
    or vault.sealed and tonumber(call.query.sealedcode or 503)
    or 200
  return response.plain(math.tointeger(status), {
    initialized = vault.initialised,
    sealed = vault.sealed,
    standby = vault.sealed,
    performance_standby = false,
    replication_performance_mode = vault.sealed and "unknown" or "disabled",
    replication_dr_mode = vault.sealed and "unknown" or "disabled",
    server_time_utc = call.now // 1 | 0,
    version = VERSION,
    enterprise = false,
    echo_duration_ms = 0,
    clock_skew_ms = 0,
    replication_primary_canary_age_ms = 0,
    cluster_name = not vault.sealed and vault.cluster_name or nil,
    cluster_id = not vault.sealed and vault.cluster_id or nil,
  })
end

local function leader()
  return response.plain(200, {
    ha_enabled = false,
    is_self = false,
    active_time = "0001-01-01T00:00:00Z",
    leader_address = "",
    leader_cluster_address = "",
    performance_standby = false,
    performance_standby_last_remote_wal = 0,
  })
end

--- Initialises an empty vault: key, root token, built-in auth method. It is sealed afterwards.
---@param vault table
---@param now number seconds since 1970
function M.initialise(vault, now)
  local key = crypto.random(32)
  vault.initialised, vault.sealed, vault.key = true, true, crypto.hex(key)
  vault.cluster_name, vault.cluster_id = "vault-cluster-" .. crypto.hex(crypto.random(4)), uuid()
  vault.tokens, vault.policies, vault.wrapped, vault.quotas = {}, {}, {}, {}
  vault.mounts, vault.auth = {}, { ["token/"] = auth.new_method "token" }
  vault.root = auth.new_token(
    vault,
    now,
    { policies = { "root" }, ttl = 0, display_name = "root", path = "auth/token/root", orphan = true }
  ).id
end

local function init(vault, call)
  if vault.initialised then return response.fail(400, "Vault is already initialized") end
  M.initialise(vault, call.now)
  return response.plain(200, {
    keys = json.array { vault.key },
    keys_base64 = json.array { crypto.base64(crypto.unhex(vault.key)) },
    root_token = vault.root,
  })
end

local function unseal(vault, call)
  if not vault.initialised then return response.fail(400, "server is not yet initialized") end
  local key = call.body.key
  local valid = type(key) == "string" and (key == vault.key or key == crypto.base64(crypto.unhex(vault.key)))
  if vault.sealed and not valid and not call.body.reset then return response.fail(400, "Unseal failed, invalid key") end
  if valid then vault.sealed = false end
  return seal_status(vault)
end

local function seal(vault)
  vault.sealed = true
  return response.empty()
end

local function key_status(_, call)
  return response.ok({ term = 1, install_time = response.time(call.now), encryptions = 1 }, SYSTEM)
end

-- ---- mounts ----

--- The mount that contains a path.
---@param list table<string, table> mounts by path
---@param path string
---@return string|nil path of the mount, such as "secret/"
---@return table|nil mount
function M.mount_of(list, path)
  local best
  for name in pairs(list) do
    if (path .. "/"):sub(1, #name) == name and #name > #(best or "") then best = name end
  end
  return best, list[best or false]
end

local function auth_mount(vault, call, name)
  local path = name:gsub("/*$", "/")
  if call.op == "delete" then
    vault.auth[path] = nil
    return response.empty()
  end
  if vault.auth[path] then return response.fail(400, ("path is already in use at %s"):format(path)) end
  local method = auth.new_method(call.body.type)
  if not method then
    return response.fail(400, ("plugin not found in the catalog: %s"):format(tostring(call.body.type)))
  end
  vault.auth[path] = method
  return response.empty()
end

local function auth_info(method)
  local is_token = method.type == "token"
  return {
    type = method.type,
    accessor = method.accessor,
    description = is_token and "token based credentials" or "",
    config = { default_lease_ttl = 0, max_lease_ttl = 0, force_no_cache = false, token_type = "default-service" },
    deprecation_status = not is_token and "supported" or nil,
    external_entropy_access = false,
    ["local"] = false,
    options = json.null,
    plugin_version = "",
    running_plugin_version = "v1.21.0+builtin.vault",
    running_sha256 = "",
    seal_wrap = false,
    uuid = method.uuid,
  }
end

local function list_auth(vault)
  local found = {}
  for path, each in pairs(vault.auth) do
    found[path] = auth_info(each)
  end
  return response.ok(found, SYSTEM)
end

-- ---- audit devices: they are remembered, and nothing is written to them ----

local function audit(vault, call, name)
  local path = name:gsub("/*$", "/")
  vault.audit = vault.audit or {}
  if call.op == "delete" then
    vault.audit[path] = nil
    return response.empty()
  end
  if vault.audit[path] then return response.fail(400, "path already in use") end
  local body = call.body
  vault.audit[path] = { type = body.type, description = body.description or "", options = body.options }
  return response.empty()
end

local function list_audit(vault)
  local found = {}
  for path, each in pairs(vault.audit or {}) do
    found[path] = {
      path = path,
      type = each.type,
      description = each.description,
      options = each.options or json.null,
      ["local"] = false,
    }
  end
  return response.ok(found, SYSTEM)
end

-- ---- preflight requests of clients ----

-- Whether any of the token's rules is about the mount.
local function has_access(vault, token, path)
  for _, name in ipairs(token.policies) do
    if name == "root" then return true end
    for _, rule in ipairs(policy.parse(vault.policies[name] or "") or {}) do
      local pattern = rule.pattern:gsub("[%*%+].*$", "")
      local inside = pattern:sub(1, #path) == path or path:sub(1, #pattern) == pattern
      if inside and not rule.capabilities.deny then return true end
    end
  end
  return false
end

local function ui_mount(vault, call, rest)
  local path, found = M.mount_of(vault.mounts, rest)
  if not call.token or not found or not has_access(vault, call.token, path) then
    return response.fail(
      403,
      ("preflight capability check returned 403, please ensure client's policies grant access to path %q"):format(
        path or rest .. "/"
      )
    )
  end
  return response.ok(mounts.effective(found, path))
end

local function ui_mounts(vault, call)
  local secret = {}
  for path, each in pairs(vault.mounts) do
    if call.token and has_access(vault, call.token, path) then secret[path] = mounts.effective(each, path) end
  end
  return response.ok { secret = secret, auth = {} }
end

local function capabilities_self(vault, call)
  local paths = type(call.body.paths) == "table" and call.body.paths or { call.body.paths or call.body.path }
  local data = {}
  for _, path in ipairs(paths) do
    local names = sorted_keys(policy.capabilities(vault.policies, call.token.policies, path))
    data[path] = json.array(#names > 0 and names or { "deny" })
    if #paths == 1 then data.capabilities = data[path] end
  end
  return response.ok(data, SYSTEM)
end

-- ---- policies ----

local function policies(vault, call, name)
  if name == "" then
    local names = sorted_keys(vault.policies)
    table.insert(names, 1, "default")
    names[#names + 1] = "root"
    return response.ok({ keys = json.array(names), policies = json.array(names) }, SYSTEM)
  elseif call.op == "update" then
    local text = call.body.policy or call.body.rules or ""
    local _, problem = policy.parse(text)
    if problem then return response.fail(400, problem) end
    vault.policies[name] = text
    return response.empty()
  elseif call.op == "delete" then
    vault.policies[name] = nil
    return response.empty()
  end
  local text = vault.policies[name]
  if not text then return response.fail(404, ("No policy named: %s"):format(name)) end
  return response.ok({ name = name, policy = text, rules = text }, SYSTEM)
end

-- ---- wrapping: a response is stored under a token that reads it once ----

--- Stores an encoded response.
---@param vault table
---@param call table
---@param ttl integer seconds
---@param text string
---@param wrapped_accessor string? accessor of the token in the response
---@return table response with wrap_info
function M.wrap(vault, call, ttl, text, wrapped_accessor)
  local id, now = "hvs." .. response.letters(24), call.now
  vault.wrapped[id] = { text = text, expires = now + ttl, ttl = ttl, created = now, path = call.path }
  return response.ok(nil, {
    request_id = "",
    wrap_info = {
      token = id,
      accessor = response.letters(24),
      ttl = ttl,
      creation_time = response.time(now),
      creation_path = call.path,
      wrapped_accessor = wrapped_accessor,
    },
  })
end

local function wrapped(vault, call)
  local id = call.body.token or call.token_id
  local found = id and vault.wrapped[id]
  if found and found.expires > call.now then return found, id end
end

local INVALID <const> = "wrapping token is not valid or does not exist"

local function unwrap(vault, call)
  local found, id = wrapped(vault, call)
  if not found then return response.fail(400, INVALID) end
  vault.wrapped[id] = nil
  return { status = 200, text = found.text }
end

local function wrapping_lookup(vault, call)
  local found = wrapped(vault, call)
  if not found then return response.fail(400, INVALID) end
  return response.ok {
    creation_path = found.path,
    creation_time = response.time(found.created),
    creation_ttl = found.ttl,
  }
end

local function quota(vault, call, name)
  if call.op == "delete" then
    vault.quotas[name] = nil
  else
    vault.quotas[name] = {
      path = call.body.path or "",
      rate = tonumber(call.body.rate),
      interval = response.seconds(call.body.interval or "1s"),
      used = 0,
      since = call.now,
    }
  end
  return response.empty()
end

--- Counts a request. Returns whether it exceeds a rate limit.
---@param vault table
---@param path string
---@param now number seconds since 1970
---@return boolean
function M.over_quota(vault, path, now)
  for _, each in pairs(vault.quotas) do
    if path:sub(1, #each.path) == each.path then
      if now >= each.since + each.interval then
        each.since, each.used = now, 0
      end
      each.used = each.used + 1
      if each.used > each.rate then return true end
    end
  end
  return false
end

-- ---- routes ----

--- Operations without a token, sealed or not.
M.OPEN = {
  ["read health"] = health,
  ["read seal-status"] = seal_status,
  ["read leader"] = leader,
  ["update init"] = init,
  ["read init"] = function(vault) return response.plain(200, { initialized = vault.initialised }) end,
  ["update unseal"] = unseal,
}

--- Operations without a token if unsealed. A token that is given must be valid.
M.UNAUTHENTICATED = {
  ["update wrapping/unwrap"] = unwrap,
  ["update wrapping/lookup"] = wrapping_lookup,
  ["read internal/ui/mounts"] = ui_mounts,
}

local EXACT <const> = {
  ["update seal"] = seal,
  ["read mounts"] = mounts.list,
  ["read audit"] = list_audit,
  ["read key-status"] = key_status,
  ["read auth"] = list_auth,
  ["update capabilities-self"] = capabilities_self,
}

local PREFIXES <const> = {
  { "internal/ui/mounts/", ui_mount },
  { "mounts/", mounts.handle },
  { "audit/", audit },
  { "auth/", auth_mount },
  { "policies/acl", policies },
  { "policy", policies },
  { "quotas/rate-limit/", quota },
}

--- Handles an authorised request below sys/.
---@param vault table
---@param call table
---@param rest string the path below sys/
---@return table response
function M.handle(vault, call, rest)
  local exact = EXACT[call.op .. " " .. rest]
  if exact then return exact(vault, call) end
  for _, each in ipairs(PREFIXES) do
    local prefix, operation = each[1], each[2]
    if rest:sub(1, #prefix) == prefix then return operation(vault, call, (rest:sub(#prefix + 1):gsub("^/", ""))) end
  end
  return response.fail(404, "1 error occurred:\n\t* unsupported path\n\n")
end

return M
