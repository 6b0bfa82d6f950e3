--- The controllers of ReplicaSets, StatefulSets, DaemonSets and Jobs: create and delete pods to match the spec.
local conditions = require "lab.k8s.conditions"
local manager = require "lab.k8s.controller_manager"
local defaults = require "lab.k8s.defaults"
local events = require "lab.k8s.events"
local kinds = require "lab.k8s.kinds"
local objects = require "lab.k8s.objects"
local quota = require "lab.k8s.quota"
local template_hash = require "lab.k8s.controllers.template_hash"
local value = require "lab.k8s.value"

local M = {}

local POD = kinds.at("v1", "pods")

local REVISION = "controller-revision-hash"
local RETRY <const> = 1 -- seconds until pods for which there was no room are tried again

local function revision_of(set) return set.metadata.name .. "-" .. template_hash.hash(set.spec.template) end

local function pods_of(ctl, owner)
  local list = {}
  for _, dependent in ipairs(ctl.store:owned(owner.metadata.uid)) do
    if dependent.store == "/pods" then table.insert(list, dependent.object) end
  end
  table.sort(list, function(a, b) return a.metadata.name < b.metadata.name end)
  return list
end

--- Creates a pod of an owner from its template.
---@param ctl lab.k8s.Controllers
---@param owner table
---@param component string
---@param name string? nil: generated
---@param change (fun(spec: table, labels: table))?
---@return string? refused why there is none: the namespace's quota
function M.make_pod(ctl, owner, component, name, change)
  local template = value.copy(owner.spec.template)
  local prefix = owner.metadata.name .. "-"
  local pod = {
    apiVersion = "v1",
    kind = "Pod",
    spec = template.spec,
    status = defaults.status(POD),
    metadata = {
      name = name or objects.generate_name(prefix),
      generateName = not name and prefix or nil,
      generation = 1,
      namespace = owner.metadata.namespace,
      labels = template.metadata.labels,
      annotations = template.metadata.annotations,
      ownerReferences = manager.owned_by(owner),
    },
  }
  pod.metadata.labels = pod.metadata.labels or {}
  pod.spec.serviceAccountName = pod.spec.serviceAccountName or "default"
  if change then change(pod.spec, pod.metadata.labels) end
  local refused = quota.refusal(ctl.store, pod.metadata.namespace, pod.metadata.name)
  if refused then
    events.record(ctl.store, owner, component, "Warning", "FailedCreate", "Error creating: " .. refused)
    return refused
  end
  ctl:make("/pods", defaults.fill(POD, pod))
  events.record(ctl.store, owner, component, "Normal", "SuccessfulCreate", "Created pod: " .. pod.metadata.name)
end

local function delete_pod(ctl, owner, pod, component)
  ctl.store:remove("/pods", pod)
  events.record(ctl.store, owner, component, "Normal", "SuccessfulDelete", "Deleted pod: " .. pod.metadata.name)
end

-- pods that are not ready are deleted first, then the youngest
local function by_dispensability(pods)
  table.sort(pods, function(a, b)
    if conditions.is_ready(a) ~= conditions.is_ready(b) then return not conditions.is_ready(a) end
    if a.metadata.creationTimestamp ~= b.metadata.creationTimestamp then
      return a.metadata.creationTimestamp > b.metadata.creationTimestamp
    end
    return a.metadata.name > b.metadata.name
  end)
end

local function count_ready(pods)
  local n = 0
  for _, pod in ipairs(pods) do
    n = n + (conditions.is_ready(pod) and 1 or 0)
  end
  return n
end

local function nonzero(n) return n ~= 0 and n or nil end

-- Each attempt has a pod of another name: the first one stays in the condition.
local function failure(ctl, set, refused)
  return conditions.find(set, "ReplicaFailure")
    or manager.condition(nil, {
      type = "ReplicaFailure",
      status = "True",
      reason = "FailedCreate",
      message = refused,
    }, ctl.store:time())
end

--- Reconciles a ReplicaSet.
---@param ctl lab.k8s.Controllers
---@param namespace string
---@param name string
function M.replicaset(ctl, namespace, name)
  local object = ctl.store:get("apps/replicasets", namespace, name)
  if not object then return end
  local pods, refused = pods_of(ctl, object), nil
  for _ = #pods + 1, object.spec.replicas do
    refused = refused or M.make_pod(ctl, object, "replicaset-controller")
  end
  if refused then ctl:after(RETRY, "replicaset", namespace, name) end
  by_dispensability(pods)
  for i = 1, #pods - object.spec.replicas do
    delete_pod(ctl, object, pods[i], "replicaset-controller")
  end
  pods = pods_of(ctl, object)
  local ready = count_ready(pods)
  ctl:set_status("apps/replicasets", object, {
    replicas = #pods,
    fullyLabeledReplicas = nonzero(#pods),
    readyReplicas = nonzero(ready),
    availableReplicas = nonzero(ready),
    observedGeneration = object.metadata.generation,
    conditions = refused and value.array { failure(ctl, object, refused) } or nil,
  })
end

local function claim_for(ctl, set, template, ordinal)
  local name = ("%s-%s-%d"):format(template.metadata.name, set.metadata.name, ordinal)
  if not ctl.store:get("/persistentvolumeclaims", set.metadata.namespace, name) then
    ctl:make("/persistentvolumeclaims", {
      apiVersion = "v1",
      kind = "PersistentVolumeClaim",
      metadata = {
        name = name,
        namespace = set.metadata.namespace,
        labels = set.spec.selector.matchLabels,
        finalizers = value.array { "kubernetes.io/pvc-protection" },
      },
      spec = value.copy(template.spec),
      status = { phase = "Pending" },
    })
  end
  return { name = template.metadata.name, persistentVolumeClaim = { claimName = name } }
end

local function make_ordinal(ctl, set, ordinal)
  local name = set.metadata.name .. "-" .. ordinal
  M.make_pod(ctl, set, "statefulset-controller", name, function(spec, labels)
    labels["statefulset.kubernetes.io/pod-name"], labels["apps.kubernetes.io/pod-index"] = name, tostring(ordinal)
    labels[REVISION] = revision_of(set)
    spec.hostname, spec.subdomain = name, set.spec.serviceName
    spec.volumes = spec.volumes or value.array {}
    for _, template in ipairs(set.spec.volumeClaimTemplates or {}) do
      table.insert(spec.volumes, claim_for(ctl, set, template, ordinal))
    end
  end)
end

-- one pod at a time and in order, unless podManagementPolicy is Parallel
local function step_statefulset(ctl, set, pods)
  local revision, at = revision_of(set), {}
  for _, pod in ipairs(pods) do
    at[math.tointeger(pod.metadata.name:match("(%d+)$"))] = pod
  end
  local in_order = set.spec.podManagementPolicy ~= "Parallel"
  for ordinal = 0, set.spec.replicas - 1 do
    if not at[ordinal] then make_ordinal(ctl, set, ordinal) end
    if in_order and not (at[ordinal] and conditions.is_ready(at[ordinal])) then return end
  end
  for ordinal, pod in pairs(at) do
    if ordinal >= set.spec.replicas then delete_pod(ctl, set, pod, "statefulset-controller") end
  end
  for ordinal = set.spec.replicas - 1, 0, -1 do
    local pod = at[ordinal]
    if pod and pod.metadata.labels[REVISION] ~= revision then
      return delete_pod(ctl, set, pod, "statefulset-controller")
    end
  end
end

--- Reconciles a StatefulSet.
---@param ctl lab.k8s.Controllers
---@param namespace string
---@param name string
function M.statefulset(ctl, namespace, name)
  local set = ctl.store:get("apps/statefulsets", namespace, name)
  if not set then return end
  step_statefulset(ctl, set, pods_of(ctl, set))
  local pods = pods_of(ctl, set)
  local ready, name_now = count_ready(pods), revision_of(set)
  ctl:set_status("apps/statefulsets", set, {
    observedGeneration = set.metadata.generation,
    replicas = #pods,
    readyReplicas = nonzero(ready),
    availableReplicas = ready,
    currentReplicas = nonzero(#pods),
    updatedReplicas = nonzero(#pods),
    currentRevision = name_now,
    updateRevision = name_now,
    collisionCount = 0,
  })
end

-- replaces one pod at a time by one of the new template
local function replace_one(ctl, set)
  local old
  for _, pod in ipairs(pods_of(ctl, set)) do
    if not conditions.is_ready(pod) then return end
    if pod.metadata.labels[REVISION] ~= revision_of(set) then old = pod end
  end
  if old then delete_pod(ctl, set, old, "daemonset-controller") end
end

--- Reconciles a DaemonSet.
---@param ctl lab.k8s.Controllers
---@param namespace string
---@param name string
function M.daemonset(ctl, namespace, name)
  local set = ctl.store:get("apps/daemonsets", namespace, name)
  if not set then return end
  replace_one(ctl, set)
  local nodes, on = ctl.store:list("/nodes"), {}
  for _, pod in ipairs(pods_of(ctl, set)) do
    on[pod.spec.nodeName or ""] = true
  end
  for _, node in ipairs(nodes) do
    if not on[node.metadata.name] then
      M.make_pod(ctl, set, "daemonset-controller", nil, function(spec, labels)
        spec.nodeName, labels[REVISION] = node.metadata.name, revision_of(set)
      end)
    end
  end
  local pods = pods_of(ctl, set)
  local ready = count_ready(pods)
  ctl:set_status("apps/daemonsets", set, {
    observedGeneration = set.metadata.generation,
    desiredNumberScheduled = #nodes,
    currentNumberScheduled = #pods,
    updatedNumberScheduled = #pods,
    numberReady = ready,
    numberAvailable = nonzero(ready),
    numberMisscheduled = 0,
    numberUnavailable = nonzero(#nodes - ready),
  })
end

local function job_status(ctl, job, pods)
  local now, old = ctl.store:time(), job.status or {}
  local succeeded, failed = 0, 0
  for _, pod in ipairs(pods) do
    succeeded = succeeded + (pod.status.phase == "Succeeded" and 1 or 0)
    failed = failed + (pod.status.phase == "Failed" and 1 or 0)
  end
  local active = #pods - succeeded - failed
  local status = {
    startTime = old.startTime or now,
    active = nonzero(active),
    ready = 0,
    terminating = 0,
    succeeded = nonzero(succeeded),
    failed = nonzero(failed),
    uncountedTerminatedPods = {},
  }
  if succeeded >= (job.spec.completions or 1) then
    status.completionTime = old.completionTime or now
    status.conditions = value.array {}
    for _, kind in ipairs { "SuccessCriteriaMet", "Complete" } do
      table.insert(
        status.conditions,
        manager.condition(old.conditions, {
          type = kind,
          status = "True",
          lastProbeTime = status.completionTime,
          reason = "CompletionsReached",
          message = "Reached expected number of succeeded pods",
        }, now)
      )
    end
  end
  return status
end

--- Reconciles a Job.
---@param ctl lab.k8s.Controllers
---@param namespace string
---@param name string
function M.job(ctl, namespace, name)
  local job = ctl.store:get("batch/jobs", namespace, name)
  if not job or job.spec.suspend or value.get(job, "status", "completionTime") then return end
  local pods = pods_of(ctl, job)
  for _ = #pods + 1, job.spec.completions or 1 do
    M.make_pod(ctl, job, "job-controller")
  end
  ctl:set_status("batch/jobs", job, job_status(ctl, job, pods_of(ctl, job)))
end

return M
