--- What changes objects, for o2x.client.k8s: server-side apply, create, replace, patch, delete. Each is checked against
--- the run's grants first.

local decode = require "o2x.client.k8s.decode"
local compare = require "o2x.client.k8s.compare"
local json = require "o2x.base.json"
local status = require "o2x.client.k8s.status"

local Client = {}

local check = status.check

local function body_of(object)
  -- Objects with secrets become a secret body, which only the HTTP client opens.
  if object.kind == "Secret" then return json.encode_secret(object) end
  return json.encode(object)
end

local function result_of(resource, response, what)
  if resource.kind == "Secret" then return nil end
  return decode.object(response, what, resource)
end

local function merged(map, more)
  local all = {}
  for _, one in ipairs { map or {}, more or {} } do
    for name, item in pairs(one) do
      all[name] = item
    end
  end
  return all
end

-- Without an object of that uid, the server creates none.
local function bound(object, onto)
  local identity = { uid = onto.uid, resourceVersion = onto.resourceVersion }
  return merged(object, { metadata = merged(object.metadata, identity) })
end

--- Applies an object server-side: creates it or changes its fields. A field that another manager owns with a different
--- value is a conflict error that names the manager.
---@param object table apiVersion, kind, metadata.name …
---@param o { force: boolean?, dry_run: boolean?, onto: table? }? onto: the metadata that it was read with; the object
---  must still be that one, in that version
---@return table? object as it is now (nil for a Secret)
function Client:apply(object, o)
  o = o or {}
  local resource, path, what, where = self:place(object, object.metadata.name, object.metadata.namespace)
  self.grants:contents(resource, where, object, { merging = true })
  local response = self:send("PATCH", path, {
    content_type = "application/apply-patch+yaml",
    body = body_of(o.onto and bound(object, o.onto) or object),
    query = { fieldManager = self.manager, force = o.force and "true" or nil, dryRun = o.dry_run and "All" or nil },
  })
  return result_of(resource, check(what, response, "apply"), what)
end

local function marked(object, marks)
  local metadata = merged(object.metadata)
  metadata.labels = merged(metadata.labels, marks.labels)
  metadata.annotations = merged(metadata.annotations, marks.annotations)
  return merged(object, { metadata = metadata })
end

--- Creates an object; an existing one is a conflict error.
---@param object table
---@param marks { labels: table, annotations: table }? what is added to its metadata after the check: a program's own
---@return table? object as it is now (nil for a Secret)
function Client:create(object, marks)
  local resource, path, what, where = self:place(object, object.metadata.name, object.metadata.namespace, true)
  self.grants:create(resource, where, object.metadata.name)
  self.grants:contents(resource, where, object)
  local response = self:send("POST", (path:match("^(.*)/")), {
    content_type = "application/json",
    body = body_of(marks and marked(object, marks) or object),
    query = { fieldManager = self.manager },
  })
  return result_of(resource, check(what, response, "create"), what)
end

--- Replaces a whole object; with metadata.resourceVersion only if it has not changed since.
---@param object table
---@return table? object as it is now (nil for a Secret)
function Client:replace(object)
  local resource, path, what, where = self:place(object, object.metadata.name, object.metadata.namespace)
  self.grants:contents(resource, where, compare.clean(object))
  local response = self:send("PUT", path, {
    content_type = "application/json",
    body = body_of(object),
    query = { fieldManager = self.manager },
  })
  return result_of(resource, check(what, response, "replace"), what)
end

local PATCH_TYPES = {
  merge = "application/merge-patch+json",
  json = "application/json-patch+json",
  strategic = "application/strategic-merge-patch+json",
}

--- Patches an object.
---@param kind string|table
---@param name string
---@param patch table
---@param o { type: "merge"|"strategic"|"json"|nil, namespace: string?, subresource: string?, onto: table? }? merge if
--- no type; onto: the object that the patch is bound to by its resourceVersion
---@return table? object as it is now (nil for a Secret)
function Client:patch(kind, name, patch, o)
  o = o or {}
  local resource, path, what, where = self:place(kind, name, o.namespace)
  if o.subresource ~= "scale" then self.grants:patch(resource, where, name, o.onto, patch) end
  local response = self:send("PATCH", o.subresource and path .. "/" .. o.subresource or path, {
    content_type = PATCH_TYPES[o.type or "merge"],
    body = json.encode(patch),
    query = { fieldManager = self.manager },
  })
  return result_of(resource, check(what, response, "patch"), what)
end

--- Deletes an object; a missing object is not an error.
---@param kind string|table
---@param name string
---@param o { namespace: string?, propagation: string?, uid: string?, version: string? }? uid: only this very object;
---  version: only in this resourceVersion
---@return boolean deleted whether there was one
---@return boolean leaving it is still there: finalizers hold it
function Client:delete(kind, name, o)
  o = o or {}
  local resource, path, what, where = self:place(kind, name, o.namespace)
  self.grants:remove(resource, where, name)
  local response = self:send("DELETE", path, {
    content_type = "application/json",
    body = json.encode {
      apiVersion = "v1",
      kind = "DeleteOptions",
      propagationPolicy = o.propagation or "Background",
      preconditions = (o.uid or o.version) and { uid = o.uid, resourceVersion = o.version } or nil,
    },
  })
  if response.status == 404 then return false, false end
  check(what, response, "delete")
  local is_json, answer = pcall(json.read, response.body) -- the object, if it is still there; else a Status
  local meta = is_json and type(answer) == "table" and answer.metadata
  return true, type(meta) == "table" and meta.deletionTimestamp ~= nil
end

return Client
