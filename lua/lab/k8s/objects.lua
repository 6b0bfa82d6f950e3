--- The API server's writes: canonical form, defaults, validation, generation, managed fields, optimistic locking, dry
--- run, finalizers. Each function returns an HTTP status and a body: the object or a Status.
local convert = require "lab.k8s.convert"
local defaults = require "lab.k8s.defaults"
local json = require "o2x.base.json"
local kinds = require "lab.k8s.kinds"
local managed = require "lab.k8s.managed_fields"
local normalise = require "lab.k8s.normalise"
local patch = require "lab.k8s.patch"
local status = require "lab.k8s.status"
local validate = require "lab.k8s.validate"
local value = require "lab.k8s.value"

local M = {}

---@class lab.k8s.WriteOptions
---@field manager string?
---@field dry boolean?
---@field validation string?     "Strict", "Warn" or "Ignore"
---@field force boolean?         server-side apply takes over conflicting fields
---@field subresource string?    "status" or "scale"
---@field warnings string[]?     collects warnings
---@field applied (fun(object: table): table)?  a creation by server-side apply: who manages the new object

local IMMORTAL = { default = true, ["kube-system"] = true, ["kube-public"] = true, ["kube-node-lease"] = true }

local function writer_of(store, kind, options, operation)
  return {
    manager = options.manager or "unknown",
    operation = operation or "Update",
    api_version = kind.api_version,
    subresource = options.subresource,
    time = store:time(),
  }
end

-- the request's object in canonical, stored form
local function canonical(kind, object, options)
  local result, unknown = normalise.object(kind, object)
  if not result then
    return nil,
      status.bad_request(
        ("%s in version %q cannot be handled as a %s: %s"):format(kind.kind, kind.version, kind.kind, unknown)
      )
  end
  if #unknown > 0 and options.validation == "Strict" then
    local parts = {}
    for _, path in ipairs(unknown) do
      table.insert(parts, ("unknown field %q"):format(path))
    end
    return nil,
      status.bad_request(
        ("%s in version %q cannot be handled as a %s: strict decoding error: %s"):format(
          kind.kind,
          kind.version,
          kind.kind,
          table.concat(parts, ", ")
        )
      )
  end
  for _, path in ipairs(unknown) do
    if options.warnings and options.validation ~= "Ignore" then
      table.insert(options.warnings, ("unknown field %q"):format(path))
    end
  end
  result.apiVersion, result.kind = kind.api_version, kind.kind
  result.metadata = result.metadata or {}
  return convert.to_stored(kind, result)
end

local function stored_kind(kind) return kinds.stored(kind.store) or kind end

local LETTERS = "bcdfghjklmnpqrstvwxz2456789"

--- A name for `metadata.generateName`.
---@param prefix string
---@return string the prefix and five random characters
function M.generate_name(prefix)
  local name = {}
  for i = 1, 5 do
    local at = math.random(#LETTERS)
    name[i] = LETTERS:sub(at, at)
  end
  return prefix:sub(1, 58) .. table.concat(name)
end

-- the generated labels by which a Job selects its pods
local function label_job(job)
  local template, name, uid = job.spec.template, job.metadata.name, job.metadata.uid
  job.spec.selector = job.spec.selector or { matchLabels = { ["batch.kubernetes.io/controller-uid"] = uid } }
  template.metadata.labels = value.merged({
    ["job-name"] = name,
    ["controller-uid"] = uid,
    ["batch.kubernetes.io/job-name"] = name,
    ["batch.kubernetes.io/controller-uid"] = uid,
  }, template.metadata.labels)
end

--- The next free address of a Service.
---@param state table of the store
---@return string
function M.service_address(state)
  state.addresses = (state.addresses or 9) + 1
  return ("10.96.%d.%d"):format(state.addresses // 250, state.addresses % 250 + 1)
end

-- allocates addresses, ports, finalizers and labels for a new object
local function allocate(store, kind, object)
  local state = store.state
  if kind.store == "batch/jobs" then return label_job(object) end
  if kind.store == "/persistentvolumeclaims" then
    object.metadata.finalizers = object.metadata.finalizers or value.array { "kubernetes.io/pvc-protection" }
  elseif kind.store == "/services" and object.spec.type ~= "ExternalName" then
    local spec = object.spec
    spec.clusterIP = spec.clusterIP or M.service_address(state)
    spec.clusterIPs = value.array { spec.clusterIP }
    spec.ipFamilies = spec.ipFamilies or value.array { "IPv4" }
    spec.ipFamilyPolicy = spec.ipFamilyPolicy or "SingleStack"
    for _, port in ipairs(spec.type ~= "ClusterIP" and spec.ports or {}) do
      if not port.nodePort then
        state.node_ports = (state.node_ports or 30000) + 1
        port.nodePort = state.node_ports
      end
    end
  end
end

-- keeps allocated values that an update omits
local function keep_allocated(kind, live, object)
  if kind.store == "/services" and object.spec.type ~= "ExternalName" then
    for _, name in ipairs { "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy" } do
      if object.spec[name] == nil then object.spec[name] = value.copy(live.spec[name]) end
    end
    local ports = {}
    for _, port in ipairs(live.spec.ports or {}) do
      ports[port.port] = port.nodePort
    end
    for _, port in ipairs(object.spec.type ~= "ClusterIP" and object.spec.ports or {}) do
      port.nodePort = port.nodePort or ports[port.port]
    end
  elseif kind.store == "batch/jobs" then
    object.spec.selector = object.spec.selector or value.copy(live.spec.selector)
    local labels = value.merged(live.spec.template.metadata.labels, object.spec.template.metadata.labels)
    object.spec.template.metadata.labels = labels
  elseif kind.store == "/persistentvolumeclaims" then
    object.spec.volumeName = object.spec.volumeName or live.spec.volumeName
    object.metadata.finalizers = object.metadata.finalizers or live.metadata.finalizers
  end
end

local function namespace_problem(store, kind, namespace)
  if not kind.namespaced then return nil end
  local owner = store:get("/namespaces", nil, namespace)
  if not owner then return status.not_found(kinds.stored("/namespaces"), namespace) end
  if owner.metadata.deletionTimestamp then
    return status.failure(
      403,
      "Forbidden",
      ("%s is forbidden: unable to create new content in namespace %s because it is being terminated"):format(
        kind.qualified,
        namespace
      ),
      { kind = kind.resource }
    )
  end
end

local function render(kind, object) return convert.from_stored(kind, object) end

--- Creates an object.
---@param store lab.k8s.Store
---@param kind lab.k8s.Kind
---@param namespace string?
---@param object table
---@param options lab.k8s.WriteOptions
---@return integer status
---@return table body
function M.create(store, kind, namespace, object, options)
  local code, problem = namespace_problem(store, kind, namespace)
  if code then return code, problem end
  local result
  result, code, problem = canonical(kind, object, options)
  if not result then return code, problem end
  local stored = stored_kind(kind)
  local meta = result.metadata
  if not meta.name and meta.generateName then meta.name = M.generate_name(meta.generateName) end
  meta.namespace = kind.namespaced and namespace or nil
  if stored.status then result.status = nil end
  defaults.fill(stored, result)
  local causes = validate.new_object(stored, result)
  if causes then return status.invalid(stored, meta.name or "", causes) end
  if store:get(kind.store, namespace, meta.name) then return status.exists(kind, meta.name) end

  meta.uid, meta.creationTimestamp = store:uid(), store:time()
  meta.resourceVersion, meta.deletionTimestamp, meta.selfLink = nil, nil, nil
  meta.generation = stored.generation and 1 or nil
  meta.managedFields = nil
  if options.applied then
    result = options.applied(result)
  else
    managed.update(stored, nil, result, writer_of(store, kind, options))
  end
  if stored.status then result.status = defaults.status(stored) end
  allocate(store, stored, result)
  if not options.dry then store:put(kind.store, result) end
  return 201, render(kind, result)
end

-- the part of an object whose changes increment its generation
local function specification(kind, object)
  local rest = value.merged(object)
  rest.metadata, rest.status, rest.apiVersion, rest.kind = nil, nil, nil, nil
  if kind.resource == "deployments" then rest.annotations = object.metadata.annotations end
  return rest
end

local function without_bookkeeping(object)
  return value.merged(
    object,
    { metadata = value.merged(object.metadata, { managedFields = false, resourceVersion = false, generation = false }) }
  )
end

-- stores a validated new version of a live object
local function commit(store, kind, live, object, options)
  local stored = stored_kind(kind)
  if stored.generation then
    local same = value.equal(specification(stored, live), specification(stored, object))
    object.metadata.generation = (live.metadata.generation or 1) + (same and 0 or 1)
  end
  if
    value.equal(without_bookkeeping(live), without_bookkeeping(object))
    and value.equal(live.metadata.managedFields, object.metadata.managedFields)
  then
    return 200, render(kind, live)
  end
  if not options.dry then
    if object.metadata.deletionTimestamp and #(object.metadata.finalizers or {}) == 0 then
      store:remove(kind.store, object)
    else
      store:put(kind.store, object)
    end
  end
  return 200, render(kind, object)
end

-- restores the metadata that a client cannot change
local function keep_identity(live, object)
  local meta, old = object.metadata, live.metadata
  for _, name in ipairs {
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "name",
    "namespace",
    "resourceVersion",
    "generateName",
  } do
    meta[name] = old[name]
  end
  meta.selfLink = nil
end

local function precondition(kind, live, meta)
  if meta.uid and meta.uid ~= live.metadata.uid then
    return status.conflict(
      kind,
      live.metadata.name,
      ("Precondition failed: UID in precondition: %s, UID in object meta: %s"):format(meta.uid, live.metadata.uid)
    )
  end
  if meta.resourceVersion and meta.resourceVersion ~= "" and meta.resourceVersion ~= live.metadata.resourceVersion then
    return status.conflict(kind, live.metadata.name)
  end
end

-- merges the request with the part that it cannot change: the status, or everything except the status
local function restrict(stored, live, object, options)
  if options.subresource == "status" then
    local result = value.merged(live, { status = object.status, metadata = value.merged(live.metadata) })
    result.metadata.managedFields = object.metadata.managedFields or live.metadata.managedFields
    return result
  end
  if stored.status then object.status = live.status end
  return object
end

--- Replaces an object.
---@param store lab.k8s.Store
---@param kind lab.k8s.Kind
---@param namespace string?
---@param name string
---@param object table
---@param options lab.k8s.WriteOptions
---@return integer status
---@return table body
function M.update(store, kind, namespace, name, object, options)
  local live = store:get(kind.store, namespace, name)
  if not live then return status.not_found(kind, name) end
  local code, problem = precondition(kind, live, object.metadata or {})
  if code then return code, problem end
  local given = object.metadata and object.metadata.managedFields
  local result
  result, code, problem = canonical(kind, object, options)
  if not result then return code, problem end
  local stored = stored_kind(kind)
  result.metadata.managedFields = given
  keep_identity(live, result)
  result = restrict(stored, live, result, options)
  if options.subresource ~= "status" then
    defaults.fill(stored, result)
    keep_allocated(stored, live, result)
    local causes = validate.change(stored, live, result)
    if causes then return status.invalid(stored, name, causes) end
    allocate(store, stored, result)
  end
  managed.update(stored, live, result, writer_of(store, kind, options))
  return commit(store, kind, live, result, options)
end

local LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

-- server-side apply updates kubectl's last-applied annotation too, so that kubectl can return to client-side apply
local function follow_last_applied(object, config, options)
  local annotations = object.metadata.annotations
  if options.manager ~= "kubectl" or not annotations or not annotations[LAST_APPLIED] then return end
  local note = value.copy(config)
  if note.metadata.annotations then note.metadata.annotations[LAST_APPLIED] = nil end
  note.metadata.managedFields = nil
  annotations[LAST_APPLIED] = json.encode(note) .. "\n"
end

local function apply(store, kind, namespace, name, config, options)
  local live = store:get(kind.store, namespace, name)
  local stored = stored_kind(kind)
  local writer = writer_of(store, kind, options, "Apply")
  local checked, code, problem = canonical(kind, config, options)
  if not checked then return code, problem end
  checked.metadata.managedFields = nil
  if stored.status and options.subresource ~= "status" then checked.status = nil end
  if not live and config.metadata.uid then
    local why = "uid mismatch: the provided object specified uid %s, and no existing object was found"
    return status.conflict(kind, name, why:format(config.metadata.uid))
  end
  if not live then
    options.applied = function(object)
      return (managed.apply(stored, nil, checked, writer, true, function() return object end))
    end
    return M.create(store, kind, namespace, config, options)
  end
  code, problem = precondition(kind, live, config.metadata)
  if code then return code, problem end
  local result, conflicts = managed.apply(stored, live, checked, writer, options.force or false, function(merged)
    local object = value.copy(merged)
    object.metadata.managedFields = nil
    keep_identity(live, object)
    if options.subresource ~= "status" then
      object = defaults.fill(stored, object)
      keep_allocated(stored, live, object)
    end
    return object
  end)
  if not result then return status.apply_conflict(conflicts) end
  follow_last_applied(result, config, options)
  local causes = validate.change(stored, live, result)
  if causes then return status.invalid(stored, name, causes) end
  return commit(store, kind, live, result, options)
end

local MEDIA = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"

--- Patches an object.
---@param store lab.k8s.Store
---@param kind lab.k8s.Kind
---@param namespace string?
---@param name string
---@param how "json"|"merge"|"strategic"|"apply"
---@param body table
---@param options lab.k8s.WriteOptions
---@return integer status
---@return table body
function M.patch(store, kind, namespace, name, how, body, options)
  if how == "apply" then return apply(store, kind, namespace, name, body, options) end
  local live = store:get(kind.store, namespace, name)
  if not live then return status.not_found(kind, name) end
  local current = convert.from_stored(kind, live)
  local result, message
  if how == "json" then
    result, message = patch.json(current, body)
    if not result then
      return status.failure(
        422,
        "Invalid",
        "the server rejected our request due to an error in our request: " .. message,
        {}
      )
    end
  elseif how == "merge" then
    result = patch.merge(current, body)
  elseif kind.type == "Custom" then
    return status.failure(
      415,
      "UnsupportedMediaType",
      "the body of the request was in an unknown format - accepted media " .. "types include: " .. MEDIA
    )
  else
    result = patch.strategic(kind.type, current, body)
  end
  return M.update(store, kind, namespace, name, result, options)
end

--- Deletes an object.
---@param store lab.k8s.Store
---@param kind lab.k8s.Kind
---@param namespace string?
---@param name string
---@param options { dry: boolean?, propagation: string?, uid: string?, resourceVersion: string? }
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
  local has_finalizers = #(live.metadata.finalizers or {}) > 0 or kind.store == "/namespaces"
  if has_finalizers then
    local deleted = value.merged(
      live,
      { metadata = value.merged(live.metadata, { deletionTimestamp = store:time(), deletionGracePeriodSeconds = 0 }) }
    )
    if kind.store == "/namespaces" then deleted.status = { phase = "Terminating" } end
    if not options.dry and not live.metadata.deletionTimestamp then store:put(kind.store, deleted) end
    return 200, render(kind, deleted)
  end
  if not options.dry then
    if options.propagation == "Orphan" then M.orphan(store, live) end
    store:remove(kind.store, live)
  end
  local whole = { services = true, pods = true, persistentvolumes = true, serviceaccounts = true }
  if whole[kind.resource] then return 200, render(kind, live) end
  return status.deleted(kind, live)
end

--- Removes an object from the owner references of its dependents.
---@param store lab.k8s.Store
---@param owner table
function M.orphan(store, owner)
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

return M
