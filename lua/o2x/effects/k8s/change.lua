--- Small changes of existing objects: the number of replicas of a workload, and single fields. Part of o2x.k8s.

local ahead = require "o2x.effects.k8s.ahead"
local kubectl = require "o2x.effects.k8s.commands"
local diff = require "o2x.base.diff"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local ready = require "o2x.client.k8s.ready"
local sorted_keys = require "o2x.base.sorted_keys"
local support = require "o2x.effects.k8s.support"
local task = require "o2x.base.task"
local value = require "o2x.base.value"
local whole = require "o2x.effects.k8s.whole"

local M = {}

local SECONDS <const> = 300 -- until pods are ready or gone

local client, get, key, kind_of, title = support.client, support.get, support.key, support.kind_of, support.title

local function missing(target)
  errors.raise { kind = "failed", module = "k8s", code = "not_found", message = title(target) .. " does not exist" }
end

-- Objects whose names are not known beforehand belong to the tenant if the server lists them under its label. Another
-- process may have listed them when the effect was made: a resumed run and an undo list them again.
local function meet(ctx, kind, name, namespace)
  local k8s = client(ctx)
  local resource = ctx:retry(k8s.resource, k8s, kind)
  if not k8s.grants:allows(resource, namespace, name) then ctx:retry(k8s.list, k8s, kind, { namespace = namespace }) end
  return resource
end

local function get_met(ctx, target)
  meet(ctx, kind_of(target), target.name, target.namespace)
  return get(ctx, target)
end

-- ---- replicas ----

local replicas = {
  kind = "k8s.replicas",
  rights = { kubernetes = { "get own deployments", "patch own deployments/scale" } },
  class = "idempotent",
  key = key,
  guard = "resourceVersion of what was read",
  undo = { before = "the number", how = "restores the number" },
  rehearsal = { objects = whole.object },
}

-- Target → the object that was read last: the write is bound to that version. Controllers write to most objects all the
-- time; then the gate reads again, and goes on if the fields in question are as they were.
local read_as = setmetatable({}, { __mode = "k" })

function replicas.read(ctx, target)
  local found = get_met(ctx, target)
  read_as[target] = found
  return found and (found.spec.replicas or 1)
end

-- What an earlier step of the plan would make is not there yet.
local function expected(ctx, target, desired, before)
  if before == nil and not ctx:planned() then missing(target) end
  return desired
end

replicas.ahead = ahead.replicas

replicas.predict = expected

function replicas.write(ctx, target, desired, before)
  if before == nil then missing(target) end
  local k8s, version = client(ctx), read_as[target].metadata.resourceVersion
  support.guarded(k8s.scale, k8s, kind_of(target), target.name, desired, target.namespace, version)
end

function replicas.by_hand(_, target, desired) return { kubectl.scale(target, desired) } end

function replicas.look(_, target) return { kubectl.get(target) } end

function replicas.show(target, before, after)
  return { title = title(target), lines = { ("~ replicas: %s → %s"):format(tostring(before), tostring(after)) } }
end

-- ---- fields ----

-- { spec = { suspend = true } } -> { ["spec.suspend"] = true }, and the paths by their names. A list is one value.
local function flatten(patch, into, places, path)
  for name, item in pairs(patch) do
    local place = table.move(path, 1, #path, 1, {})
    place[#place + 1] = name
    local one = type(item) ~= "table" or item == json.null or value.is_unknown(item) or json.is_array(item)
    if not one and #item == 0 and next(item) ~= nil then
      flatten(item, into, places, place)
    else
      local text = table.concat(place, "\0"):gsub("%.", "\\."):gsub("%z", ".")
      places[text], into[text] = place, item
    end
  end
  return into
end

-- The object's values of the fields; json.null for a missing one.
local function project(object, places)
  local found = {}
  for text, path in pairs(places) do
    local item = support.lookup(object, path)
    if item == nil then item = json.null end
    found[text] = item
  end
  return found
end

local fields = {
  kind = "k8s.fields",
  rights = { kubernetes = { "get,patch own deployments" } },
  class = "idempotent",
  guard = "resourceVersion of what was read",
  undo = { before = "the named fields", how = "restores the fields" },
  rehearsal = { objects = whole.object },
}

fields.whole = key -- one effect may set some of an object's fields that another sets too

function fields.key(target) return key(target) .. " " .. table.concat(sorted_keys(target.places), ", ") end

function fields.read(ctx, target)
  local found = get_met(ctx, target)
  read_as[target] = found
  return found and project(found, target.places)
end

fields.ahead = ahead.fields

fields.predict = expected

-- A merge patch of the fields.
local function merge_patch(patch, target, desired)
  for text, path in pairs(target.places) do
    local place = patch
    for i = 1, #path - 1 do
      place[path[i]] = place[path[i]] or {}
      place = place[path[i]]
    end
    place[path[#path]] = desired[text]
  end
  return patch
end

-- Bound to the version of the object that was read.
local function patch_of(object, target, desired)
  return merge_patch({ metadata = { resourceVersion = object.metadata.resourceVersion } }, target, desired)
end

function fields.by_hand(ctx, target, desired)
  return { kubectl.patch(target, merge_patch({}, target, ctx:filled(desired))) }
end

function fields.look(_, target) return { kubectl.get(target) } end

function fields.write(ctx, target, desired, before)
  if before == nil then missing(target) end
  local k8s, object = client(ctx), read_as[target]
  local o = { namespace = target.namespace, onto = object }
  support.guarded(k8s.patch, k8s, kind_of(target), target.name, patch_of(object, target, desired), o)
end

function fields.show(target, before, after)
  local function shown(all)
    local copy = {}
    for name, item in pairs(all or {}) do
      if item ~= json.null then copy[name:gsub("^metadata%.annotations%.", "annotation "):gsub("\\", "")] = item end
    end
    return copy
  end
  return { title = title(target), lines = diff.lines(shown(before), shown(after)) }
end

--- The effect types: replicas of a workload, fields of an object.
M.types = { replicas, fields }

-- ---- what scripts see ----

local function target_of(ctx, kind, name, namespace)
  local k8s = client(ctx)
  local target = support.target(ctx, ctx:retry(k8s.resource, k8s, kind), name, namespace)
  local resource = meet(ctx, kind, name, target.namespace)
  k8s.grants:object(resource, target.namespace, name, false)
  return target, resource
end

local function gone(object)
  local count = object.status and object.status.replicas or 0
  return count == 0, ("%d pods still exist"):format(count)
end

-- Waits until the pods of a workload that was scaled to 0 are gone.
local function wait_gone(ctx, target, seconds)
  local deadline, pause = task.now() + seconds, 0.1
  while true do
    local object = ctx:retry(get, ctx, target)
    if not object then return end
    local done, waiting = gone(object)
    if done then return end
    if task.now() >= deadline then
      errors.raise {
        kind = "failed",
        module = "k8s",
        op = "scale",
        message = ("%s: %s after %d s"):format(title(target), waiting, seconds),
      }
    end
    ctx:waiting(title(target) .. ": " .. waiting)
    task.sleep(pause)
    pause = math.min(pause * 1.5, 1)
  end
end

local function scale(ctx, kind, name, count, o)
  o = o or {}
  if math.type(count) ~= "integer" or count < 0 then
    errors.raise {
      kind = "input",
      module = "k8s",
      message = ("replicas of %s: expected a whole number, 0 or more, got %s"):format(name, tostring(count)),
    }
  end
  local target = target_of(ctx, kind, name, o.namespace)
  local _, outcome = ctx:effect("k8s.replicas", target, count)
  if o.wait ~= false then
    ctx:wait_by_hand(
      ("%s has %d pods"):format(title(target), count),
      function() return { kubectl.rollout(target.kind, name, target.namespace, o.timeout) } end
    )
  end
  if ctx.mode == "plan" or o.wait == false then return outcome end
  local seconds = o.timeout or SECONDS
  if count == 0 then
    wait_gone(ctx, target, seconds)
  else
    ready.wait(
      client(ctx),
      target.kind,
      name,
      { seconds = seconds, namespace = target.namespace, progress = ctx.progress }
    )
  end
  return outcome
end

local function set(ctx, kind, name, patch, o)
  local target, resource = target_of(ctx, kind, name, o and o.namespace)
  client(ctx).grants:patch(resource, target.namespace, name, ctx:retry(get, ctx, target), patch)
  target.places = {}
  local desired = flatten(patch, {}, target.places, {})
  if next(desired) == nil then
    errors.raise { kind = "input", module = "k8s", message = "k8s.set: expected at least one field" }
  end
  local _, outcome = ctx:effect("k8s.fields", target, desired)
  return outcome
end

--- The functions of this file in o2x.k8s.
---@param ctx table
---@return table
function M.api(ctx)
  return {
    --- Ensures a workload's number of replicas, and waits until they are ready or gone.
    ---@param kind string Deployment or StatefulSet
    ---@param name string
    ---@param count integer
    ---@param o { namespace: string?, timeout: number?, wait: boolean? }? timeout: seconds; default: 300
    ---@return string outcome
    scale = function(kind, name, count, o) return scale(ctx, kind, name, count, o) end,

    --- Ensures fields of an existing object: { spec = { suspend = true } }. json.null removes a field.
    ---@param kind string
    ---@param name string
    ---@param patch table
    ---@param o { namespace: string? }?
    ---@return string outcome
    set = function(kind, name, patch, o) return set(ctx, kind, name, patch, o) end,

    --- Ensures annotations of an existing object. json.null removes an annotation.
    ---@param kind string
    ---@param name string
    ---@param annotations table<string, any>
    ---@param o { namespace: string? }?
    ---@return string outcome
    annotate = function(kind, name, annotations, o)
      return set(ctx, kind, name, { metadata = { annotations = annotations } }, o)
    end,
  }
end

return M
