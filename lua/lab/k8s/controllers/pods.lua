--- Scheduler and kubelet: assigns pods to nodes, checks what they depend on, and starts their containers or fails.
local manager = require "lab.k8s.controller_manager"
local crypto = require "o2x.base.crypto"
local events = require "lab.k8s.events"
local value = require "lab.k8s.value"

local M = {}

local KUBELET = "kubelet"

-- a fault set by `o2x lab fault k8s broken-pods|crash-pods match=PATTERN`, or by an image tag that means "broken"
local function fault_of(ctl, pod)
  for _, rule in ipairs(ctl.settings.broken or {}) do
    if pod.metadata.name:find(rule.match, 1, true) then return rule.kind end
  end
  for _, c in ipairs(pod.spec.containers) do
    local tag = (c.image or ""):match(":([^/:]+)$") or ""
    if tag:find("broken", 1, true) then return "broken-pods" end
    if tag:find("crash", 1, true) then return "crash-pods" end
  end
end

local function refs(pod)
  local list = {}
  local function add(kind, ref, name)
    if ref and ref[name] and not ref.optional then
      table.insert(list, { kind = kind, name = ref[name], key = ref.key })
    end
  end
  for _, c in ipairs(pod.spec.containers) do
    for _, env in ipairs(c.env or {}) do
      add("secrets", value.get(env, "valueFrom", "secretKeyRef"), "name")
      add("configmaps", value.get(env, "valueFrom", "configMapKeyRef"), "name")
    end
    for _, from in ipairs(c.envFrom or {}) do
      add("secrets", from.secretRef, "name")
      add("configmaps", from.configMapRef, "name")
    end
  end
  return list
end

local SINGULAR = { secrets = "secret", configmaps = "configmap" }

-- a missing Secret or ConfigMap that a container's environment refers to
local function missing_reference(ctl, pod)
  for _, ref in ipairs(refs(pod)) do
    local object = ctl.store:get("/" .. ref.kind, pod.metadata.namespace, ref.name)
    if not object then return ("%s %q not found"):format(SINGULAR[ref.kind], ref.name) end
    if ref.key and not value.get(object, "data", ref.key) then
      return ("couldn't find key %s in %s %s/%s"):format(
        ref.key,
        ref.kind == "secrets" and "Secret" or "ConfigMap",
        pod.metadata.namespace,
        ref.name
      )
    end
  end
end

local function missing_claim(ctl, pod)
  for _, volume in ipairs(pod.spec.volumes or {}) do
    local name = value.get(volume, "persistentVolumeClaim", "claimName")
    local claim = name and ctl.store:get("/persistentvolumeclaims", pod.metadata.namespace, name)
    if name and not claim then return ("persistentvolumeclaim %q not found"):format(name) end
    if name and value.get(claim, "status", "phase") ~= "Bound" then
      return "pod has unbound immediate PersistentVolumeClaims"
    end
  end
end

local function pick_node(ctl, pod)
  if pod.spec.nodeName then return pod.spec.nodeName end
  local nodes = ctl.store:list("/nodes")
  local open = {}
  for _, node in ipairs(nodes) do
    if not value.get(node, "spec", "unschedulable") then table.insert(open, node.metadata.name) end
  end
  if #open == 0 then return nil, ("0/%d nodes are available: %d node(s) were unschedulable."):format(#nodes, #nodes) end
  local n = (ctl.settings.pods or 0) + 1
  ctl.settings.pods = n
  return open[n % #open + 1]
end

local function condition(pod, now, kind, ok, reason, message)
  return manager.condition(value.get(pod, "status", "conditions"), {
    type = kind,
    status = ok and "True" or "False",
    reason = not ok and reason or nil,
    message = not ok and message or nil,
    lastProbeTime = nil,
  }, now)
end

local function qos(pod)
  local some, all = false, true
  for _, c in ipairs(pod.spec.containers) do
    local limits, requests = value.get(c, "resources", "limits") or {}, value.get(c, "resources", "requests") or {}
    if next(limits) or next(requests) then some = true end
    for _, name in ipairs { "cpu", "memory" } do
      if not limits[name] or requests[name] and requests[name] ~= limits[name] then all = false end
    end
  end
  return not some and "BestEffort" or all and "Guaranteed" or "Burstable"
end

local function names_of(pod)
  local names = {}
  for _, c in ipairs(pod.spec.containers) do
    table.insert(names, c.name)
  end
  return table.concat(names, " ")
end

--- The next free address of a pod.
---@param settings table of the cluster
---@return string
function M.address(settings)
  local n = (settings.addresses or 10) + 1
  settings.addresses = n
  return ("10.0.%d.%d"):format(n // 250 % 250, n % 250 + 1)
end

-- the status of a pod whose containers are all in the same state
local function status_of(ctl, pod, phase, ready, make_state)
  local now, old = ctl.store:time(), pod.status or {}
  local why, message = "ContainersNotReady", ("containers with unready status: [%s]"):format(names_of(pod))
  if phase == "Succeeded" then
    why, message = "PodCompleted", nil
  end
  local ip = old.podIP or M.address(ctl.settings)
  local status = {
    phase = phase,
    qosClass = qos(pod),
    hostIP = "10.0.1.10",
    hostIPs = value.array { { ip = "10.0.1.10" } },
    podIP = ip,
    podIPs = value.array { { ip = ip } },
    startTime = old.startTime or now,
    conditions = value.array {
      condition(pod, now, "PodReadyToStartContainers", true),
      condition(pod, now, "Initialized", true),
      condition(pod, now, "Ready", ready, why, message),
      condition(pod, now, "ContainersReady", ready, why, message),
      condition(pod, now, "PodScheduled", true),
    },
    containerStatuses = value.array {},
  }
  for i, c in ipairs(pod.spec.containers) do
    local entry = { name = c.name, image = c.image, imageID = "", ready = ready, restartCount = 0, started = ready }
    make_state(entry, c, old.containerStatuses and old.containerStatuses[i], now)
    table.insert(status.containerStatuses, entry)
  end
  return status
end

local function digest(image) return image:gsub(":[^/:]*$", "") .. "@sha256:" .. crypto.sha256(image) end

local function running(ctl, pod, ready)
  return status_of(ctl, pod, "Running", ready, function(entry, c, _, now)
    entry.imageID, entry.containerID = digest(c.image), "containerd://" .. crypto.sha256(pod.metadata.uid .. c.name)
    entry.state, entry.started = { running = { startedAt = now } }, true
  end)
end

local function finished(ctl, pod)
  return status_of(ctl, pod, "Succeeded", false, function(entry, c, _, now)
    entry.imageID = digest(c.image)
    entry.state = { terminated = { exitCode = 0, reason = "Completed", startedAt = now, finishedAt = now } }
  end)
end

local function waiting(ctl, pod, reason, message)
  return status_of(
    ctl,
    pod,
    "Pending",
    false,
    function(entry) entry.state = { waiting = { reason = reason, message = message } } end
  )
end

local function crashing(ctl, pod)
  return status_of(ctl, pod, "Running", false, function(entry, c, old, now)
    entry.imageID, entry.restartCount = digest(c.image), 3
    entry.state = {
      waiting = {
        reason = "CrashLoopBackOff",
        message = ("back-off 40s restarting failed container=%s pod=%s"):format(
          c.name,
          pod.metadata.name .. "_" .. pod.metadata.namespace
        ),
      },
    }
    entry.lastState = old and old.lastState
      or { terminated = { exitCode = 1, reason = "Error", startedAt = now, finishedAt = now } }
  end)
end

local function say(ctl, pod, kind, reason, message, container)
  events.record(ctl.store, pod, KUBELET, kind, reason, message, container and ("spec.containers{%s}"):format(container))
end

local function say_started(ctl, pod)
  for _, c in ipairs(pod.spec.containers) do
    say(ctl, pod, "Normal", "Pulled", ("Container image %q already present on machine"):format(c.image), c.name)
    say(ctl, pod, "Normal", "Created", "Created container: " .. c.name, c.name)
    say(ctl, pod, "Normal", "Started", "Started container " .. c.name, c.name)
  end
end

local function say_broken(ctl, pod)
  for _, c in ipairs(pod.spec.containers) do
    local image = c.image
    say(ctl, pod, "Normal", "Pulling", ("Pulling image %q"):format(image), c.name)
    say(
      ctl,
      pod,
      "Warning",
      "Failed",
      (
        "Failed to pull image %q: rpc error: code = NotFound desc = failed to pull and "
        .. "unpack image %q: failed to resolve reference %q: %s: not found"
      ):format(image, image, image, image),
      c.name
    )
    say(ctl, pod, "Warning", "Failed", "Error: ErrImagePull", c.name)
    say(ctl, pod, "Normal", "BackOff", ("Back-off pulling image %q"):format(image), c.name)
    say(ctl, pod, "Warning", "Failed", "Error: ImagePullBackOff", c.name)
  end
end

local function say_crashing(ctl, pod)
  say_started(ctl, pod)
  for _, c in ipairs(pod.spec.containers) do
    say(
      ctl,
      pod,
      "Warning",
      "BackOff",
      ("Back-off restarting failed container %s in pod %s_%s(%s)"):format(
        c.name,
        pod.metadata.name,
        pod.metadata.namespace,
        pod.metadata.uid
      ),
      c.name
    )
  end
end

-- sets a status and records its event once, when the status changes
local function change_status(ctl, pod, status, record, ...)
  if value.equal(pod.status, status) then return end
  record(ctl, pod, ...)
  ctl:set_status("/pods", pod, status)
end

local function stay_pending(ctl, pod, message)
  message = "0/3 nodes are available: " .. message
  change_status(ctl, pod, {
    phase = "Pending",
    qosClass = qos(pod),
    conditions = value.array {
      condition(pod, ctl.store:time(), "PodScheduled", false, "Unschedulable", message),
    },
  }, function() events.record(ctl.store, pod, "default-scheduler", "Warning", "FailedScheduling", message) end)
end

local function is_waiting(pod)
  local c = value.get(pod, "status", "containerStatuses", 1)
  return not pod.spec.nodeName or not c or value.get(c, "state", "waiting") ~= nil or not c.ready
end

local function is_over(pod)
  local phase = value.get(pod, "status", "phase")
  return phase == "Succeeded" or phase == "Failed"
end

local function schedule(ctl, pod)
  local problem, node = missing_claim(ctl, pod), nil
  if not problem then
    node, problem = pick_node(ctl, pod)
  end
  if not node then
    stay_pending(ctl, pod, problem)
    return nil
  end
  events.record(
    ctl.store,
    pod,
    "default-scheduler",
    "Normal",
    "Scheduled",
    ("Successfully assigned %s/%s to %s"):format(pod.metadata.namespace, pod.metadata.name, node)
  )
  return ctl:change("/pods", pod, function(copy) copy.spec.nodeName = node end)
end

-- the status and event of a pod whose containers cannot start
local function pull_fails(ctl, pod)
  return waiting(
    ctl,
    pod,
    "ImagePullBackOff",
    (
      "Back-off pulling image %q: ErrImagePull: rpc error: code = NotFound desc "
      .. "= failed to pull and unpack image: not found"
    ):format(pod.spec.containers[1].image)
  ),
    say_broken
end

local function crashes(ctl, pod) return crashing(ctl, pod), say_crashing end

local FAULTS = { ["broken-pods"] = pull_fails, ["crash-pods"] = crashes }

-- starts the containers, which become ready some time later
local function start(ctl, pod)
  local missing, fault = missing_reference(ctl, pod), fault_of(ctl, pod)
  if missing then
    return change_status(
      ctl,
      pod,
      waiting(ctl, pod, "CreateContainerConfigError", missing),
      say,
      "Warning",
      "Failed",
      "Error: " .. missing,
      pod.spec.containers[1].name
    )
  elseif fault then
    return change_status(ctl, pod, FAULTS[fault](ctl, pod))
  end
  local state = value.get(pod, "status", "containerStatuses", 1, "state") or {}
  if not state.running then
    say_started(ctl, pod)
    if pod.spec.restartPolicy ~= "Always" then return ctl:set_status("/pods", pod, finished(ctl, pod)) end
  end
  local since = value.seconds(value.get(state, "running", "startedAt")) or ctl.store.clock()
  local left = (ctl.settings.ready or 0) - (ctl.store.clock() - since)
  if left > 0 then ctl:after(left, "pod", pod.metadata.namespace, pod.metadata.name) end
  if left > 0 and state.running then return end
  ctl:set_status("/pods", pod, running(ctl, pod, left <= 0))
end

--- Reconciles a pod: schedules it, starts its containers, updates its status.
---@param ctl lab.k8s.Controllers
---@param namespace string
---@param name string
function M.reconcile(ctl, namespace, name)
  local pod = ctl.store:get("/pods", namespace, name)
  if not pod or is_over(pod) or not is_waiting(pod) then return end
  if not pod.spec.nodeName or not value.get(pod, "status", "podIP") then pod = schedule(ctl, pod) end
  if pod then start(ctl, pod) end
end

-- a missing dependency of a pod may exist now
local function retry_waiting(ctl, namespace)
  for _, pod in ipairs(ctl.store:list("/pods", namespace)) do
    if not is_over(pod) and is_waiting(pod) then ctl:enqueue("pod", pod.metadata.namespace, pod.metadata.name) end
  end
end

--- Registers scheduler and kubelet.
---@param ctl lab.k8s.Controllers
function M.register(ctl)
  ctl:reconciler("pod", "/pods", M.reconcile)
  ctl:reconciler("waiting-pods", nil, retry_waiting)
  for _, store in ipairs { "/secrets", "/configmaps", "/persistentvolumeclaims" } do
    ctl:on(store, function(change, object)
      if change.type ~= "DELETED" then ctl:enqueue("waiting-pods", object.metadata.namespace, "") end
    end)
  end
  ctl:on("/nodes", function() ctl:enqueue("waiting-pods", nil, "") end)
end

return M
