--- Objects of the cluster. The desired fields are applied server-side; fields of other managers stay.

local change = require "o2x.effects.k8s.change"
local compare = require "o2x.client.k8s.compare"
local diff = require "o2x.base.diff"
local errors = require "o2x.base.error"
local ready = require "o2x.client.k8s.ready"
local secret = require "o2x.base.secret"
local support = require "o2x.effects.k8s.support"

local client, key, kind_of, title = support.client, support.key, support.kind_of, support.title

local function input(message) errors.raise { kind = "input", module = "k8s", message = message } end

-- ---- objects ----

local object = {
  kind = "k8s.object",
  class = "idempotent",
  key = key,
  equal = compare.equal,
  undo = {
    before = "the fields that the run sets; all of a deleted object",
    how = "restores the fields that the run set; deletes a new object, creates a deleted one again",
  },
}

-- Only the desired fields of a live object: other clients and the server change the rest all the time.
function object.image(current, desired)
  if desired == nil then return compare.clean(current) end
  return compare.project(current, desired)
end

function object.read(ctx, target)
  local found = support.get(ctx, target)
  return found and compare.remember(found)
end

function object.write(ctx, target, desired, _, _, taken)
  if desired == nil then
    client(ctx):delete(kind_of(target), target.name, { namespace = target.namespace })
  else
    client(ctx):apply(compare.clean(desired), { force = target.force or taken })
  end
end

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

-- ---- Secrets: created, never overwritten ----

local k8s_secret = {
  kind = "k8s.secret",
  class = "idempotent",
  key = key,
  undo = {
    before = "the type, and a tag of each key",
    how = "deletes a new Secret",
    cannot = "overwritten content: the journal has no secrets",
  },
}

function k8s_secret.read(ctx, target)
  local found = client(ctx):get("Secret", target.name, target.namespace)
  return found and { type = found.type, data = found.data or {} }
end

-- Keys of other clients stay. The type of an existing Secret cannot be changed, so it is not compared.
function k8s_secret.equal(current, desired) return compare.covers(current.data, desired.data) end

local function refuse_overwriting(target, current, desired)
  local keys = {}
  for name, value in pairs(desired.data) do
    if not compare.covers(current.data[name], value) then keys[#keys + 1] = name end
  end
  table.sort(keys)
  errors.raise {
    kind = "conflict",
    module = "k8s",
    op = "ensure_secret",
    message = ("%s exists with other content (%s): it is not overwritten"):format(
      title(target),
      table.concat(keys, ", ")
    ),
    hint = "use the current value, or change the Secret for all who use it; overwrite=true replaces it",
  }
end

function k8s_secret.write(ctx, target, desired, before)
  local k8s = client(ctx)
  if desired == nil then
    k8s:delete("Secret", target.name, { namespace = target.namespace })
    return
  end
  if before and not target.overwrite then refuse_overwriting(target, before, desired) end
  local body = {
    apiVersion = "v1",
    kind = "Secret",
    type = desired.type,
    data = desired.data,
    metadata = { name = target.name, namespace = target.namespace },
  }
  if before then
    k8s:apply(body, { force = true })
  else
    k8s:create(body)
  end
end

function k8s_secret.show(target, before, after)
  local function data(one) return one and { data = one.data } end
  return { title = title(target), lines = diff.lines(data(before), data(after)) }
end

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

local function encoded(data)
  local out = {}
  for name, value in pairs(data) do
    if type(value) == "string" then value = secret.new(value, name) end
    if not secret.is(value) then
      input(("secret key %s: expected a string or a secret, got a %s"):format(name, type(value)))
    end
    out[name] = value:base64()
  end
  return out
end

local function target_of(ctx, kind, name, namespace)
  local resource = client(ctx):resource(kind)
  return support.target(ctx, resource, name, namespace), resource
end

-- The same for a write: a read-only object is refused before the gate reads it, in a plan too.
local function target_to_write(ctx, kind, name, namespace)
  local target, resource = target_of(ctx, kind, name, namespace)
  client(ctx).grants:object(resource, target.namespace, name, false)
  return target
end

local function is_secret(target) return target.kind == "Secret" and target.api_version == "v1" end

local SAFE <const> = { GET = true, HEAD = true }
local REQUEST <const> = { "method", "path", "headers", "json", "body", "timeout", "namespace" }

-- The fields that a script may set in a request; only the grants decide whether a service is shared.
local function request_fields(given)
  local o, known = {}, {}
  for _, name in ipairs(REQUEST) do
    o[name], known[name] = given[name], true
  end
  for name in pairs(given) do
    if not known[name] then
      input(("k8s.request: unknown field %q (%s)"):format(tostring(name), table.concat(REQUEST, ", ")))
    end
  end
  return o
end

local function api(ctx)
  local known = {
    --- Ensures that an object has these fields in the cluster. Its other fields stay as they are.
    ---@param wanted table apiVersion, kind, metadata.name …
    ---@param o { force: boolean? }? force: take over fields of another manager
    ---@return table object its current state
    ensure = function(wanted, o)
      check_object(wanted)
      local target = target_to_write(ctx, wanted, wanted.metadata.name, wanted.metadata.namespace)
      target.force = o and o.force or nil
      return (ctx:effect("k8s.object", target, wanted))
    end,

    --- Ensures that an object does not exist.
    ---@param kind string "Deployment", "deploy", "servicemonitors.monitoring.coreos.com"
    ---@param name string
    ---@param namespace string? the tenant's own by default
    remove = function(kind, name, namespace)
      local target = target_to_write(ctx, kind, name, namespace)
      ctx:effect(is_secret(target) and "k8s.secret" or "k8s.object", target, nil)
    end,

    --- Reads an object. The data of a Secret are secrets, in base64.
    ---@param kind string "Deployment", "deploy", "servicemonitors.monitoring.coreos.com"
    ---@param name string
    ---@param namespace string? the tenant's own by default
    ---@return table? object nil if there is none
    get = function(kind, name, namespace)
      local target = target_of(ctx, kind, name, namespace)
      return ctx:read(is_secret(target) and "k8s.secret" or "k8s.object", target)
    end,

    --- Lists the tenant's objects of a kind. Secrets cannot be listed.
    ---@param kind string
    ---@param o { selector: string?, namespace: string? }?
    ---@return table[] objects
    list = function(kind, o) return (ctx:retry(client(ctx).list, client(ctx), kind, o)) end,

    --- Ensures a Secret. If it exists with other content, that is a conflict unless overwrite is true.
    ---@param name string
    ---@param data table<string, string|userdata>
    ---@param o { namespace: string?, type: string?, overwrite: boolean? }?
    ensure_secret = function(name, data, o)
      o = o or {}
      local target = target_to_write(ctx, "Secret", name, o.namespace)
      target.overwrite = o.overwrite or nil
      local desired = { type = o.type or "Opaque", data = encoded(data) }
      local current = ctx:read("k8s.secret", target)
      if current and not o.overwrite and not k8s_secret.equal(current, desired) then
        refuse_overwriting(target, current, desired)
      end
      ctx:effect("k8s.secret", target, desired)
    end,

    --- The last lines of a pod's log.
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

    --- Waits until an object is ready. If it does not become ready, the error explains why: pods, events, log lines.
    ---@param kind string
    ---@param name string
    ---@param seconds number? longest wait; default: 300
    ---@param namespace string? the tenant's own by default
    ---@return table? object nil in a plan with changes, which has nothing to wait for
    wait_ready = function(kind, name, seconds, namespace)
      if ctx:planned() then return nil end
      local o = { seconds = seconds or 300, namespace = namespace, progress = ctx.progress }
      return ready.wait(client(ctx), kind, name, o)
    end,

    --- Sends a request to a service through the API server's proxy. A plan refuses methods other than GET and HEAD.
    ---@param service string
    ---@param port integer|string
    ---@param o { method: string?, path: string?, headers: table?, json: any, body: any, timeout: number?,
    ---  namespace: string? }?
    ---@return table response status, headers, body
    request = function(service, port, o)
      o = request_fields(o or {})
      if SAFE[o.method or "GET"] then return ctx:retry(client(ctx).request, client(ctx), service, port, o) end
      if ctx.mode == "plan" then
        errors.raise {
          kind = "refused",
          module = "k8s",
          op = "request",
          message = ("a plan must not send %s to service %s"):format(o.method, service),
          hint = "move it to a check: a plan with changes skips checks",
        }
      end
      return client(ctx):request(service, port, o)
    end,
  }
  for name, fn in pairs(change.api(ctx)) do
    known[name] = fn
  end
  return known
end

return { name = "k8s", declares = "k8s:write", types = { object, k8s_secret, table.unpack(change.types) }, api = api }
