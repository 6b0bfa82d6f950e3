--- The parts of a picture that are in the simulators' memory. Each calls add(name, value, constant): the item's name,
--- plain data, and whether the value is a table that never changes.

local clock = require "o2x.base.clock"
local crypto = require "o2x.base.crypto"
local gzip = require "o2x.base.gzip"
local json = require "o2x.base.json"
local kinds = require "lab.k8s.kinds"

local M = {}

-- ---- Kubernetes and helm ----

-- Events tell what happened, with random names and times: they are a log.
local NO_PART <const> = { ["/events"] = true, ["events.k8s.io/events"] = true }

local MOST <const> = 64 * 1024 * 1024 -- bytes of a record
local HELM_RECORD <const> = "helm.sh/release.v1"

-- Objects with random letters at the end of their name are counted below the name that is not random.
local function stable_name(object)
  local meta = object.metadata
  if meta.generateName then return meta.generateName .. "*" end
  local owner = meta.ownerReferences and meta.ownerReferences[1]
  if owner and meta.name == ("%s-%s"):format(owner.name, owner.uid:sub(1, 5)) then return owner.name .. "-*" end
  local claim = object.spec and object.spec.claimRef
  if claim then return ("of %s/%s"):format(claim.namespace, claim.name) end
  return meta.name
end

local function full_name(kind, object)
  local namespace = object.metadata.namespace
  return ("%s %s%s"):format(kind, namespace and namespace .. "/" or "", stable_name(object))
end

--- All objects but events and helm's records.
---@param lab table
---@param add fun(name: string, value: any, constant: boolean?)
function M.k8s(lab, add)
  for store, objects in pairs(lab.state("k8s").objects or {}) do
    local kind = not NO_PART[store] and kinds.stored(store)
    for _, object in pairs(kind and objects or {}) do
      if object.type ~= HELM_RECORD then add(full_name(kind.kind, object), object, true) end
    end
  end
end

local function decode_release(secret)
  local packed = crypto.unbase64(crypto.unbase64(secret.data.release))
  return json.decode(packed:sub(1, 2) == "\31\139" and gzip.unpack(packed, MOST, "the release") or packed)
end

local decoded = setmetatable({}, { __mode = "k" }) -- a record never changes: another one takes its place

--- The records of all releases, decoded.
---@param lab table
---@param add fun(name: string, value: any, constant: boolean?)
function M.helm(lab, add)
  for _, secret in pairs((lab.state("k8s").objects or {})["/secrets"] or {}) do
    if secret.type == HELM_RECORD then
      decoded[secret] = decoded[secret] or decode_release(secret)
      local release = decoded[secret]
      add(("release %s/%s revision %d"):format(secret.metadata.namespace, release.name, release.version), release, true)
    end
  end
end

-- ---- Vault ----

--- Secrets with all versions, policies, auth methods with their roles. Tokens are no part: each is its client's own.
---@param lab table
---@param add fun(name: string, value: any)
function M.vault(lab, add)
  local vault = lab.state "vault"
  for path, mount in pairs(vault.mounts or {}) do
    for secret, value in pairs(mount.store.secrets) do
      add(path .. secret, value)
    end
    add("mount " .. path, { options = mount.options, description = mount.description, config = mount.store.config })
  end
  for name, policy in pairs(vault.policies or {}) do
    add("policy " .. name, policy)
  end
  for path, method in pairs(vault.auth or {}) do
    add("auth " .. path, method)
  end
  add("server", { sealed = vault.sealed, quotas = vault.quotas and next(vault.quotas) and vault.quotas or nil })
end

-- ---- AWS ----

local function add_record(zone, record, add)
  local set = record.set and " " .. record.set or ""
  add(("record %s %s %s%s"):format(zone.name, record.name, record.type, set), record)
end

--- Record sets, objects in buckets, databases and their snapshots.
---@param lab table
---@param add fun(name: string, value: any)
function M.aws(lab, add)
  for _, zone in ipairs(lab.state("route53").zones or {}) do
    add("zone " .. zone.name, { id = zone.id, reference = zone.reference })
    for _, record in ipairs(zone.records) do
      add_record(zone, record, add)
    end
  end
  for bucket, value in pairs(lab.state("s3").buckets or {}) do
    add("bucket " .. bucket, { created = value.created })
    for key, object in pairs(value.objects) do
      add(("object %s/%s"):format(bucket, key), object)
    end
  end
  local rds = lab.state "rds"
  for _, list in ipairs { rds.instances or {}, rds.snapshots or {} } do
    for id, value in pairs(list) do
      add("database " .. id, value)
    end
  end
end

-- ---- the others ----

--- Queues with their messages.
---@param lab table
---@param add fun(name: string, value: any)
function M.broker(lab, add)
  for _, queue in ipairs(lab.state("broker").queues or {}) do
    add("queue " .. queue.name, queue)
  end
end

-- A service that was only asked has counted that, and has a list of users in which nobody is.
local function has_content(state)
  for name, value in pairs(state) do
    local is_empty = type(value) == "table" and next(value) == nil
    if name ~= "requests" and name ~= "token_key" and not is_empty then return true end
  end
  return false
end

--- What the tenants' services have in their own memory.
---@param lab table
---@param add fun(name: string, value: any)
function M.services(lab, add)
  for tenant, state in pairs(lab.state "services") do
    if has_content(state) then add("services of " .. tenant, state) end
  end
end

--- Silences of the Alertmanager, and which of them are over.
---@param lab table
---@param add fun(name: string, value: any)
function M.alerts(lab, add)
  for _, silence in ipairs(lab.state("alertmanager").silences or {}) do
    local value = { over = clock.parse(silence.endsAt) <= lab.clock() or nil }
    for name, item in pairs(silence) do
      value[name] = item
    end
    add("silence " .. json.encode(silence.matchers or {}), value)
  end
end

--- The writes that services and webhooks got since the last restore: which, not how often.
---@param lab table
---@param add fun(name: string, value: any)
function M.received(lab, add)
  local seen = {}
  for _, entry in ipairs(lab.asked.list) do
    local to_service = entry.service == "ingress" or entry.service == "k8s" and entry.target:find("/proxy/", 1, true)
    if entry.write and to_service and not seen[entry.identity] then
      seen[entry.identity] = true
      add(entry.identity, tostring(entry.status))
    end
  end
end

return M
