--- The API server's writes: canonical form, defaults, validation, generation, managed fields, optimistic locking, dry
--- run, finalizers. Each function returns an HTTP status and a body: the object or a Status.
local allocate = require "lab.k8s.allocate"
local convert = require "lab.k8s.convert"
local defaults = require "lab.k8s.defaults"
local fieldset = require "lab.k8s.fieldset"
local json = require "o2x.base.json"
local kinds = require "lab.k8s.kinds"
local managed = require "lab.k8s.managed_fields"
local normalise = require "lab.k8s.normalise"
local patch = require "lab.k8s.patch"
local status = require "lab.k8s.status"
local types = require "lab.k8s.types"
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
---@field is_apply boolean?      the object is applied
---@field patched boolean?       the object is a patch's result
---@field applied (fun(object: table): table)?  a creation by server-side apply: who manages the new object

local function writer_of(store, kind, options, operation)
  return {
    manager = options.manager or "unknown",
    operation = operation or "Update",
    api_version = kind.api_version,
    subresource = options.subresource,
    time = store:time(),
  }
end

-- what a patch made of an object, when it cannot be read
local function unreadable(object, why)
  local message = ("Invalid value: %s: %s"):format(json.encode(json.encode(object)), why)
  return { reason = "FieldValueInvalid", field = "patch", message = message }
end

-- what is applied has a schema
local function untyped(kind, object, why)
  local version = kind.group == "" and "/" .. kind.version or kind.api_version
  local name = ("%s/%s; %s, Kind=%s"):format(object.metadata.namespace or "", object.metadata.name, version, kind.kind)
  return status.failure(500, nil, ("failed to create typed patch object (%s): %s"):format(name, why))
end

local function undeclared(kind, object, path)
  return untyped(kind, object, ("." .. path .. ": field not declared in schema"))
end

-- the request's object in canonical, stored form
local function canonical(kind, object, options)
  local result, unknown = normalise.object(kind, object)
  if options.is_apply and result and #unknown > 0 then return nil, undeclared(kind, object, unknown[1]) end
  if not result then
    if options.patched then
      return nil, status.invalid({ group = "", kind = "" }, "", { unreadable(object, unknown) })
    end
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
  allocate.fill(store, stored, result)
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

local MUST_HAVE_VERSION <const> = {
  reason = "FieldValueInvalid",
  field = "metadata.resourceVersion",
  message = "Invalid value: 0: must be specified for an update",
}
local UID_MISMATCH <const> = "StorageError: invalid object, Code: 4, Key: /registry/%s/%s, ResourceVersion: 0, "
  .. "AdditionalErrorMsg: Precondition failed: UID in precondition: %s, UID in object meta: %s"

local function precondition(kind, live, meta)
  if meta.uid and meta.uid ~= live.metadata.uid then
    local where = table.concat({ live.metadata.namespace, live.metadata.name }, "/")
    return status.conflict(
      kind,
      live.metadata.name,
      UID_MISMATCH:format(kind.resource, where, meta.uid, live.metadata.uid)
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

--- An object with another name or namespace than the request's path is refused.
---@param meta table of the object
---@param namespace string?
---@param name string
---@return integer? status
---@return table? problem
function M.misnamed(meta, namespace, name)
  if type(meta) ~= "table" then return nil end
  if (meta.name or "") ~= "" and meta.name ~= name then
    local why = "the name of the object (%s) does not match the name on the URL (%s)"
    return status.bad_request(why:format(meta.name, name))
  end
  if namespace and (meta.namespace or "") ~= "" and meta.namespace ~= namespace then
    return status.bad_request "the namespace of the provided object does not match the namespace sent on the request"
  end
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
  if
    kind.custom
    and not options.patched
    and not options.subresource
    and not (object.metadata or {}).resourceVersion
  then
    return status.invalid({ group = kind.group, kind = kind.resource }, name, { MUST_HAVE_VERSION })
  end
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
    allocate.keep(stored, live, result)
    local causes = validate.change(stored, live, result)
    if causes then return status.invalid(stored, name, causes) end
  end
  managed.update(stored, live, result, writer_of(store, kind, options))
  if options.subresource ~= "status" then allocate.fill(store, stored, result, live) end
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

-- an object in canonical form, and the empty maps and lists that were sent
local function with_empty(checked, sent)
  local result = value.merged(checked)
  for name, item in pairs(sent) do
    if type(item) == "table" and item ~= value.null then
      if next(item) == nil then
        if result[name] == nil then result[name] = item end
      elseif type(result[name]) == "table" and not value.is_list(item) then
        result[name] = with_empty(result[name], item)
      end
    end
  end
  return result
end

local function apply(store, kind, namespace, name, config, options)
  local live = store:get(kind.store, namespace, name)
  local stored = stored_kind(kind)
  local writer = writer_of(store, kind, options, "Apply")
  options.is_apply = true
  local checked, code, problem = canonical(kind, config, options)
  if not checked then return code, problem end
  checked.metadata.managedFields = nil
  local twice = fieldset.duplicate(types.root(kind.type), checked)
  if twice then return untyped(kind, config, twice) end
  if stored.status and options.subresource ~= "status" then checked.status = nil end
  -- Who applies an empty map or list manages it, though nothing of it is kept.
  local given = stored == kind and with_empty(checked, config) or value.merged(checked)
  given.status = checked.status
  if not live and config.metadata.uid then
    local why = "uid mismatch: the provided object specified uid %s, and no existing object was found"
    return status.conflict(kind, name, why:format(config.metadata.uid))
  end
  if not live then
    options.applied = function(object)
      return (managed.apply(stored, nil, checked, writer, true, function() return object end, given))
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
      allocate.keep(stored, live, object)
    end
    return object
  end, given)
  if not result then return status.apply_conflict(conflicts) end
  follow_last_applied(result, config, options)
  local causes = validate.change(stored, live, result)
  if causes then return status.invalid(stored, name, causes) end
  return commit(store, kind, live, result, options)
end

local REJECTED <const> = "the server rejected our request due to an error in our request"
local UNKNOWN_FORMAT <const> = "the body of the request was in an unknown format - accepted media types include: %s"
local MEDIA <const> = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"

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
  local result
  if how == "json" then
    result = patch.json(current, body)
    if not result then return status.failure(422, "Invalid", REJECTED, {}) end
  elseif how == "merge" then
    result = patch.merge(current, body)
  elseif kind.type == "Custom" then
    return status.failure(415, "UnsupportedMediaType", UNKNOWN_FORMAT:format(MEDIA))
  else
    result = patch.strategic(kind.type, current, body)
  end
  local code, problem = M.misnamed(result.metadata, namespace, name)
  if code then return code, problem end
  options.patched = true
  return M.update(store, kind, namespace, name, result, options)
end

return M
