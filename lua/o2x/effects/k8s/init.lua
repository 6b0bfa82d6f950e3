--- Objects of the cluster. The desired fields are applied server-side; fields of other managers stay.

local ahead = require "o2x.effects.k8s.ahead"
local change = require "o2x.effects.k8s.change"
local kubectl = require "o2x.effects.k8s.commands"
local compare = require "o2x.client.k8s.compare"
local diff = require "o2x.base.diff"
local errors = require "o2x.base.error"
local guard = require "o2x.base.guard"
local guesses = require "o2x.base.guesses"
local json = require "o2x.base.json"
local k8s_secret = require "o2x.effects.k8s.secret"
local left = require "o2x.effects.k8s.left"
local ready = require "o2x.client.k8s.ready"
local rules = require "o2x.client.request_rules"
local secret = require "o2x.base.secret"
local shell = require "o2x.base.shell"
local mounted = require "o2x.effects.k8s.mounted"
local object_review = require "o2x.effects.k8s.object_review"
local leaving = require "o2x.effects.k8s.leaving"
local support = require "o2x.effects.k8s.support"
local value = require "o2x.base.value"
local whole_object = require("o2x.effects.k8s.whole").object

local client, key, title = support.client, support.key, support.title
local guarded = support.guarded

local function input(message) errors.raise { kind = "input", module = "k8s", message = message } end

-- ---- objects ----

-- Desired objects of an undo → all fields that the run set. Those that the desired object has not are removed, and an
-- undo of the undo needs them.
local set_by_run = setmetatable({}, { __mode = "k" })

local object = {
  kind = "k8s.object",
  rights = {
    kubernetes = {
      "get,create,patch persistentvolumeclaims,ingresses,configmaps,servicemonitors,prometheusrules",
      "get certificates",
    },
  },
  class = "idempotent",
  key = key,
  guard = "uid and resourceVersion of what was read; the server's field ownership; a shared object is only created",
  undo = {
    before = "the fields that the run sets; all of a deleted object",
    how = "restores the fields that the run set; deletes a new object, creates a deleted one again",
    cannot = "an object that all tenants share; a volume claim that pods mount",
    rights = {
      kubernetes = { "delete persistentvolumeclaims,ingresses,configmaps,servicemonitors,prometheusrules" },
    },
  },
  rehearsal = { objects = whole_object },
}

-- An object that is being deleted is as good as gone, whatever is in it.
function object.equal(current, desired)
  return not (current.metadata or {}).deletionTimestamp and compare.equal(current, compare.as_grown(current, desired))
end

-- Only the fields that the run sets, or that o2x set before: other clients and the server change the rest all the time.
function object.image(current, desired)
  if desired == nil then
    local whole = compare.clean(current)
    whole.metadata.managedFields = current.metadata.managedFields -- says which of its fields are our own
    return whole
  end
  return compare.concerned(current, set_by_run[desired] or desired)
end

-- The fields of both.
local function union(a, b)
  if type(a) ~= "table" or type(b) ~= "table" or json.is_array(a) or json.is_array(b) then
    return b == nil and a or b
  end
  local all = {}
  for name, item in pairs(a) do
    all[name] = union(item, b[name])
  end
  for name, item in pairs(b) do
    if all[name] == nil then all[name] = item end
  end
  return all
end

function object.undo.restore(ctx, past)
  local target = past.target
  if client(ctx).grants:is_shared(target.namespace, target.name) then return nil, support.SHARED end
  local held = past.before == nil and past.now and not past.kinds["helm.release"] and mounted.why(ctx, target)
  if held then return nil, held end
  target.force = true -- the fields are this run's own
  if past.before and past.desired then set_by_run[past.before] = union(past.before, past.desired) end
  if past.before and not past.desired then
    return { target = target, desired = compare.applied(past.before) or compare.clean(past.before) }
  end
  return { target = target, desired = past.before }
end

function object.read(ctx, target)
  local found = support.get(ctx, target)
  return found and compare.remember(found)
end

object.ahead = ahead.object

local function are_people(managers)
  for _, manager in ipairs(managers) do
    if not manager:find "^kubectl" then return false end
  end
  return true
end

-- What people edited in an object that o2x made is mended, as in a release. What belongs to others, such as a
-- controller, is left to the operator.
local function apply(k8s, desired, before, force, dry_run)
  local onto = before and not dry_run and before.metadata or nil
  local ok, err = pcall(k8s.apply, k8s, desired, { force = force, dry_run = dry_run, onto = onto })
  if ok then return end
  if type(err) ~= "table" or not err.managers then error(err, 0) end
  if not before then guard.refuse("k8s", ("%s %s"):format(desired.kind, desired.metadata.name)) end
  local own = before.metadata.managedFields
  if not own or not are_people(err.managers) then error(errors.amend(err, { code = "foreign_change" }), 0) end
  k8s:apply(desired, { force = true, dry_run = dry_run, onto = onto })
end

-- Never the one that came there meanwhile.
local function create(k8s, wanted, before)
  if before == nil then return guarded(k8s.create, k8s, wanted) end
  k8s:create(wanted)
end

function object.write(ctx, target, desired, before, _, taken)
  local k8s = client(ctx)
  if desired ~= nil then leaving.refuse(target, before) end
  if desired == nil then
    leaving.delete(ctx, k8s, target, before and before.metadata)
  elseif k8s.grants:is_shared(target.namespace, target.name) then
    create(k8s, compare.clean(desired), before)
  else
    guarded(apply, k8s, compare.clean(compare.as_grown(before, desired)), before, target.force or taken)
  end
end

-- Whose fields they are is the server's to say: it is asked to do it, and not to keep it.
function object.predict(ctx, target, desired, before, taken)
  desired = compare.as_grown(before, desired)
  if desired ~= nil then leaving.refuse(target, before) end
  local k8s = client(ctx)
  local certain = before and desired and not value.has_unknown(desired) and not (target.force or taken)
  if certain and not k8s.grants:is_shared(target.namespace, target.name) then
    ctx:retry(apply, k8s, compare.clean(desired), before, false, true) -- it only looks, whatever its method
  end
  return desired
end

function object.by_hand(ctx, target, desired)
  local k8s = client(ctx)
  if desired == nil then return { kubectl.delete(target) } end
  local wanted = ctx:filled(compare.clean(desired))
  if k8s.grants:is_shared(target.namespace, target.name) then return { kubectl.create(wanted) } end
  return { kubectl.apply(wanted, k8s.manager, target.force) }
end

function object.look(_, target) return { kubectl.get(target) } end

-- Leaves out what the title already says.
local function untitled(whole)
  if not whole then return nil end
  local copy = compare.clean(whole)
  copy.apiVersion, copy.kind, copy.metadata.name, copy.metadata.namespace = nil, nil, nil, nil
  if next(copy.metadata) == nil then copy.metadata = nil end
  return copy
end

function object.show(target, before, after)
  if before and after then before = compare.project(before, after) end
  return { title = title(target), lines = diff.lines(untitled(before), untitled(after)) }
end

function object.list(ctx) return left.list(ctx, client(ctx)) end

object.review = object_review.review

function object.names(ctx) return left.names(ctx, client(ctx)) end

-- ---- what scripts see ----

local function check_object(o)
  local ok = type(o) == "table"
    and type(o.apiVersion) == "string"
    and type(o.kind) == "string"
    and type(o.metadata) == "table"
    and type(o.metadata.name) == "string"
  if not ok then input("an object needs apiVersion, kind and metadata.name") end
  if o.apiVersion == "v1" and o.kind == "Secret" then input("Secrets are made by k8s.ensure_secret") end
end

local function encoded(name_of_secret, data)
  local out = {}
  if type(data) ~= "table" then
    input(("the data of Secret %s: expected a table, got %s"):format(tostring(name_of_secret), type(data)))
  end
  for name, item in pairs(data) do
    if type(item) == "string" then item = secret.new(item, name) end
    if not secret.is(item) then
      input(("secret key %s: expected a string or a secret, got a %s"):format(name, type(item)))
    end
    out[name] = item:base64()
  end
  return out
end

local function target_of(ctx, kind, name, namespace)
  local resource = client(ctx):resource(kind)
  return support.target(ctx, resource, name, namespace), resource
end

-- The targets of writes. What may not be written is refused here, before the gate reads it, in a plan too.
local function target_to_remove(ctx, kind, name, namespace)
  local target, resource = target_of(ctx, kind, name, namespace)
  client(ctx).grants:remove(resource, target.namespace, name)
  return target
end

-- `wanted` may leave out fields that the server's object has, but not those that a new one needs.
local function check_contents(ctx, resource, target, wanted)
  local grants = client(ctx).grants
  local ok, problem = pcall(grants.contents, grants, resource, target.namespace, wanted)
  if ok then return end
  grants:contents(resource, target.namespace, wanted, { merging = true })
  if not ctx:read("k8s.object", target) then error(problem, 0) end
end

local function target_to_ensure(ctx, wanted)
  local name = wanted.metadata.name
  client(ctx).grants:kind(wanted)
  local target, resource = target_of(ctx, wanted, name, wanted.metadata.namespace)
  client(ctx).grants:create(resource, target.namespace, name)
  check_contents(ctx, resource, target, compare.clean(wanted))
  return target, resource
end

-- A shared object is compared, not changed.
local function keep_shared(ctx, target, resource, wanted)
  local grants = client(ctx).grants
  if not grants:is_shared(target.namespace, target.name) then
    return grants:object(resource, target.namespace, target.name, false)
  end
  local current = ctx:read("k8s.object", target)
  if current and not compare.equal(current, wanted) then
    k8s_secret.unequal(target, "", "all tenants share it: change it by hand, for all who use it")
  end
end

-- A Secret may be overwritten if it is the tenant's own, or a shared one that this run is here to rotate.
local function target_of_secret(ctx, name, desired, o)
  local target, resource = target_of(ctx, "Secret", name, o.namespace)
  local grants = client(ctx).grants
  grants:create(resource, target.namespace, name)
  if o.overwrite then grants:object(resource, target.namespace, name, false) end
  grants:contents(resource, target.namespace, k8s_secret.object(target, desired))
  return target
end

local function is_secret(target) return target.kind == "Secret" and target.api_version == "v1" end

local REQUEST <const> = { "method", "path", "headers", "timeout", "namespace" }

-- The fields that a script may set in a request; only the grants decide whether a service is shared.
local function request_fields(ctx, given)
  local o, known = {}, {}
  rules.read_method(given.method, "k8s.request")
  for _, name in ipairs(REQUEST) do
    o[name], known[name] = given[name], true
  end
  for name in pairs(given) do
    if not known[name] then
      input(("k8s.request: unknown field %q (%s)"):format(tostring(name), table.concat(REQUEST, ", ")))
    end
  end
  o.headers = rules.headers(given.headers, ctx.scope.headers)
  if type(o.path) == "string" then rules.read_path(o.path, "k8s.request") end
  return o
end

local function target_of_item(item)
  local metadata = item.metadata
  return { kind = item.kind, api_version = item.apiVersion, name = metadata.name, namespace = metadata.namespace }
end

-- What a controller makes of another object, or computes (metrics), is made anew wherever that object is.
local function notice(ctx, item)
  if item.metadata.ownerReferences or not item.metadata.uid then return end
  ctx:noticed("k8s.object", target_of_item(item))
end

local function list(ctx, kind, o)
  local k8s = client(ctx)
  local objects = {}
  for _, item in ipairs((ctx:retry(ctx.mode == "plan" and k8s.list_shared or k8s.list, k8s, kind, o))) do
    objects[#objects + 1] = ahead.object(ctx, target_of_item(item), compare.remember(item))
    notice(ctx, item)
  end
  return objects
end

-- With headers it is a question of its own: they may hold a secret.
local function request(ctx, service, port, o)
  local k8s = client(ctx)
  local function ask() return ctx:retry(k8s.request, k8s, service, port, o) end
  if o.headers and next(o.headers) then return ask() end
  return ctx:once(("k8s %s %s/%s:%s%s"):format(o.method, o.namespace, service, port, o.path), ask)
end

local function api(ctx)
  local count = guesses.new "k8s.ensure_secret"
  local known = {
    --- Ensures that an object has these fields in the cluster. Its other fields stay as they are. stdlib/contents.lua
    --- says what the objects of a tenant may contain.
    ---@param wanted table apiVersion, kind, metadata.name …
    ---@param o { force: boolean? }? force: take over fields of another manager
    ---@return table object its current state
    ensure = function(wanted, o)
      check_object(wanted)
      local target, resource = target_to_ensure(ctx, wanted)
      keep_shared(ctx, target, resource, wanted)
      target.force = o and o.force or nil
      return (ctx:effect("k8s.object", target, wanted))
    end,

    --- Ensures that an object does not exist.
    ---@param kind string "Deployment", "deploy", "servicemonitors.monitoring.coreos.com"
    ---@param name string
    ---@param namespace string? the tenant's own by default
    remove = function(kind, name, namespace)
      local target = target_to_remove(ctx, kind, name, namespace)
      ctx:effect(is_secret(target) and "k8s.secret" or "k8s.object", target, nil)
    end,

    --- Reads an object. The data of a Secret are secrets, in base64.
    ---@param kind string "Deployment", "deploy", "servicemonitors.monitoring.coreos.com"
    ---@param name string
    ---@param namespace string? the tenant's own by default
    ---@return table? object nil if there is none
    get = function(kind, name, namespace)
      ctx:look(function()
        local where = namespace or client(ctx).namespace
        return { kubectl.get { kind = kind, name = name, namespace = where } }
      end)
      local target = target_of(ctx, kind, name, namespace)
      return ctx:read(is_secret(target) and "k8s.secret" or "k8s.object", target)
    end,

    --- Lists the tenant's objects of a kind. Secrets cannot be listed.
    ---@param kind string
    ---@param o { selector: string?, namespace: string? }?
    ---@return table[] objects
    list = function(kind, o)
      ctx:look(function()
        local namespace = o and o.namespace or client(ctx).namespace
        return { kubectl.list(kind, namespace, o and o.selector) }
      end)
      return list(ctx, kind, o)
    end,

    --- Ensures a Secret. If it exists with other content, that is a conflict unless overwrite is true. A Secret that
    --- all tenants share is not overwritten, except by the run that platform.yaml names in kubernetes.rotate.
    ---@param name string
    ---@param data table<string, string|userdata>
    ---@param o { namespace: string?, type: string?, overwrite: boolean? }?
    ensure_secret = function(name, data, o)
      o = o or {}
      local desired = { type = o.type or "Opaque", data = encoded(name, data) }
      local target = target_of_secret(ctx, name, desired, o)
      target.overwrite = o.overwrite or nil
      local current = ctx:read("k8s.secret", target)
      for field, given in pairs(current and data or {}) do
        count(current.data[field], given) -- a conflict tells whether a text was right
      end
      if current and not o.overwrite and not k8s_secret.type.equal(current, desired) then
        k8s_secret.refuse_overwriting(ctx, target, current, desired)
      end
      ctx:effect("k8s.secret", target, desired)
    end,

    --- The last lines of a pod's log, at most 4 MiB of them.
    ---@param pod string
    ---@param o { tail: integer?, previous: boolean?, container: string?, namespace: string? }? tail: lines
    ---@return string
    logs = function(pod, o) return ctx:retry(client(ctx).logs, client(ctx), pod, o) end,

    --- The events about an object, oldest first.
    ---@param kind string "Deployment", "deploy", "servicemonitors.monitoring.coreos.com"
    ---@param name string
    ---@param namespace string? the tenant's own by default
    ---@return { type: string, reason: string, message: string, count: integer, time: string }[]
    events = function(kind, name, namespace)
      local k8s = client(ctx)
      return ctx:retry(k8s.events, k8s, kind, name, namespace)
    end,

    --- Waits until an object is ready. If it does not become ready, the error explains why: pods, events, log lines. A
    --- plan does not wait: it lists what the run will wait for.
    ---@param kind string
    ---@param name string
    ---@param seconds number? longest wait; default: 300
    ---@param namespace string? the tenant's own by default
    ---@return table? object nil in a plan where it is not ready, or that has changes
    wait_ready = function(kind, name, seconds, namespace)
      ctx:wait_by_hand(
        ("%s %s is ready"):format(kind, name),
        function() return { kubectl.rollout(kind, name, namespace or client(ctx).namespace, seconds) } end
      )
      if ctx:planned() then return nil end
      if ctx:waits_later() then
        local found, waiting = ready.now(client(ctx), kind, name, namespace)
        if not found then ctx:check_later(("%s %s is ready (now: %s)"):format(kind, name, waiting)) end
        return found
      end
      local o = { seconds = ctx:patience(seconds or 300), namespace = namespace, progress = ctx.progress }
      return ready.wait(client(ctx), kind, name, o)
    end,

    --- Sends a GET, HEAD or OPTIONS request to a service through the API server's proxy. Requests that change
    --- something are those of o2x.service.
    ---@param service string
    ---@param port integer|string
    ---@param o { method: string?, path: string?, headers: table?, timeout: number?, namespace: string? }?
    ---@return table response status, headers, body
    request = function(service, port, o)
      o = o or {}
      ctx:look(function()
        local path = kubectl.raw(o.namespace or client(ctx).namespace, service, port, o.path or "/")
        return { shell.command { "kubectl", "get", "--raw", path } }
      end)
      return request(ctx, service, port, request_fields(ctx, o))
    end,
  }
  for name, fn in pairs(change.api(ctx)) do
    known[name] = fn
  end
  return known
end

return {
  name = "k8s",
  declares = "k8s:write",
  secrets = {
    ensure_secret = { "^[^.]+$", stored = 2 },
    request = { "^headers%.[^.]+$", "^json%.", "^json$", "^body$" },
  },
  types = { object, k8s_secret.type, table.unpack(change.types) },
  api = api,
}
