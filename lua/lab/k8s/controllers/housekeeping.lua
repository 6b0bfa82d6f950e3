--- Small controllers: namespaces and their default objects, garbage collection, autoscalers, disruption budgets, custom
--- resource definitions.
local deletion = require "lab.k8s.deletion"
local conditions = require "lab.k8s.conditions"
local manager = require "lab.k8s.controller_manager"
local selector = require "lab.k8s.selector"
local value = require "lab.k8s.value"

local M = {}

local function empty_namespace(ctl, name)
  for _, store in ipairs(value.keys(ctl.store.state.objects)) do
    for _, object in ipairs(ctl.store:list(store, name)) do
      if store ~= "/namespaces" then
        local free = value.merged(object, { metadata = value.merged(object.metadata, { finalizers = false }) })
        free.metadata.finalizers = nil
        ctl.store:remove(store, free)
      end
    end
  end
end

local function reconcile_namespace(ctl, _, name)
  local namespace = ctl.store:get("/namespaces", nil, name)
  if not namespace then return end
  if namespace.metadata.deletionTimestamp then
    empty_namespace(ctl, name)
    return ctl.store:remove("/namespaces", namespace)
  end
  if not ctl.store:get("/serviceaccounts", name, "default") then
    ctl:make(
      "/serviceaccounts",
      { apiVersion = "v1", kind = "ServiceAccount", metadata = { name = "default", namespace = name } }
    )
  end
  if not ctl.store:get("/configmaps", name, "kube-root-ca.crt") then
    ctl:make("/configmaps", {
      apiVersion = "v1",
      kind = "ConfigMap",
      data = { ["ca.crt"] = ctl.authority or "" },
      metadata = { name = "kube-root-ca.crt", namespace = name },
    })
  end
end

-- garbage collection: deletes the dependents of a deleted object that have no other owner
local function collect(ctl, _, uid)
  for _, dependent in ipairs(ctl.store:owned(uid)) do
    local others = false
    for _, owner in ipairs(dependent.object.metadata.ownerReferences) do
      others = others or owner.uid ~= uid
    end
    if not others then ctl.store:remove(dependent.store, dependent.object) end
  end
end

-- lets go of what is deleted in the foreground, or without its dependents
local function release(ctl, namespace, id)
  local place, name = id:match "^(%S+) (.*)$"
  local object = ctl.store:get(place, namespace, name)
  if not object or not deletion.held(object) then return end
  deletion.release(ctl.store, place, object, function(uid) collect(ctl, nil, uid) end)
end

local TARGETS = { Deployment = "apps/deployments", StatefulSet = "apps/statefulsets", ReplicaSet = "apps/replicasets" }
local AUTOSCALERS = "autoscaling/horizontalpodautoscalers"
-- CPU usage of each pod in percent of its request
local STEADY_LOAD = 35

local function current_metrics(hpa)
  local list = value.array {}
  for _, metric in ipairs(hpa.spec.metrics or {}) do
    if metric.resource then
      table.insert(list, {
        type = "Resource",
        resource = {
          name = metric.resource.name,
          current = { averageUtilization = STEADY_LOAD, averageValue = "175m" },
        },
      })
    end
  end
  return #list > 0 and list or nil
end

local function hpa_condition(ctl, hpa, kind, ok, reason, message)
  return manager.condition(
    value.get(hpa, "status", "conditions"),
    { type = kind, status = ok and "True" or "False", reason = reason, message = message },
    ctl.store:time()
  )
end

local function autoscale(ctl, namespace, name)
  local hpa = ctl.store:get(AUTOSCALERS, namespace, name)
  if not hpa then return end
  local ref = hpa.spec.scaleTargetRef
  local store = TARGETS[ref.kind]
  local target = store and ctl.store:get(store, namespace, ref.name)
  if not target then
    return ctl:set_status(AUTOSCALERS, hpa, {
      currentReplicas = 0,
      desiredReplicas = 0,
      conditions = value.array {
        hpa_condition(
          ctl,
          hpa,
          "AbleToScale",
          false,
          "FailedGetScale",
          ("the HPA controller was unable to get the target's " .. "current scale: %s %q not found"):format(
            (ref.kind or ""):lower() .. "s.apps",
            ref.name
          )
        ),
      },
    })
  end
  local current = target.spec.replicas
  local off = current == 0
  local desired = off and 0 or math.max(hpa.spec.minReplicas or 1, math.min(hpa.spec.maxReplicas, current))
  if desired ~= current then
    ctl:change(store, target, function(copy)
      copy.spec.replicas, copy.metadata.generation = desired, (copy.metadata.generation or 1) + 1
    end)
  end
  ctl:set_status(AUTOSCALERS, hpa, {
    currentReplicas = current,
    desiredReplicas = desired,
    currentMetrics = not off and current_metrics(hpa) or nil,
    lastScaleTime = desired ~= current and ctl.store:time() or value.get(hpa, "status", "lastScaleTime"),
    conditions = value.array {
      hpa_condition(ctl, hpa, "AbleToScale", true, "ReadyForNewScale", "recommended size matches current size"),
      hpa_condition(
        ctl,
        hpa,
        "ScalingActive",
        not off,
        off and "ScalingDisabled" or "ValidMetricFound",
        off and "scaling is disabled since the replica count of the target is zero"
          or "the HPA was able to successfully calculate a replica count from cpu resource utilization "
            .. "(percentage of request)"
      ),
      hpa_condition(
        ctl,
        hpa,
        "ScalingLimited",
        false,
        "DesiredWithinRange",
        "the desired count is within the acceptable range"
      ),
    },
  })
end

local BUDGETS = "policy/poddisruptionbudgets"

local function budget_share(v, expected)
  if type(v) == "number" then return v end
  return math.ceil((tonumber(tostring(v):match("^(%d+)%%$") or "0")) * expected / 100)
end

local function budget(ctl, namespace, name)
  local pdb = ctl.store:get(BUDGETS, namespace, name)
  if not pdb then return end
  local requirements, expected, healthy = selector.from_object(pdb.spec.selector), 0, 0
  for _, pod in ipairs(ctl.store:list("/pods", namespace)) do
    if selector.matches(requirements, pod.metadata.labels) then
      expected = expected + 1
      if conditions.is_ready(pod) then healthy = healthy + 1 end
    end
  end
  local desired = pdb.spec.minAvailable and budget_share(pdb.spec.minAvailable, expected)
    or expected - budget_share(pdb.spec.maxUnavailable or 0, expected)
  ctl:set_status(BUDGETS, pdb, {
    observedGeneration = pdb.metadata.generation,
    currentHealthy = healthy,
    desiredHealthy = desired,
    expectedPods = expected,
    disruptionsAllowed = math.max(0, healthy - desired),
  })
end

local DEFINITIONS = "apiextensions.k8s.io/customresourcedefinitions"

local function define(ctl, _, name)
  local definition = ctl.store:get(DEFINITIONS, nil, name)
  if not definition then return end
  local list = value.array {}
  for _, kind in ipairs { "NamesAccepted", "Established" } do
    table.insert(
      list,
      manager.condition(value.get(definition, "status", "conditions"), {
        type = kind,
        status = "True",
        reason = kind == "Established" and "InitialNamesAccepted" or "NoConflicts",
        message = "no conflicts found",
      }, ctl.store:time())
    )
  end
  local versions = value.array {}
  for _, version in ipairs(definition.spec.versions or {}) do
    table.insert(versions, version.name)
  end
  ctl:set_status(
    DEFINITIONS,
    definition,
    { acceptedNames = value.copy(definition.spec.names), conditions = list, storedVersions = versions }
  )
end

local function each(ctl, store, namespace, reconciler)
  for _, object in ipairs(ctl.store:list(store, namespace)) do
    ctl:enqueue(reconciler, object.metadata.namespace, object.metadata.name)
  end
end

--- Registers the small controllers.
---@param ctl lab.k8s.Controllers
function M.register(ctl)
  ctl:reconciler("namespace", "/namespaces", reconcile_namespace)
  ctl:reconciler("garbage", nil, collect)
  ctl:reconciler("release", nil, release)
  ctl:reconciler("autoscaler", AUTOSCALERS, autoscale)
  ctl:reconciler("budget", BUDGETS, budget)
  ctl:reconciler("definition", DEFINITIONS, define)
  for _, store in pairs(TARGETS) do
    ctl:on(store, function(_, object) each(ctl, AUTOSCALERS, object.metadata.namespace, "autoscaler") end)
  end
  ctl:on("/pods", function(_, pod) each(ctl, BUDGETS, pod.metadata.namespace, "budget") end)
end

return M
