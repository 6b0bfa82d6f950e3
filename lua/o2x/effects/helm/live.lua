--- A release as it is in the cluster: each object of its manifest beside the live one. What differs is drift. It is
--- mended object by object, without a new revision: helm would run the hooks again, keep what was added by hand, and
--- leave custom resources as they are.

local crypto = require "o2x.base.crypto"
local diff = require "o2x.base.diff"
local drift = require "o2x.client.k8s.drift"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local manifest = require "o2x.client.helm.manifest"
local task = require "o2x.base.task"

local M = {}

-- While an object carries this annotation, it is stopped on purpose (stdlib/maintenance).
local MAINTENANCE <const> = "o2x.io/maintenance"
local STOPPED <const> = { "replicas", "suspend" }

local ATTEMPTS <const> = 8 -- of a patch, while controllers write to the object
local GONE_SECONDS <const> = 60 -- until an object that is being deleted is gone
local PAUSE <const> = 0.2

-- helm writes these itself, whatever the chart says.
local OWNER_LABEL <const> = "app.kubernetes.io/managed-by"
local OWNER_ANNOTATIONS <const> = { "meta.helm.sh/release-name", "meta.helm.sh/release-namespace" }

local function copy(map)
  local out = {}
  for name, item in pairs(type(map) == "table" and map ~= json.null and map or {}) do
    out[name] = item
  end
  return out
end

local function plain(value) return value ~= json.null and value or nil end

-- ---- what is compared ----

local function is_secret(object) return object.kind == "Secret" and object.apiVersion == "v1" end

-- The data of a manifest's Secret as the server has them, in base64.
local function secret_data(object)
  local data = {}
  for name, text in pairs(copy(object.data)) do
    if text ~= json.null then data[name] = tostring(text):gsub("%s", "") end
  end
  for name, text in pairs(copy(object.stringData)) do
    if text ~= json.null then data[name] = crypto.base64(tostring(text)) end
  end
  return data
end

-- The same as fetch gives them.
local function hashed_data(k8s, object)
  local data = secret_data(object)
  for name, text in pairs(data) do
    data[name] = k8s.hash(text)
  end
  return data
end

-- A manifest's object without what helm writes otherwise.
local function comparable(k8s, object)
  local wanted, metadata = copy(object), copy(object.metadata)
  metadata.labels, metadata.annotations = copy(metadata.labels), copy(metadata.annotations)
  metadata.labels[OWNER_LABEL] = nil
  for _, name in ipairs(OWNER_ANNOTATIONS) do
    metadata.annotations[name] = nil
  end
  wanted.metadata = metadata
  if is_secret(object) then
    wanted.data, wanted.stringData = hashed_data(k8s, object), nil
  end
  return wanted
end

local function without(wanted, names)
  local spec = copy(wanted.spec)
  for _, name in ipairs(names) do
    spec[name] = nil
  end
  local reduced = copy(wanted)
  reduced.spec = spec
  return reduced
end

-- ---- replicas that an autoscaler sets ----

-- The horizontal autoscaler writes as kube-controller-manager, by the subresource scale.
local function was_autoscaled(object)
  for _, entry in ipairs(object.metadata.managedFields or {}) do
    if entry.manager == "kube-controller-manager" and entry.subresource == "scale" then return true end
  end
  return false
end

local AUTOSCALER <const> = "HorizontalPodAutoscaler"

local function targets(scaler, object)
  local target = scaler.spec and scaler.spec.scaleTargetRef or {}
  return target.kind == object.kind and target.name == object.metadata.name
end

--- The autoscaler of a workload. One that was made by hand has its workload's name, and no label of the tenant.
---@param k8s table the client
---@param object table the live workload
---@return table? scaler
function M.autoscaler(k8s, object)
  if not k8s:kinds():find(AUTOSCALER) then return nil end
  local namespace, name = object.metadata.namespace, object.metadata.name
  local ok, listed = pcall(k8s.list, k8s, AUTOSCALER, { namespace = namespace })
  if not ok and (not errors.is(listed) or listed.kind ~= "unauthorised" and listed.kind ~= "refused") then
    error(listed, 0)
  end
  for _, scaler in ipairs(ok and listed or {}) do
    if targets(scaler, object) then return scaler end
  end
  local scaler = k8s:get(AUTOSCALER, name, namespace)
  return scaler and targets(scaler, object) and scaler or nil
end

-- ---- drift ----

---@class o2x.helm.drift of one object
---@field object table of the manifest
---@field wanted table the same, as it is compared
---@field reference o2x.k8s.reference
---@field live table? nil: it is missing
---@field leaving boolean? it is being deleted
---@field mended table?

-- Fields that the server, or somebody who is quicker, keeps otherwise: client → object → the places.
local kept = setmetatable({}, { __mode = "k" })

local function place_of(one)
  local at = one.reference
  return ("%s %s/%s"):format(at.resource.kind, at.namespace or "", at.name)
end

local function places_of(one) return table.concat(drift.places(drift.patch(one.live, one.mended)), ", ") end

local function is_kept(k8s, one)
  local places = kept[k8s] and kept[k8s][place_of(one)]
  return places ~= nil and places == places_of(one)
end

-- A Job that removes itself when it has ended is not missing then.
local function may_be_gone(object)
  local spec = type(object.spec) == "table" and object.spec or {}
  return object.kind == "Job" and plain(spec.ttlSecondsAfterFinished) ~= nil
end

-- What differs between an object and the live one; nil if nothing does.
local function compare(k8s, one)
  if not one.live then return not may_be_gone(one.object) and one or nil end
  one.leaving = one.live.metadata.deletionTimestamp ~= nil
  if one.leaving then return one end
  local wanted = comparable(k8s, one.object)
  local annotations = one.live.metadata.annotations or {}
  if annotations[MAINTENANCE] then wanted = without(wanted, STOPPED) end
  one.mended = drift.mended(one.live, wanted)
  local spec = one.mended.spec
  local scaled = type(spec) == "table" and type(one.live.spec) == "table" and spec.replicas ~= one.live.spec.replicas
  if scaled and (was_autoscaled(one.live) or M.autoscaler(k8s, one.live)) then
    one.mended = drift.mended(one.live, without(wanted, { "replicas" }))
  end
  return one.mended ~= one.live and not is_kept(k8s, one) and one or nil
end

-- The objects that the run may look at. What it may not touch is refused before helm writes (stored.lua).
local function referred(k8s, objects, namespace)
  local found = {}
  for _, object in ipairs(objects) do
    local resource = k8s:resource(object)
    local where = resource.namespaced and (plain(object.metadata.namespace) or namespace) or nil
    local name = object.metadata.name
    if k8s.grants:allows(resource, where, name) then
      found[#found + 1] = { object = object, reference = { resource = resource, namespace = where, name = name } }
    end
  end
  return found
end

--- Compares the objects of a release with those in the cluster.
---@param ctx table
---@param objects table[] of the manifest, without hooks
---@param namespace string of the release
---@return o2x.helm.drift[] drifts one for each object that is missing or differs
function M.drift(ctx, objects, namespace)
  local k8s, references, drifts = ctx:client "k8s", {}, {}
  local found = referred(k8s, objects, namespace)
  for i, one in ipairs(found) do
    references[i] = one.reference
  end
  for i, live in ipairs(k8s:fetch(references)) do
    found[i].live = live or nil
    drifts[#drifts + 1] = compare(k8s, found[i])
  end
  return drifts
end

-- ---- for people ----

local function what_differs(one)
  if not one.live then return "missing in the cluster" end
  if one.leaving then return "being deleted in the cluster" end
  return places_of(one)
end

--- What differs, without the values: "Deployment t1-app: spec.replicas".
---@param drifts o2x.helm.drift[]
---@return string[]
function M.places(drifts)
  local list = {}
  for i, one in ipairs(drifts) do
    list[i] = ("%s: %s"):format(manifest.name(one.object), what_differs(one))
  end
  return list
end

local function changes(one)
  if not is_secret(one.object) then return diff.lines(manifest.by_name(one.live), manifest.by_name(one.mended)) end
  local lines = {}
  for i, place in ipairs(drift.places(drift.patch(one.live, one.mended))) do
    lines[i] = ("~ %s: (hidden)"):format(place)
  end
  return lines
end

--- What differs, as lines of a plan: from what is in the cluster to what the release has.
---@param drifts o2x.helm.drift[]
---@return string[]
function M.lines(drifts)
  local lines = {}
  for _, one in ipairs(drifts) do
    local name = manifest.name(one.object)
    local edited = one.live and not one.leaving
    lines[#lines + 1] = edited and ("~ %s (edited in the cluster)"):format(name)
      or ("+ %s (%s)"):format(name, what_differs(one))
    for _, line in ipairs(edited and changes(one) or {}) do
      lines[#lines + 1] = "    " .. manifest.mask(line)
    end
  end
  return lines
end

-- ---- mending ----

-- An object in the words of kubectl.
local function words_of(at)
  return ("%s %s%s"):format(at.resource.kind:lower(), at.name, at.namespace and " -n " .. at.namespace or "")
end

-- Waits until an object that somebody deletes is gone; its finalizers may take their time.
local function wait_gone(ctx, one)
  local k8s, deadline = ctx:client "k8s", task.now() + GONE_SECONDS
  local function read()
    k8s:forget()
    return k8s:fetch({ one.reference })[1]
  end
  while ctx:retry(read) do
    if task.now() >= deadline then
      local name, at = manifest.name(one.object), one.reference
      errors.raise {
        kind = "failed",
        module = "helm",
        op = "mend",
        message = ("%s is being deleted, and still there after %d s"):format(name, GONE_SECONDS),
        hint = ("kubectl get %s -o jsonpath={.metadata.finalizers} shows what it waits for"):format(words_of(at)),
      }
    end
    ctx:waiting(manifest.name(one.object) .. ": being deleted")
    task.sleep(PAUSE)
  end
end

local function create(k8s, name, namespace, one)
  local object = copy(one.object)
  object.metadata = copy(object.metadata)
  object.metadata.namespace = one.reference.namespace
  k8s:create(object, {
    labels = { [OWNER_LABEL] = "Helm" },
    annotations = { [OWNER_ANNOTATIONS[1]] = name, [OWNER_ANNOTATIONS[2]] = namespace },
  })
end

local function is_conflict(err) return errors.is(err) and err.kind == "conflict" end

local function cannot_be_changed(one, err)
  if not errors.is(err) or err.code ~= 422 then error(err, 0) end
  local name = manifest.name(one.object)
  errors.amend(err, {
    hint = ("kubectl delete %s removes it; the next run makes it anew"):format(words_of(one.reference)),
    message = ("%s was edited in the cluster and cannot be changed back: %s"):format(name, err.message),
  })
  error(err, 0)
end

-- A patch as it is sent: with what the hashes stand for.
local function patch_of(one)
  local patch = drift.patch(one.live, one.mended)
  if is_secret(one.object) then
    local data = secret_data(one.object)
    patch.data = copy(patch.data)
    for name, hash in pairs(patch.data) do
      if hash ~= json.null then patch.data[name] = data[name] end
    end
  end
  patch.metadata = copy(patch.metadata)
  patch.metadata.resourceVersion = one.live.metadata.resourceVersion
  return patch
end

-- Bound to the version that was read, so that what was checked is what comes out.
local function change(k8s, one)
  local at = one.reference
  local kind = { apiVersion = at.resource.api_version, kind = at.resource.kind }
  for attempt = 1, ATTEMPTS do
    local patch = patch_of(one)
    local ok, err = pcall(k8s.patch, k8s, kind, at.name, patch, { namespace = at.namespace, onto = one.live })
    if ok then return end
    if not is_conflict(err) or attempt == ATTEMPTS then cannot_be_changed(one, err) end
    one.live = k8s:fetch({ at })[1]
    if not one.live or not compare(k8s, one) then return end
  end
end

-- What is as it was after it was changed is kept so by the server or by another client.
local function note_kept(ctx, one)
  local k8s = ctx:client "k8s"
  kept[k8s] = kept[k8s] or {}
  kept[k8s][place_of(one)] = places_of(one)
  ctx:log("warning", ("%s: the cluster keeps its own value: %s"):format(manifest.name(one.object), places_of(one)))
end

-- Somebody has edited the objects since they were compared.
local function refuse_another(name, seen, now)
  if table.concat(seen, "\n") == table.concat(now, "\n") then return end
  local details = { "  before:" }
  table.move(seen, 1, #seen, 2, details)
  details[#details + 1] = "  now:"
  table.move(now, 1, #now, #details + 1, details)
  errors.raise {
    kind = "conflict",
    module = "helm",
    op = "mend",
    message = ("the objects of release %s: somebody else changed them meanwhile; they are left as they are"):format(
      name
    ),
    details = details,
    hint = "check them; o2x resume mends what is there then",
  }
end

--- Makes the objects in the cluster what the release has.
---@param ctx table
---@param name string of the release
---@param namespace string
---@param objects table[] of the manifest, without hooks
---@param seen string[]? lines of what differed when it was compared; without it, helm has just written
function M.mend(ctx, name, namespace, objects, seen)
  local k8s = ctx:client "k8s"
  local drifts = ctx:retry(M.drift, ctx, objects, namespace)
  if seen then refuse_another(name, seen, M.lines(drifts)) end
  for _, one in ipairs(drifts) do
    if one.leaving then wait_gone(ctx, one) end
    if one.live and not one.leaving then
      change(k8s, one)
    else
      create(k8s, name, namespace, one)
    end
  end
  if #drifts == 0 then return end
  for _, one in ipairs(ctx:retry(M.drift, ctx, objects, namespace)) do
    if one.live and not one.leaving then
      note_kept(ctx, one)
    else
      errors.raise {
        kind = "conflict",
        module = "helm",
        op = "mend",
        message = ("%s was made and deleted again: somebody else is working on it"):format(manifest.name(one.object)),
        hint = "end what deletes it, then run this again",
      }
    end
  end
end

return M
