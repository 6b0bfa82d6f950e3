--- A Kubernetes client: objects by kind and name, lists, server-side apply, patches, watches, logs, events, requests to
--- services through the API server's proxy. Bound to one run's grants (o2x.k8s.grants); all requests go through `send`.

local compare = require "o2x.client.k8s.compare"
local decode = require "o2x.client.k8s.decode"
local discovery = require "o2x.client.k8s.discovery"
local errors = require "o2x.base.error"
local grants = require "o2x.client.k8s.grants"
local memo = require "o2x.base.memo"
local paging = require "o2x.base.paging"
local retry = require "o2x.base.retry"
local status = require "o2x.client.k8s.status"
local watch = require "o2x.client.k8s.watch"

local M = {}

local PAGE = 250
local EXPIRIES <const> = 5 -- of one list: then the server does not keep its versions long enough

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
    unwatched = {}, -- "pods in NAMESPACE" → why they may not be watched
    by_hand = options.by_hand,
  }, Client)
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
    function() return decode.object(check(what, self:send("GET", path, { accept = accept }), "discover"), what) end
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
  return hidden and decode.secret(response, name) or decode.object(response, what, resource)
end

local function refuse_secret_list(resource)
  if resource.group == "" and resource.kind == "Secret" then
    local message = "Secrets cannot be listed; read one by its name"
    errors.raise { kind = "refused", module = "k8s", op = "list", message = message }
  end
end

local function refuse_expiries(resource)
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
    local list = decode.list(check(resource.plural, response, "list"), path, resource)
    fn(list)
    token = listed:next(list.metadata and list.metadata.continue, #list.items)
  until not token
  return true
end

--- Lists objects. Under a run's grants, only the tenant's own.
---@param kind string|table
---@param o { namespace: string?, name: string?, selector: string?, page: integer?, keep: (fun(item: table): any)? }?
---  name: only this one; keep: what stays of an item, where the items of all tenants would fill the memory
---@return table[] items each with apiVersion and kind; what `keep` returned, if it is given
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
    if began > EXPIRIES then refuse_expiries(resource) end
    items = {}
    local whole = self:pages(resource, namespace, asked, function(list)
      version = list.metadata and list.metadata.resourceVersion
      for _, item in ipairs(list.items) do
        item.apiVersion, item.kind = resource.api_version, resource.kind
        item.metadata.managedFields = nil -- a third of an object, and nobody asks who set a field of it
        local kept = item
        if o.keep then kept = o.keep(item) end
        items[#items + 1] = kept
        if not o.name then self.grants:admit(resource, namespace, item.metadata.name) end
      end
    end)
  until whole
  return items, version
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

extend(require "o2x.client.k8s.requests")
extend(require "o2x.client.k8s.writes")
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
