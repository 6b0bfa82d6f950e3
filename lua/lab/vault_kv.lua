--- The key-value store, version 2: versions, check-and-set, soft and hard deletion, metadata.

local response = require "lab.vault_response"
local json = require "o2x.base.json"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

local MAX_VERSIONS <const> = 10
local LEASE <const> = 2764800 -- seconds
local KV <const> = { mount_type = "kv" }
local CLIENT_ID <const> = "0DHqvq2D77kL2/JTPSZkTMJbkFVmUu0TzMi0jiXcFy8="

local function version_info(secret, number)
  local version = secret.versions[tostring(number)]
  return {
    created_time = version.created_time,
    custom_metadata = secret.custom_metadata or json.null,
    deletion_time = version.deletion_time,
    destroyed = version.destroyed,
    version = number,
  }
end

local function new_secret(call)
  local now = response.time(call.now)
  return {
    cas_required = false,
    max_versions = 0,
    current_version = 0,
    oldest_version = 0,
    created_time = now,
    updated_time = now,
    delete_version_after = "0s",
    versions = {},
  }
end

-- The problem with a write's "cas" option, or nil.
local function cas_problem(store, secret, options)
  local cas = options.cas
  local required = (secret and secret.cas_required) or store.config.cas_required
  if cas == nil then return required and "check-and-set parameter required for this call" or nil end
  if math.type(cas) ~= "integer" then return "error parsing check-and-set parameter" end
  if cas ~= (secret and secret.current_version or 0) then
    return "check-and-set parameter did not match the current version"
  end
end

local function prune(store, secret)
  local limit = secret.max_versions > 0 and secret.max_versions or store.config.max_versions
  if limit == 0 then limit = MAX_VERSIONS end
  local oldest = secret.current_version - limit + 1
  for number in pairs(secret.versions) do
    if tonumber(number) < oldest then secret.versions[number] = nil end
  end
  secret.oldest_version = math.max(secret.oldest_version, oldest > 1 and oldest or 0)
end

local function by_whom(call, operation)
  return { actor = call.token and call.token.display_name or "root", operation = operation, client_id = CLIENT_ID }
end

local function append(store, call, path, data, operation)
  local secret = store.secrets[path] or new_secret(call)
  store.secrets[path] = secret
  local number, now = secret.current_version + 1, response.time(call.now)
  secret.versions[tostring(number)] =
    { data = data, created_time = now, deletion_time = "", destroyed = false, by = by_whom(call, operation) }
  secret.current_version, secret.updated_time, secret.last_by = number, now, by_whom(call, operation)
  prune(store, secret)
  return response.ok(version_info(secret, number), KV)
end

local function is_object(value) return type(value) == "table" and not json.is_array(value) end

local function is_gone(version, now)
  return version.destroyed or (version.deletion_time ~= "" and version.deletion_time <= response.time(now))
end

-- The requested version: number, version; nil if there is none.
local function find(secret, query)
  if not secret then return nil end
  local number = math.tointeger(tonumber(query.version or 0))
  if number == 0 then number = secret.current_version end
  return number, secret.versions[tostring(number)]
end

local function deleted_response(secret, number)
  return response.ok({ data = json.null, metadata = version_info(secret, number) }, { status = 404, mount_type = "" })
end

--- By operation.
---@type table<string, fun(store: table, call: table, path: string): table>
local data = {}

-- As Go says it.
local BAD_VERSION <const> = 'Field validation failed: error converting input for field "version": '
  .. "cannot parse '' as int: strconv.ParseInt: parsing \"%s\": invalid syntax"

function data.read(store, call, path)
  local version_text = call.query.version
  if version_text and not tonumber(version_text) then return response.fail(400, BAD_VERSION:format(version_text)) end
  local secret = store.secrets[path]
  local number, version = find(secret, call.query)
  if not version then return response.fail(404) end
  if is_gone(version, call.now) then return deleted_response(secret, number) end
  return response.ok({ data = version.data, metadata = version_info(secret, number) }, KV)
end

function data.update(store, call, path)
  if not is_object(call.body.data) then return response.fail(400, "no data provided") end
  local secret = store.secrets[path]
  local problem = cas_problem(store, secret, is_object(call.body.options) and call.body.options or {})
  if problem then return response.fail(400, problem) end
  return append(store, call, path, call.body.data, secret and "update" or "create")
end

-- RFC 7396: null removes, objects merge, anything else replaces.
local function merge(old, new)
  local result = {}
  for name, value in pairs(old) do
    result[name] = value
  end
  for name, value in pairs(new) do
    if value == json.null then
      result[name] = nil
    elseif is_object(value) then
      result[name] = merge(is_object(result[name]) and result[name] or {}, value)
    else
      result[name] = value
    end
  end
  return result
end

local BAD_MEDIA <const> = "PATCH requires Content-Type of application/merge-patch+json, provided %s"

function data.patch(store, call, path)
  local media = call.headers["content-type"] or ""
  if not media:find("application/merge-patch+json", 1, true) then return response.fail(415, BAD_MEDIA:format(media)) end
  if not is_object(call.body.data) then return response.fail(400, "no data provided") end
  local secret = store.secrets[path]
  local number, version = find(secret, {})
  if not version then return { status = 404, text = "" } end
  if is_gone(version, call.now) then return deleted_response(secret, number) end
  local problem = cas_problem(store, secret, is_object(call.body.options) and call.body.options or {})
  if problem then return response.fail(400, problem) end
  return append(store, call, path, merge(version.data, call.body.data), "patch")
end

local function soft_delete(version, call)
  if not is_gone(version, call.now) then version.deletion_time = response.time(call.now) end
end

function data.delete(store, call, path)
  local _, version = find(store.secrets[path], {})
  if version then soft_delete(version, call) end
  return response.empty()
end

-- delete, undelete, destroy: changes the versions in the body
local function each_version(change, operation)
  return {
    update = function(store, call, path)
      local versions = call.body.versions
      if type(versions) ~= "table" or #versions == 0 then return response.fail(400, "no version number provided") end
      local secret = store.secrets[path]
      if not secret then return response.fail(404) end
      for _, number in ipairs(versions) do
        local version = secret.versions[tostring(number)]
        if version then change(version, call) end
      end
      if operation then secret.last_by = by_whom(call, operation) end
      return response.empty()
    end,
  }
end

--- By operation.
---@type table<string, fun(store: table, call: table, path: string): table>
local metadata = {}

function metadata.read(store, call, path)
  local secret = store.secrets[path]
  if not secret then return response.fail(404) end
  local versions = {}
  for number, version in pairs(secret.versions) do
    versions[number] = {
      created_time = version.created_time,
      deletion_time = version.deletion_time,
      destroyed = version.destroyed,
      created_by = version.by,
      deleted_by = json.null,
    }
  end
  return response.ok({
    cas_required = secret.cas_required,
    created_time = secret.created_time,
    current_version = secret.current_version,
    custom_metadata = secret.custom_metadata or json.null,
    delete_version_after = secret.delete_version_after,
    last_updated_by = secret.last_by or by_whom(call, "create"),
    max_versions = secret.max_versions,
    oldest_version = secret.oldest_version,
    updated_time = secret.updated_time,
    versions = versions,
  }, KV)
end

local function set_metadata(secret, body)
  for _, name in ipairs { "cas_required", "max_versions", "delete_version_after", "custom_metadata" } do
    if body[name] ~= nil then secret[name] = body[name] ~= json.null and body[name] or nil end
  end
end

function metadata.update(store, call, path)
  store.secrets[path] = store.secrets[path] or new_secret(call)
  set_metadata(store.secrets[path], call.body)
  return response.empty()
end

function metadata.patch(store, call, path)
  local secret = store.secrets[path]
  if not secret then return response.fail(404) end
  local body = call.body
  if is_object(body.custom_metadata) then
    body.custom_metadata = merge(secret.custom_metadata or {}, body.custom_metadata)
  end
  set_metadata(secret, body)
  return response.empty()
end

function metadata.delete(store, _, path)
  store.secrets[path] = nil
  return response.empty()
end

function metadata.list(store, _, path)
  local prefix, found = path == "" and "" or (path:gsub("/*$", "/")), {}
  for name in pairs(store.secrets) do
    if name:sub(1, #prefix) == prefix then found[name:sub(#prefix + 1):match "^[^/]*/?"] = true end
  end
  local keys = sorted_keys(found)
  if #keys == 0 then return response.fail(404) end
  return response.ok({ keys = json.array(keys) }, KV)
end

--- By operation.
---@type table<string, fun(store: table, call: table, path: string): table>
local subkeys = {}

function subkeys.read(store, call, path)
  local found = data.read(store, call, path)
  if found.status ~= 200 then return found end
  local function names_only(value)
    local copy = {}
    for name, each in pairs(value) do
      copy[name] = is_object(each) and names_only(each) or json.null
    end
    return copy
  end
  return response.ok({ subkeys = names_only(found.data.data), metadata = found.data.metadata }, KV)
end

--- By operation.
---@type table<string, fun(store: table, call: table, path: string): table>
local config = {}

function config.read(store) return response.ok(store.config, KV) end

function config.update(store, call)
  for _, name in ipairs { "cas_required", "max_versions", "delete_version_after" } do
    local given = call.body[name]
    if name == "max_versions" and given ~= nil then given = math.tointeger(tonumber(given)) end -- of a word, too
    if given ~= nil then store.config[name] = given end
  end
  return response.empty()
end

local ENDPOINTS <const> = {
  data = data,
  metadata = metadata,
  config = config,
  subkeys = subkeys,
  delete = each_version(soft_delete),
  undelete = each_version(function(version)
    if not version.destroyed then version.deletion_time = "" end
  end, "undelete"),
  destroy = each_version(function(version)
    version.destroyed, version.data = true, nil
  end),
}

--- A new store.
---@return table store
function M.new()
  return { secrets = {}, config = { cas_required = false, max_versions = 0, delete_version_after = "0s" } }
end

--- A new store of version 1: the fields of secrets, and nothing else.
---@return table store
function M.new_plain() return { plain = true, secrets = {} } end

--- A store of version 2 with the secrets of one of version 1.
---@param store table
---@param now number seconds since 1970
---@return table store
function M.upgraded(store, now)
  local new = M.new()
  for path, fields in pairs(store.secrets) do
    append(new, { now = now }, path, fields, "create")
  end
  return new
end

--- Version 1, by operation.
---@type table<string, fun(store: table, call: table, path: string): table>
local plain = {}

function plain.read(store, _, path)
  local fields = store.secrets[path]
  return fields and response.ok(fields, { mount_type = "kv", lease_duration = LEASE }) or response.fail(404)
end

function plain.update(store, call, path)
  if next(call.body) == nil then return response.fail(400, "missing data fields") end
  store.secrets[path] = call.body
  return response.empty()
end

function plain.delete(store, _, path)
  store.secrets[path] = nil
  return response.empty()
end

plain.list = metadata.list

--- Whether a write at a path would create a secret, so that it needs "create" instead of "update".
---@param store table
---@param rest string below the mount
function M.creates(store, rest)
  if store.plain then return store.secrets[rest] == nil end
  local path = rest:match "^data/(.+)$"
  local _, version = find(path and store.secrets[path], {})
  return path ~= nil and version == nil
end

--- Handles a request below a mount.
---@param store table
---@param call table op (read, update, patch, delete, list), query, body, headers, now
---@param rest string below the mount: "data/tenant/x"
---@return table response
function M.handle(store, call, rest)
  if store.plain then return (plain[call.op] or response.unsupported)(store, call, rest) end
  local endpoint, path = rest:match "^(%w+)/?(.*)$"
  local operation = ENDPOINTS[endpoint] and ENDPOINTS[endpoint][call.op]
  local bare = endpoint == "config" or (endpoint == "metadata" and call.op == "list")
  if not ENDPOINTS[endpoint] or (path == "" and not bare) then
    return response.fail(404, ("no handler for route %q. route entry not found."):format(call.path))
  end
  if not operation then return response.unsupported() end
  return operation(store, call, path)
end

return M
