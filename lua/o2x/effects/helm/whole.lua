--- A release as the cluster has it: helm's records of it, and the objects that they name. A rehearsal brings them into
--- its lab. What a record holds of Secrets becomes secrets here, so that none of it leaves by mistake.

local content = require "o2x.effects.helm.content"
local crypto = require "o2x.base.crypto"
local gzip = require "o2x.base.gzip"
local json = require "o2x.base.json"
local live = require "o2x.effects.helm.live"
local manifest = require "o2x.client.helm.manifest"
local secret = require "o2x.base.secret"
local whole = require "o2x.effects.k8s.whole"

local M = {}

local LARGEST <const> = 64 << 20 -- bytes of a record

local function is_secret(object) return object.kind == "Secret" and object.apiVersion == "v1" end

local function hide(map, name, decode)
  if type(map) ~= "table" or map == json.null then return end
  for key, text in pairs(map) do
    if type(text) == "string" then
      map[key] = secret.new(decode and crypto.unbase64(text) or text, name .. "/" .. key)
    end
  end
end

-- The objects of a manifest, if it has Secrets among them; their values are secrets then.
local function hidden(text)
  if not text or not text:find("Secret", 1, true) then return nil end
  local objects, found = manifest.objects(text), false
  for _, object in ipairs(objects) do
    if is_secret(object) then
      found = true
      hide(object.data, object.metadata.name, true)
      hide(object.stringData, object.metadata.name)
    end
  end
  return found and objects or nil
end

-- What helm's record says, with the objects in the place of each manifest that has Secrets.
local function opened(object)
  local bytes = crypto.unbase64(crypto.unbase64(object.data.release))
  local text = bytes:sub(1, 3) == "\x1f\x8b\x08" and gzip.unpack(bytes, LARGEST, object.metadata.name) or bytes
  local record = json.decode(text, object.metadata.name)
  record.manifest = hidden(record.manifest) or record.manifest
  for _, hook in ipairs(record.hooks ~= json.null and record.hooks or {}) do
    hook.manifest = hidden(hook.manifest) or hook.manifest
  end
  object.data = nil
  return { helm_record = record, object = object }
end

--- The releases that the tenant may have.
---@param ctx o2x.context
---@return table[] targets
function M.releases(ctx)
  local targets, namespace = {}, ctx:client("k8s").namespace
  for i, name in ipairs(ctx.scope.helm or {}) do
    targets[i] = { name = name, namespace = namespace }
  end
  return targets
end

local SCALED <const> = { Deployment = true, StatefulSet = true }

-- What sets the replicas of a workload beside its release: it decides whether they differ from it.
local function autoscaler(ctx, object)
  local scaler = SCALED[object.kind] and ctx:retry(live.autoscaler, ctx:client "k8s", object)
  if not scaler then return {} end
  local name, namespace = scaler.metadata.name, scaler.metadata.namespace
  return whole.object(ctx, { kind = "HorizontalPodAutoscaler", name = name, namespace = namespace })
end

--- What a release consists of, and what scales it.
---@param ctx o2x.context
---@param target { name: string, namespace: string? }
---@return table[] objects of the cluster; of a record: { helm_record, object } with what helm keeps in it
function M.release(ctx, target)
  local helm, k8s = ctx:client "helm", ctx:client "k8s"
  local namespace, found = target.namespace or k8s.namespace, {}
  for _, object in ipairs(ctx:retry(helm.releases.objects, helm.releases, target.name, namespace)) do
    object.apiVersion, object.kind = "v1", "Secret"
    found[#found + 1] = opened(object)
  end
  local newest = ctx:retry(helm.status, helm, target.name, namespace)
  for _, one in ipairs(newest and content.objects(content.of(newest).manifest) or {}) do
    local resource, name = k8s:resource(one), one.metadata.name
    local where = resource.namespaced and (one.metadata.namespace or namespace) or nil
    if k8s.grants:allows(resource, where, name) then
      local of = { kind = resource.kind, api_version = resource.api_version, name = name, namespace = where }
      for _, object in ipairs(whole.object(ctx, of)) do
        found[#found + 1] = object
        table.move(autoscaler(ctx, object), 1, 1, #found + 1, found)
      end
    end
  end
  return found
end

return M
