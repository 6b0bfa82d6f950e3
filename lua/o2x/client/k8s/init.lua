--- A Kubernetes client: objects by kind and name, lists, server-side apply, patches, watches, logs, events, requests to
--- services through the API server's proxy. Bound to one run's grants (o2x.k8s.grants); all requests go through `send`.

local compare = require "o2x.client.k8s.compare"
local defer = require "o2x.base.defer"
local discovery = require "o2x.client.k8s.discovery"
local errors = require "o2x.base.error"
local forms = require "o2x.client.k8s.forms"
local grants = require "o2x.client.k8s.grants"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local memo = require "o2x.base.memo"
local paging = require "o2x.base.paging"
local retry = require "o2x.base.retry"
local shape = require "o2x.base.shape"
local status = require "o2x.client.k8s.status"
local watch = require "o2x.client.k8s.watch"

local M = {}

local PAGE = 250
local EXPIRIES <const> = 5 -- of one list: then the server does not keep its versions long enough
local TIMEOUT = 30

local check = status.check

local Client = {}
Client.__index = Client

---@class o2x.k8s.options
---@field config table a loaded kubeconfig (o2x.kubeconfig)
---@field scope o2x.k8s.grants? what the run may touch; nil: everything
---@field retry_seconds number? limit for retrying one request of the client itself
---@field reach (fun(options: o2x.retry.options, fn: function): any)? makes such a request with retries; retry.read
---@field answers table? a memo (o2x.base.memo): what was read serves all who read it, as in a plan

-- A checklist for people goes on after these with the usual kinds.
local UNANSWERED <const> = { unreachable = true, unauthorised = true, timeout = true }

--- A client for one cluster.
---@param options o2x.k8s.options
---@return table client
function M.new(options)
  return setmetatable({
    config = options.config,
    namespace = options.scope and options.scope.namespace or options.config.namespace,
    grants = grants.new(options.scope),
    manager = compare.FIELD_MANAGER,
    retry_seconds = options.retry_seconds,
    reach = options.reach or retry.read,
    shares = options.answers ~= nil,
    shared = options.answers or memo.new(0),
    facts = memo.new(math.huge),
    by_hand = options.by_hand,
  }, Client)
end

-- ---- requests ----

local function encode_query(query)
  local parts = {}
  for name, value in pairs(query or {}) do
    parts[#parts + 1] = name .. "=" .. http.percent_encode(tostring(value))
  end
  table.sort(parts)
  return #parts > 0 and "?" .. table.concat(parts, "&") or ""
end

--- What every request to this server has in common.
---@param method string
---@param path string
---@param o table query, headers, body, accept, content_type, timeout (seconds), secret_body
---@return table options of http.request
function Client:request_options(method, path, o)
  local credentials = self.config:credentials()
  local headers = { Accept = o.accept or "application/json", ["User-Agent"] = "o2x", ["Content-Type"] = o.content_type }
  for name, value in pairs(o.headers or {}) do
    headers[name] = value
  end
  for name, value in pairs(self.config.headers and self.config:headers() or {}) do
    headers[name] = value
  end
  return {
    method = method,
    url = self.config.server .. path .. encode_query(o.query),
    headers = headers,
    body = o.body,
    timeout = o.timeout or TIMEOUT,
    ca = self.config.ca,
    cert = credentials.cert,
    key = credentials.key,
    token = credentials.token,
    tls_name = self.config.tls_name,
    proxy = self.config.proxy,
    secret_body = o.secret_body,
    reads = o.reads,
    module = "k8s",
  }
end

--- An unreachable cluster is often the wrong one, so the hint says where its address comes from.
---@param method string
---@param path string
---@param o table as for send
---@return table response status, headers, body
function Client:request_once(method, path, o)
  local options = self:request_options(method, path, o)
  local ok, response = pcall(o.last and http.request_last or http.request, options, o.last)
  if ok then return response end
  if errors.is(response) and response.kind == "unreachable" and response.code ~= "tls" then
    local file = self.config.path
    local hint = ("check the cluster of context %s%s"):format(self.config.context, file and " in " .. file or "")
    errors.amend(response, { hint = hint })
  end
  error(response, 0)
end

--- Sends one request; expired credentials are refreshed once.
---@param method string
---@param path string
---@param o table query, headers, body, accept, content_type, timeout (seconds), secret_body, last (bytes at the end of
---  the answer that are kept; all if absent)
---@return table response status, headers, body
function Client:send(method, path, o)
  -- A list that is under way while the request changes something may have either state.
  local _forget <close> = method ~= "GET" and defer(function() self:forget() end) or nil
  if method ~= "GET" then self:forget() end
  local response = self:request_once(method, path, o)
  if response.status == 401 and self.config:refresh() then response = self:request_once(method, path, o) end
  return response
end

-- What every list has.
local LIST <const> = {
  items = { "each", { metadata = { name = "string?" } } },
  metadata = { "?", continue = "string?", resourceVersion = "string?" },
}

local function decode_any(response, what)
  local ok, object = pcall(json.read, response.body, what)
  if ok and type(object) == "table" then return object end
  errors.raise { kind = "failed", module = "k8s", op = "decode", message = what .. ": the answer is not JSON" }
end

local function decode(response, what, resource) return forms.check(resource, decode_any(response, what), what) end

local function decode_list(response, what, resource)
  local answer = decode_any(response, what)
  -- Of an empty list the API server may write null.
  if answer.items == nil and tostring(answer.kind):find "List$" then answer.items = json.array {} end
  local list = shape.check(answer, LIST, what, "k8s")
  for i, item in ipairs(list.items) do
    forms.check(resource, item, ("%s: items[%d]"):format(what, i))
  end
  return list
end

-- Decodes a Secret without exposing its values as text.
local function decode_secret(response, what)
  local object = json.decode_secret(response.body, "data", what)
  return json.without_nulls(object)
end

--- Requests of the client itself, outside of any effect, retry here: only briefly if nothing listens (the address is
--- probably wrong), longer if the server answers that it is unavailable.
---@param path string
---@param accept string? media type
---@return table decoded
function Client:get_json(path, accept)
  local what = "the Kubernetes API at " .. self.config.server
  local options = { seconds = self.retry_seconds, silent_attempts = retry.first_attempts }
  return self.reach(
    options,
    function() return decode(check(what, self:send("GET", path, { accept = accept }), "discover"), what) end
  )
end

--- The kinds that the server has; asked once.
---@return table kinds see o2x.k8s.discovery
function Client:kinds()
  return self.facts:get("kinds", function()
    local function get(path, accept) return self:get_json(path, accept) end
    local ok, kinds = pcall(discovery.load, get)
    if ok then return kinds end
    if self.by_hand and errors.is(kinds) and UNANSWERED[kinds.kind] then return discovery.usual() end
    error(kinds, 0)
  end)
end

--- The resource of a kind.
---@param kind string|table a name, or an object with apiVersion and kind
---@return table resource see discovery
function Client:resource(kind)
  if type(kind) == "table" then return self:kinds():need(kind.kind, kind.apiVersion or "v1") end
  return self:kinds():need(kind)
end

--- The server's version, such as "v1.34.4"; asked once.
---@return string
function Client:version()
  return self.facts:get("version", function() return self:get_json("/version").gitVersion end)
end

--- The path of an object, after the check against the grants.
---@param kind string|table
---@param name string
---@param namespace string? the run's own if absent
---@param reading boolean
---@return table resource
---@return string path
---@return string what "Deployment NAME"
---@return string? where its namespace
function Client:place(kind, name, namespace, reading)
  local resource = self:resource(kind)
  local where = resource.namespaced and (namespace or self.namespace) or nil
  self.grants:object(resource, where, name, reading)
  return resource, self:collection(resource, where) .. "/" .. name, resource.kind .. " " .. name, where
end

--- The path of the objects of a kind.
---@param resource table
---@param namespace string?
---@return string path
function Client:collection(resource, namespace)
  return resource.base .. (namespace and "/namespaces/" .. namespace or "") .. "/" .. resource.plural
end

-- ---- objects ----

--- Reads an object. The values of a Secret's `data` come out as secrets, in base64 as the server has them.
---@param kind string|table
---@param name string
---@param namespace string? the run's own if absent
---@return table? object nil if there is none
function Client:get(kind, name, namespace)
  local resource, path, what = self:place(kind, name, namespace, true)
  local hidden = resource.group == "" and resource.kind == "Secret"
  local response = self:send("GET", path, { secret_body = hidden and name or nil })
  if response.status == 404 then return nil end
  check(what, response, "get")
  return hidden and decode_secret(response, name) or decode(response, what, resource)
end

local function refuse_secret_list(resource)
  if resource.group == "" and resource.kind == "Secret" then
    local message = "Secrets cannot be listed; read one by its name"
    errors.raise { kind = "refused", module = "k8s", op = "list", message = message }
  end
end

--- Calls fn with each page; restarts a list whose continue token has expired.
---@param resource table
---@param namespace string? nil: all
---@param o table selector, fields, page (objects per page), accept (media type)
---@param fn fun(list: table)
---@return boolean complete false: the continue token expired
function Client:pages(resource, namespace, o, fn)
  local path, token = self:collection(resource, namespace), nil
  local listed = paging.new("the cluster's list of " .. resource.plural)
  repeat
    local response = self:send("GET", path, {
      accept = o.accept,
      query = {
        labelSelector = o.selector,
        fieldSelector = o.fields,
        limit = o.page or PAGE,
        continue = token,
      },
    })
    if response.status == 410 and token then return false end
    local list = decode_list(check(resource.plural, response, "list"), path, resource)
    fn(list)
    token = listed:next(list.metadata and list.metadata.continue, #list.items)
  until not token
  return true
end

--- Lists objects. Under a run's grants, only the tenant's own.
---@param kind string|table
---@param o { namespace: string?, name: string?, selector: string?, page: integer? }? name: only this one
---@return table[] items each with apiVersion and kind
---@return string resource_version from which a watch can go on
function Client:list(kind, o)
  o = o or {}
  local resource = self:resource(kind)
  refuse_secret_list(resource)
  local namespace = resource.namespaced and (o.namespace or self.namespace) or nil
  local asked = {
    selector = self.grants:selector(resource, namespace, o.selector, o.name),
    page = o.page,
    fields = o.name and "metadata.name=" .. o.name or nil,
  }
  local items, version
  local began = 0
  repeat
    began = began + 1
    if began > EXPIRIES then
      errors.raise {
        kind = "unreachable",
        module = "k8s",
        op = "list",
        code = 410,
        message = ("%s: the list expired %d times before its end"):format(resource.plural, EXPIRIES),
        hint = "the API server is too slow for it, or forgets too soon: look at etcd's compaction",
        retryable = false,
      }
    end
    items = {}
    local whole = self:pages(resource, namespace, asked, function(list)
      version = list.metadata and list.metadata.resourceVersion
      for _, item in ipairs(list.items) do
        item.apiVersion, item.kind = resource.api_version, resource.kind
        item.metadata.managedFields = nil -- a third of an object, and nobody asks who set a field of it
        items[#items + 1] = item
        if not o.name then self.grants:admit(resource, namespace, item.metadata.name) end
      end
    end)
  until whole
  return items, version
end

local function body_of(object)
  -- Objects with secrets become a secret body, which only the HTTP client opens.
  if object.kind == "Secret" then return json.encode_secret(object) end
  return json.encode(object)
end

local function result_of(resource, response, what)
  if resource.kind == "Secret" then return nil end
  return decode(response, what, resource)
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
  if response.status == 404 then return false end
  check(what, response, "delete")
  return true
end

--- Watches the objects of a kind: calls `see(items)` with the present state (name → object) at first and after each
--- change, until it returns something. Survives disconnections and expired versions.
---@param kind string|table
---@param o { namespace: string?, name: string?, selector: string?, seconds: number? }
---@param see fun(items: table<string, table>, event: { type: string, object: table }?): any
---@return any what `see` returned
function Client:watch(kind, o, see) return watch.run(self, self:resource(kind), o, see) end

--- Waits until an object is no longer as it was read, or the time is over.
---@param kind string|table
---@param object table as it was read
---@param seconds number
---@return boolean watched
---@return table? problem why it was not
function Client:wait_change(kind, object, seconds) return watch.change(self, self:resource(kind), object, seconds) end

local function extend(methods)
  for name, method in pairs(methods) do
    Client[name] = method
  end
end

extend(require "o2x.client.k8s.fetch")
extend(require "o2x.client.k8s.workloads")
extend(require "o2x.client.k8s.proxy")

--- The Kubernetes client of a run.
---@param _ table
---@param scope table
---@param run table its time for retries
---@param client fun(name: string): table
---@return table client
function M.for_run(_, scope, run, client)
  return M.new {
    config = client "kubeconfig",
    scope = scope.k8s,
    retry_seconds = run.retry_seconds,
    reach = run.gate and function(...) return run.gate:reach("k8s", ...) end,
    answers = run.answers,
    by_hand = run.guide ~= nil,
  }
end

return M
