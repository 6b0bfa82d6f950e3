--- The deployment controller: one ReplicaSet per pod template, rolled out within maxSurge and maxUnavailable.
local conditions = require "lab.k8s.conditions"
local manager = require "lab.k8s.controller_manager"
local events = require "lab.k8s.events"
local template_hash = require "lab.k8s.controllers.template_hash"
local value = require "lab.k8s.value"

local M = {}

local REVISION = "deployment.kubernetes.io/revision"
local HISTORY = "deployment.kubernetes.io/revision-history"
local DESIRED = "deployment.kubernetes.io/desired-replicas"
local MAX = "deployment.kubernetes.io/max-replicas"
local HASH = "pod-template-hash"
local LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

-- a number or percentage of the replicas: 1, "25%"
local function share(v, replicas, round)
  if type(v) == "number" then return v end
  local percent = tonumber(tostring(v):match("^(%d+)%%$") or 0)
  return math.tointeger(round(percent * replicas / 100)) or 0
end

local function limits(object)
  local replicas, rolling = object.spec.replicas, value.get(object, "spec", "strategy", "rollingUpdate")
  if not rolling then return 0, replicas end
  local surge = share(rolling.maxSurge or 0, replicas, math.ceil)
  local unavailable = share(rolling.maxUnavailable or 0, replicas, math.floor)
  if surge == 0 and unavailable == 0 then unavailable = 1 end
  return surge, unavailable
end

local function revision_of(object) return tonumber(value.get(object, "metadata", "annotations", REVISION) or 0) end

local function owned_sets(ctl, object)
  local list = {}
  for _, dependent in ipairs(ctl.store:owned(object.metadata.uid)) do
    if dependent.store == "apps/replicasets" then table.insert(list, dependent.object) end
  end
  table.sort(list, function(a, b) return revision_of(a) < revision_of(b) end)
  return list
end

local function without_hash(template)
  local labels = value.merged(template.metadata.labels)
  labels[HASH] = nil
  return value.merged(template, { metadata = value.merged(template.metadata, { labels = labels }) })
end

local function find_current(sets, template)
  for i = #sets, 1, -1 do
    if value.equal(without_hash(sets[i].spec.template), template) then return sets[i] end
  end
end

local function set_annotations(object, surge, revision)
  local annotations = value.merged(object.metadata.annotations, {
    [REVISION] = tostring(revision),
    [DESIRED] = tostring(object.spec.replicas),
    [MAX] = tostring(object.spec.replicas + surge),
  })
  annotations[LAST_APPLIED] = nil
  return annotations
end

local function make_set(ctl, object, surge, revision)
  local hash = template_hash.hash(object.spec.template)
  local template = value.copy(object.spec.template)
  template.metadata.labels = value.merged(template.metadata.labels, { [HASH] = hash })
  local selector = value.copy(object.spec.selector)
  selector.matchLabels = value.merged(selector.matchLabels, { [HASH] = hash })
  local name = object.metadata.name .. "-" .. hash
  if ctl.store:get("apps/replicasets", object.metadata.namespace, name) then
    name = name .. ctl.store:version() % 1000 -- another template with the same hash
  end
  return ctl:make("apps/replicasets", {
    apiVersion = "apps/v1",
    kind = "ReplicaSet",
    metadata = {
      name = name,
      namespace = object.metadata.namespace,
      labels = value.copy(template.metadata.labels),
      annotations = set_annotations(object, surge, revision),
      generation = 1,
      ownerReferences = manager.owned_by(object),
    },
    spec = { replicas = 0, selector = selector, template = template },
    status = { replicas = 0 },
  })
end

-- gives the current template's ReplicaSet the highest revision, also after a rollback to an old template
local function current_set(ctl, object, surge)
  local sets = owned_sets(ctl, object)
  local latest = sets[#sets] and revision_of(sets[#sets]) or 0
  local current = find_current(sets, object.spec.template)
  if not current then
    current = make_set(ctl, object, surge, latest + 1)
  else
    current = ctl:change("apps/replicasets", current, function(copy)
      local old = revision_of(current)
      local revision = old == latest and old or latest + 1
      local past = current.metadata.annotations[HISTORY]
      copy.metadata.annotations = set_annotations(object, surge, revision)
      copy.metadata.annotations[HISTORY] = old ~= revision and (past and past .. "," or "") .. old or past
    end)
  end
  return current, owned_sets(ctl, object)
end

local function scale(ctl, object, set, replicas)
  if set.spec.replicas == replicas then return set end
  events.record(
    ctl.store,
    object,
    "deployment-controller",
    "Normal",
    "ScalingReplicaSet",
    ("Scaled %s replica set %s from %d to %d"):format(
      replicas > set.spec.replicas and "up" or "down",
      set.metadata.name,
      set.spec.replicas,
      replicas
    )
  )
  return ctl:change("apps/replicasets", set, function(copy)
    copy.spec.replicas = replicas
    copy.metadata.generation = (copy.metadata.generation or 1) + 1
  end)
end

local function available(set) return value.get(set, "status", "availableReplicas") or 0 end

local function total(sets, count)
  local n = 0
  for _, set in ipairs(sets) do
    n = n + count(set)
  end
  return n
end

local function spec_replicas(set) return set.spec.replicas end

-- scales the old sets down: first replicas that are not ready, then as many as availability allows
local function shrink(ctl, object, sets, current, may_go)
  local left = {}
  for _, set in ipairs(sets) do
    left[set] = set.spec.replicas
  end
  for _, unready_only in ipairs { true, false } do
    for _, set in ipairs(sets) do
      if set.metadata.uid ~= current.metadata.uid and may_go > 0 then
        local spare = unready_only and math.max(left[set] - available(set), 0) or left[set]
        local n = math.min(may_go, spare)
        left[set], may_go = left[set] - n, may_go - n
      end
    end
  end
  for _, set in ipairs(sets) do
    if set.metadata.uid ~= current.metadata.uid then scale(ctl, object, set, left[set]) end
  end
end

local function roll(ctl, object, current, sets)
  local replicas = object.spec.replicas
  local surge, unavailable = limits(object)
  local old = total(sets, spec_replicas) - current.spec.replicas
  if old == 0 or current.spec.replicas > replicas then return scale(ctl, object, current, replicas) end
  if object.spec.strategy.type == "Recreate" then
    shrink(ctl, object, sets, current, old)
    return current
  end
  local room = replicas + surge - old - current.spec.replicas
  local more = math.max(0, math.min(replicas - current.spec.replicas, room))
  current = scale(ctl, object, current, current.spec.replicas + more)
  local not_yet = current.spec.replicas - available(current)
  shrink(ctl, object, sets, current, old + current.spec.replicas - (replicas - unavailable) - not_yet)
  return current
end

local function progress_condition(object, current, complete)
  local name = current.metadata.name
  if complete then
    return "True", "NewReplicaSetAvailable", ("ReplicaSet %q has successfully progressed."):format(name)
  end
  for _, c in ipairs(value.get(object, "status", "conditions") or {}) do
    if c.type == "Progressing" and c.reason == "ProgressDeadlineExceeded" and c.message:find(name, 1, true) then
      return "False", c.reason, c.message
    end
  end
  return "True", "ReplicaSetUpdated", ("ReplicaSet %q is progressing."):format(name)
end

local function deadline_passed(ctl, object, condition)
  local since = value.seconds(condition.lastUpdateTime)
  local limit = object.spec.progressDeadlineSeconds or 600
  local left = since + limit - ctl.store.clock()
  if left <= 0 then return true end
  ctl:after(left, "deployment", object.metadata.namespace, object.metadata.name)
  return false
end

local function conditions_of(ctl, object, current, counts)
  local now, before = ctl.store:time(), value.get(object, "status", "conditions")
  local _, unavailable = limits(object)
  local enough = counts.available >= object.spec.replicas - unavailable
  local list = value.array {
    manager.condition(before, {
      type = "Available",
      status = enough and "True" or "False",
      reason = enough and "MinimumReplicasAvailable" or "MinimumReplicasUnavailable",
      message = enough and "Deployment has minimum availability." or "Deployment does not have minimum availability.",
    }, now, true),
  }
  local complete = counts.updated == object.spec.replicas
    and counts.replicas == object.spec.replicas
    and counts.available == object.spec.replicas
  local word, reason, message = progress_condition(object, current, complete)
  local progress =
    manager.condition(before, { type = "Progressing", status = word, reason = reason, message = message }, now, true)
  if complete then ctl:cancel_after("deployment", object.metadata.namespace, object.metadata.name) end
  if not complete and reason == "ReplicaSetUpdated" and deadline_passed(ctl, object, progress) then
    progress = manager.condition(before, {
      type = "Progressing",
      status = "False",
      reason = "ProgressDeadlineExceeded",
      message = ("ReplicaSet %q has timed out progressing."):format(current.metadata.name),
    }, now, true)
  end
  table.insert(list, progress)
  list[#list + 1] = conditions.find(current, "ReplicaFailure")
  return list
end

local function nonzero(n) return n ~= 0 and n or nil end

local function status_field(name)
  return function(set) return value.get(set, "status", name) or 0 end
end

local function update_status(ctl, object, current, sets)
  local counts = {
    replicas = total(sets, status_field "replicas"),
    available = total(sets, available),
    ready = total(sets, status_field "readyReplicas"),
    updated = status_field "replicas"(current),
  }
  ctl:set_status("apps/deployments", object, {
    observedGeneration = object.metadata.generation,
    replicas = nonzero(counts.replicas),
    updatedReplicas = nonzero(counts.updated),
    readyReplicas = nonzero(counts.ready),
    availableReplicas = nonzero(counts.available),
    unavailableReplicas = nonzero(math.max(counts.replicas, object.spec.replicas) - counts.available),
    conditions = conditions_of(ctl, object, current, counts),
  })
end

local function forget_history(ctl, object, sets, current)
  local idle = {}
  for _, set in ipairs(sets) do
    if set.metadata.uid ~= current.metadata.uid and set.spec.replicas == 0 and status_field "replicas"(set) == 0 then
      table.insert(idle, set)
    end
  end
  for i = 1, #idle - (object.spec.revisionHistoryLimit or 10) do
    ctl.store:remove("apps/replicasets", idle[i])
  end
end

--- Reconciles a Deployment.
---@param ctl lab.k8s.Controllers
---@param namespace string
---@param name string
function M.reconcile(ctl, namespace, name)
  local object = ctl.store:get("apps/deployments", namespace, name)
  if not object then return ctl:cancel_after("deployment", namespace, name) end
  local surge = limits(object)
  local current, sets = current_set(ctl, object, surge)
  object = ctl:change(
    "apps/deployments",
    object,
    function(copy)
      copy.metadata.annotations =
        value.merged(copy.metadata.annotations, { [REVISION] = current.metadata.annotations[REVISION] })
    end
  )
  if not object.spec.paused then
    current = roll(ctl, object, current, sets)
  elseif #sets == 1 then
    current = scale(ctl, object, current, object.spec.replicas)
  end
  sets = owned_sets(ctl, object)
  update_status(ctl, object, ctl.store:get("apps/replicasets", namespace, current.metadata.name) or current, sets)
  forget_history(ctl, object, sets, current)
end

return M
