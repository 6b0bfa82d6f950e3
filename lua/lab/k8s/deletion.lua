--- Deletions: preconditions, finalizers, what becomes of dependents.
local convert = require "lab.k8s.convert"
local status = require "lab.k8s.status"
local value = require "lab.k8s.value"

local M = {}

---@class lab.k8s.DeleteOptions
---@field dry boolean?
---@field propagation string?      "Foreground", "Background" or "Orphan"
---@field uid string?              the object must have it
---@field resourceVersion string?  likewise

local IMMORTAL <const> = { default = true, ["kube-system"] = true, ["kube-public"] = true, ["kube-node-lease"] = true }

-- With these, the garbage collector holds an object until it has dealt with its dependents.
local FINALIZERS <const> = { Foreground = "foregroundDeletion", Orphan = "orphan" }

-- Their answer to a deletion is the object.
local WHOLE <const> = { services = true, pods = true, persistentvolumes = true, serviceaccounts = true }

local MISMATCH <const> = {
  uid = "the UID in the precondition (%s) does not match the UID in record (%s). The object might have been deleted "
    .. "and then recreated",
  resourceVersion = "the ResourceVersion in the precondition (%s) does not match the ResourceVersion in record (%s). "
    .. "The object might have been modified",
}

local function precondition(kind, live, options)
  for _, name in ipairs { "uid", "resourceVersion" } do
    local wanted, there = options[name], live.metadata[name]
    if wanted and wanted ~= there then
      -- The API server names the kind here, where it names the resource elsewhere.
      local named = { group = kind.group, resource = kind.kind }
      named.qualified = kind.group == "" and kind.kind or kind.kind .. "." .. kind.group
      return status.conflict(named, live.metadata.name, MISMATCH[name]:format(wanted, there))
    end
  end
end

local function finalizers_of(kind, live, options)
  local list = value.array(value.copy(live.metadata.finalizers or {}))
  local held = FINALIZERS[options.propagation]
  if held then list[#list + 1] = held end
  return (#list > 0 or kind.store == "/namespaces") and list or nil
end

--- Deletes an object.
---@param store lab.k8s.Store
---@param kind lab.k8s.Kind
---@param namespace string?
---@param name string
---@param options lab.k8s.DeleteOptions
---@return integer status
---@return table body
function M.delete(store, kind, namespace, name, options)
  local live = store:get(kind.store, namespace, name)
  if not live then return status.not_found(kind, name) end
  local code, problem = precondition(kind, live, options)
  if code then return code, problem end
  if kind.store == "/namespaces" and IMMORTAL[name] then
    return status.failure(
      403,
      "Forbidden",
      ("namespaces %q is forbidden: this namespace may not be deleted"):format(name),
      { name = name, kind = "namespaces" }
    )
  end
  local finalizers = finalizers_of(kind, live, options)
  if finalizers then
    if live.metadata.deletionTimestamp then return 200, convert.from_stored(kind, live) end
    local mark = { deletionTimestamp = store:time(), deletionGracePeriodSeconds = 0 }
    if finalizers[1] then mark.finalizers = finalizers end
    local deleted = value.merged(live, { metadata = value.merged(live.metadata, mark) })
    if live.metadata.generation then deleted.metadata.generation = live.metadata.generation + 1 end
    if kind.store == "/namespaces" then deleted.status = { phase = "Terminating" } end
    if not options.dry then store:put(kind.store, deleted) end
    return 200, convert.from_stored(kind, deleted)
  end
  if not options.dry then store:remove(kind.store, live) end
  if WHOLE[kind.resource] then return 200, convert.from_stored(kind, live) end
  return status.deleted(kind, live)
end

-- Removes an object from the owner references of its dependents.
local function orphan(store, owner)
  for _, dependent in ipairs(store:owned(owner.metadata.uid)) do
    local copy = value.copy(dependent.object)
    local rest = value.array {}
    for _, ref in ipairs(copy.metadata.ownerReferences) do
      if ref.uid ~= owner.metadata.uid then table.insert(rest, ref) end
    end
    copy.metadata.ownerReferences = #rest > 0 and rest or nil
    store:put(dependent.store, copy)
  end
end

--- Does the garbage collector hold that object?
---@param object table
---@return string? propagation
function M.held(object)
  for _, finalizer in ipairs(object.metadata.deletionTimestamp and object.metadata.finalizers or {}) do
    for propagation, name in pairs(FINALIZERS) do
      if finalizer == name then return propagation end
    end
  end
end

--- Lets go of an object that the garbage collector holds.
---@param store lab.k8s.Store
---@param place string the store of its kind
---@param object table
---@param remove_dependents fun(uid: string)
function M.release(store, place, object, remove_dependents)
  local propagation = M.held(object)
  if propagation == "Orphan" then
    orphan(store, object)
  else
    remove_dependents(object.metadata.uid)
  end
  local rest = value.array {}
  for _, name in ipairs(object.metadata.finalizers) do
    if name ~= FINALIZERS[propagation] then rest[#rest + 1] = name end
  end
  local copy = value.merged(object, { metadata = value.merged(object.metadata) })
  copy.metadata.finalizers = #rest > 0 and rest or nil
  if #rest > 0 then return store:put(place, copy) end
  store:remove(place, copy)
end

return M
