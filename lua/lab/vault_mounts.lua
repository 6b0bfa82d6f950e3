--- The secrets engines of the Vault simulator: what is mounted, and how it is tuned. Key-value stores of both versions
--- can be made; what every Vault has is listed.

local crypto = require "o2x.base.crypto"
local json = require "o2x.base.json"
local kv = require "lab.vault_kv"
local response = require "lab.vault_response"
local uuid = require "lab.uuid"

local M = {}

local LEASE <const> = 2764800 -- seconds; Vault's default and maximum
local SYSTEM <const> = { merge = true, mount_type = "system" }
local KV_VERSION <const> = "v0.25.0+builtin"
local BUILTIN <const> = "v1.21.0+builtin.vault"

-- What every Vault has mounted.
local ALWAYS <const> = {
  ["cubbyhole/"] = { type = "cubbyhole", description = "per-token private secret storage", ["local"] = true },
  ["identity/"] = { type = "identity", description = "identity store", passes = "Authorization" },
  ["sys/"] = {
    type = "system",
    description = "system endpoints used for control, policy and debugging",
    passes = "Accept",
    seal_wrap = true,
  },
}

-- Always the same for a server, without a place in its state.
local function accessor_of(vault, kind) return kind .. "_" .. crypto.sha256(vault.cluster_id .. kind):sub(1, 8) end

local function uuid_of(vault, kind)
  local hex = crypto.sha256(kind .. vault.cluster_id)
  return ("%s-%s-%s-%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12), hex:sub(13, 16), hex:sub(17, 20), hex:sub(21, 32))
end

local function info(mount, fields)
  local result = {
    accessor = mount.accessor,
    config = { default_lease_ttl = mount.default_ttl or 0, max_lease_ttl = mount.max_ttl or 0, force_no_cache = false },
    deprecation_status = "supported",
    description = mount.description or "",
    external_entropy_access = false,
    ["local"] = false,
    options = mount.options or json.null,
    plugin_version = "",
    running_plugin_version = KV_VERSION,
    running_sha256 = "",
    seal_wrap = false,
    type = mount.type,
    uuid = mount.uuid,
  }
  for name, value in pairs(fields or {}) do
    result[name] = value
  end
  return result
end

local function system_info(vault, mount)
  local result = info({
    type = mount.type,
    description = mount.description,
    accessor = accessor_of(vault, mount.type),
    uuid = uuid_of(vault, mount.type),
  }, { ["local"] = mount["local"] or false, seal_wrap = mount.seal_wrap or false, running_plugin_version = BUILTIN })
  result.deprecation_status = nil
  if mount.passes then result.config.passthrough_request_headers = json.array { mount.passes } end
  return result
end

--- A mount as clients are told before they ask for a secret: with the leases that hold.
---@param mount table
---@param path string
---@return table
function M.effective(mount, path)
  local result = info(mount, { path = path })
  result.config.default_lease_ttl = mount.default_ttl or LEASE
  result.config.max_lease_ttl = mount.max_ttl or LEASE
  return result
end

--- Mounts a new key-value store.
---@param vault table
---@param path string such as "secret/"
---@param description string?
---@param version string? "1" or "2" (2)
function M.mount_kv(vault, path, description, version)
  version = version or "2"
  vault.mounts[path] = {
    type = "kv",
    options = { version = version },
    accessor = "kv_" .. crypto.hex(crypto.random(4)),
    uuid = uuid(),
    description = description,
    store = version == "1" and kv.new_plain() or kv.new(),
  }
end

local function is_object(value) return type(value) == "table" and not json.is_array(value) end

local function as_path(name) return (name:gsub("/*$", "/")) end

local function no_mount(path) return response.fail(400, ("No secret engine mount at %s"):format(path)) end

-- "kv-v2" is a name for version 2 of kv; without a version it is 1.
local function version_of(body)
  if body.type == "kv-v2" then return "2" end
  if body.type ~= "kv" then return nil end
  local version = is_object(body.options) and body.options.version
  return tostring(version or "1")
end

local function enable(vault, call, path)
  if vault.mounts[path] or ALWAYS[path] then
    return response.fail(400, ("path is already in use at %s"):format(path))
  end
  local version = version_of(call.body)
  if not version then
    return response.fail(400, ("plugin not found in the catalog: %s"):format(tostring(call.body.type)))
  end
  M.mount_kv(vault, path, call.body.description, version)
  return response.empty()
end

-- The command sends "" for what is not to be changed.
local function given(value) return value ~= nil and value ~= "" end

local function tune(vault, call, path)
  local mount = vault.mounts[path]
  if not mount then return no_mount(path) end
  if call.op == "read" then
    local told = M.effective(mount, path).config
    told.description, told.options = mount.description or "", mount.options
    return response.ok(told, SYSTEM)
  end
  local body = call.body
  if body.description then mount.description = body.description end
  if given(body.default_lease_ttl) then mount.default_ttl = response.seconds(body.default_lease_ttl) end
  if given(body.max_lease_ttl) then mount.max_ttl = response.seconds(body.max_lease_ttl) end
  if is_object(body.options) and tostring(body.options.version) == "2" and mount.options.version == "1" then
    mount.options, mount.store = { version = "2" }, kv.upgraded(mount.store, call.now)
  end
  return response.empty()
end

--- Handles a request for sys/mounts/NAME, or sys/mounts/NAME/tune.
---@param vault table
---@param call table
---@param name string
---@return table response
function M.handle(vault, call, name)
  local tuned = name:match "^(.+)/tune$"
  if tuned then return tune(vault, call, as_path(tuned)) end
  local path = as_path(name)
  if call.op == "delete" then
    vault.mounts[path] = nil
    return response.empty()
  elseif call.op == "read" then
    local mount = vault.mounts[path]
    return mount and response.ok(info(mount), SYSTEM) or no_mount(path)
  end
  return enable(vault, call, path)
end

--- All mounts.
---@param vault table
---@return table response
function M.list(vault)
  local found = {}
  for path, mount in pairs(ALWAYS) do
    found[path] = system_info(vault, mount)
  end
  for path, mount in pairs(vault.mounts) do
    found[path] = info(mount)
  end
  return response.ok(found, SYSTEM)
end

return M
