--- Readiness: whether an object is ready, what it waits for, and why it failed to become ready.

local clock = require "o2x.base.clock"
local errors = require "o2x.base.error"
local mask = require "o2x.base.mask"
local retry = require "o2x.base.retry"
local task = require "o2x.base.task"

local M = {}

local FIRST_PAUSE, LONGEST_PAUSE = 0.01, 1 -- between looks at what cannot be watched
local SHORTEST_WATCH <const> = 0.05
local LOOK_FIRST, LOOK_AGAIN = 2, 3 -- seconds until the pods are looked at, and between looks
local PATIENCE = 60 -- seconds with pods that are stuck before the wait is given up early
local CRASHES = 3 -- restarts after which a crashing pod counts as stuck
local PODS_SHOWN, EVENTS_SHOWN, LOG_LINES = 3, 6, 10

local BEGINNING = { ContainerCreating = true, PodInitializing = true }
local STUCK = {
  ImagePullBackOff = true,
  ErrImagePull = true,
  InvalidImageName = true,
  ErrImageNeverPull = true,
  CreateContainerConfigError = true,
}

-- A node may become free; a volume claim that is not there is made by nobody.
local NO_CLAIM <const> = 'persistentvolumeclaim "[^"]*" not found'

-- ---- one object -> ready, what it waits for ----

local function condition(object, sort)
  for _, c in ipairs(object.status and object.status.conditions or {}) do
    if c.type == sort then return c end
  end
end

local function number(value) return type(value) == "number" and value or 0 end

local function observed(object)
  return number(object.status and object.status.observedGeneration) >= number(object.metadata.generation)
end

-- No pod was made: a quota is used up, an admission policy refuses it. Only somebody else can change that.
local function refused_pods(object)
  local c = condition(object, "ReplicaFailure")
  return c and c.status == "True" and (c.message or c.reason or "no pod can be created") or nil
end

--- By kind: whether an object is ready, and what it waits for.
---@type table<string, fun(o: table): boolean, string?>
local checks = {}

local UNSEEN = "the controller has not seen the change yet"

local function few(have, wanted, what) return ("%d of %d pods %s"):format(have, wanted, what) end

function checks.Deployment(o)
  local s, wanted = o.status or {}, o.spec.replicas or 1
  local updated, available = number(s.updatedReplicas), number(s.availableReplicas)
  if not observed(o) then return false, UNSEEN end
  if updated < wanted then return false, few(updated, wanted, "updated") end
  if number(s.replicas) > updated then return false, ("%d old pods still running"):format(s.replicas - updated) end
  return available >= wanted, few(available, wanted, "ready")
end

function checks.StatefulSet(o)
  local s, wanted = o.status or {}, o.spec.replicas or 1
  local ready, updated = number(s.readyReplicas), number(s.updatedReplicas)
  if not observed(o) then return false, UNSEEN end
  if ready < wanted then return false, few(ready, wanted, "ready") end
  local rolling = s.updateRevision and s.currentRevision ~= s.updateRevision
  return not rolling or updated >= wanted, few(updated, wanted, "updated")
end

function checks.DaemonSet(o)
  local s = o.status or {}
  local wanted = number(s.desiredNumberScheduled)
  local have = math.min(number(s.updatedNumberScheduled), number(s.numberAvailable))
  if not observed(o) then return false, UNSEEN end
  return have >= wanted, few(have, wanted, "ready")
end

function checks.Job(o)
  local failed = condition(o, "Failed")
  if failed and failed.status == "True" then return false, "failed: " .. (failed.message or failed.reason or "") end
  local done = condition(o, "Complete")
  return done ~= nil and done.status == "True", "not finished yet"
end

function checks.Pod(o)
  if o.status and o.status.phase == "Succeeded" then return true end
  local ready = condition(o, "Ready")
  return ready ~= nil and ready.status == "True", M.pod_trouble(o) or "not ready yet"
end

function checks.PersistentVolumeClaim(o)
  local phase = o.status and o.status.phase
  return phase == "Bound", "is " .. tostring(phase or "new") .. ", not Bound"
end

local function has_address(o)
  local list = o.status and o.status.loadBalancer and o.status.loadBalancer.ingress
  return type(list) == "table" and #list > 0, "has no load balancer address yet"
end

checks.Ingress = has_address

-- A new certificate has no conditions until the controller has seen it.
-- Ready stays true when nobody renews it.
local function expired(certificate)
  local last = (certificate.status or {}).notAfter
  return type(last) == "string" and last < clock.iso() and last
end

function checks.Certificate(o)
  local last = expired(o)
  if last then return false, "it expired at " .. last end
  local c = condition(o, "Ready")
  return c ~= nil and c.status == "True", c and c.message or "not issued yet"
end

function checks.Service(o)
  if o.spec.type ~= "LoadBalancer" then return true end
  return has_address(o)
end

--- Whether an object is ready. Kinds without a rule of their own are judged by their Ready or Available condition.
---@param object table
---@return boolean ready
---@return string? waiting what for
function M.check(object)
  if checks[object.kind] then return checks[object.kind](object) end
  local c = condition(object, "Ready") or condition(object, "Available")
  if c then return c.status == "True", c.message or c.reason or "its condition is " .. c.status end
  return true -- nothing says what its readiness would be
end

-- ---- pods ----

-- The state and restart count of the first failing container.
local function troubled_container(s)
  for _, list in ipairs { s.initContainerStatuses or {}, s.containerStatuses or {} } do
    for _, c in ipairs(list) do
      local state = c.state or {}
      local why = state.waiting or (state.terminated and state.terminated.reason ~= "Completed" and state.terminated)
      if why and why.reason and not BEGINNING[why.reason] then return why, number(c.restartCount) end
    end
  end
end

--- Why a pod is not ready, if its status says so.
---@param pod table
---@return string? text
---@return boolean? stuck whether it is a trouble that pods hardly ever get out of by themselves
function M.pod_trouble(pod)
  local s = pod.status or {}
  local why, restarts = troubled_container(s)
  if why then
    local times = restarts > 0 and (" (%d restarts)"):format(restarts) or ""
    local stuck = STUCK[why.reason] or why.reason == "CrashLoopBackOff" and restarts >= CRASHES
    return why.reason .. times .. (why.message and ": " .. why.message or ""), stuck or false
  end
  local scheduled = condition(pod, "PodScheduled")
  if scheduled and scheduled.status == "False" then
    local said = tostring(scheduled.message or scheduled.reason or "")
    return "not scheduled: " .. said, said:find(NO_CLAIM) ~= nil
  end
  if s.phase == "Failed" then return "failed: " .. (s.message or s.reason or "") end
end

local function selector_of(object)
  local labels = object.spec and object.spec.selector and object.spec.selector.matchLabels
  if not labels then return nil end
  local parts = {}
  for name, value in pairs(labels) do
    parts[#parts + 1] = name .. "=" .. value
  end
  table.sort(parts)
  return table.concat(parts, ",")
end

-- The object's pods that are not ready, the failing ones first.
local function unready_pods(client, object)
  if object.kind == "Pod" then return { object } end
  local selector = selector_of(object)
  if not selector then return {} end
  local found = {}
  for _, pod in ipairs(client:list("Pod", { namespace = object.metadata.namespace, selector = selector })) do
    if not checks.Pod(pod) then found[#found + 1] = pod end
  end
  table.sort(found, function(a, b)
    local x, y = M.pod_trouble(a) ~= nil, M.pod_trouble(b) ~= nil
    if x ~= y then return x end
    return a.metadata.name < b.metadata.name
  end)
  return found
end

-- ---- explaining a failure ----

local function first_line(text) return (tostring(text):match("^%s*([^\n]*)")) end

local function add_events(lines, client, kind, name, namespace)
  local events = client:events(kind, name, namespace)
  for i = math.max(1, #events - EVENTS_SHOWN + 1), #events do
    local e = events[i]
    local times = e.count > 1 and (" (%d times)"):format(e.count) or ""
    local about = ("%s %s/%s"):format(e.reason or e.type, kind:lower(), name)
    lines[#lines + 1] = ("  event  %s: %s%s"):format(about, first_line(e.message), times)
  end
end

local function has_restarted(pod)
  for _, c in ipairs(pod.status and pod.status.containerStatuses or {}) do
    if number(c.restartCount) > 0 then return true end
  end
  return false
end

local function add_log(lines, client, pod)
  local name, namespace, restarted = pod.metadata.name, pod.metadata.namespace, has_restarted(pod)
  local ok, text = pcall(client.logs, client, name, { tail = LOG_LINES, previous = restarted, namespace = namespace })
  if restarted and not (ok and text ~= "") then
    ok, text = pcall(client.logs, client, name, { tail = LOG_LINES, namespace = namespace })
  end
  if not ok and errors.is(text) and text.kind == "cancelled" then error(text, 0) end
  for line in mask.text(ok and text or ""):gmatch("[^\n]+") do
    lines[#lines + 1] = "  log    " .. line
  end
end

--- Explains why an object is not ready: its pods' problems, the last events, the last lines of a pod's log.
---@param client table
---@param object table
---@return string[] lines
function M.explain(client, object)
  local lines, namespace = {}, object.metadata.namespace
  local pods = unready_pods(client, object)
  for i, pod in ipairs(pods) do
    local trouble = first_line(M.pod_trouble(pod) or "not ready")
    if i <= PODS_SHOWN then lines[#lines + 1] = ("  pod    %s: %s"):format(pod.metadata.name, trouble) end
  end
  if #pods > PODS_SHOWN then lines[#lines + 1] = ("  pod    and %d more"):format(#pods - PODS_SHOWN) end
  add_events(lines, client, object.kind, object.metadata.name, namespace)
  if pods[1] and object.kind ~= "Pod" then add_events(lines, client, "Pod", pods[1].metadata.name, namespace) end
  if pods[1] then add_log(lines, client, pods[1]) end
  return lines
end

-- ---- waiting ----

local QUOTA <const> = "kubectl describe resourcequota --namespace=%s shows what is used up; raise it, or delete what "
  .. "is not needed"
local IMAGE <const> = "push that image, or correct its name and tag; Kubernetes pulls it as soon as it is there"

-- What people can do about it.
local function hint_of(w, object)
  local namespace, trouble = object.metadata.namespace, w.trouble or ""
  local name = object.kind == "Certificate" and expired(object) and (object.spec or {}).secretName
  if name then return ("kubectl delete secret %s --namespace=%s has it issued again"):format(name, namespace) end
  if trouble:find "exceeded quota" then return QUOTA:format(namespace) end
  return trouble:find "^E?r?r?ImagePull" and IMAGE or nil
end

local function give_up(w, object, waiting)
  local lines = {}
  if object then
    local ok, found = pcall(M.explain, w.client, object)
    if not ok and errors.is(found) and found.kind == "cancelled" then error(found, 0) end
    lines = ok and found or { "  (no details: " .. tostring(found) .. ")" }
  end
  local how = task.now() < w.deadline and "fails to become ready" or ("is not ready after %.0f s"):format(w.seconds)
  errors.raise {
    kind = "failed",
    module = "k8s",
    op = "wait_ready",
    code = "not_ready",
    details = lines,
    hint = object and hint_of(w, object),
    message = ("%s %s: %s"):format(w.what, how, waiting),
  }
end

-- Why an object is not ready, as its own condition or its first pod says, and whether it is stuck.
local function trouble_of(object, pod)
  local refused = refused_pods(object)
  if refused then return refused, true end
  if pod then return M.pod_trouble(pod) end
end

-- Checks the pods from time to time: their problems say more than a count of missing pods.
local function look_at_pods(w, object)
  local now = task.now()
  if not object or now < w.next_look then return end
  local ok, pods = pcall(unready_pods, w.client, object)
  if not ok and errors.is(pods) and pods.kind == "cancelled" then error(pods, 0) end
  local trouble, stuck = trouble_of(object, ok and pods[1])
  w.trouble = trouble and first_line(trouble)
  w.stuck_since = stuck and (w.stuck_since or now) or nil
  w.next_look = now + LOOK_AGAIN
end

-- One poll -> the object, whether it is ready, what it waits for. A transient server error is also something to wait
-- for.
local function look(w)
  local ok, object = pcall(w.client.get, w.client, w.kind, w.name, w.namespace)
  if not ok then
    if not retry.may(object, true) then error(object, 0) end
    local message, named = tostring(object), w.what .. ": "
    return nil, false, message:sub(1, #named) == named and message:sub(#named + 1) or message
  end
  if not object then return nil, false, "it does not exist" end
  local ready, waiting = M.check(object)
  if ready then return object, true end
  look_at_pods(w, object)
  return object, false, w.trouble and waiting .. "; " .. w.trouble or waiting
end

local function is_hopeless(w, waiting)
  if w.kind == "Job" and waiting:match("^failed") then return true end
  return w.stuck_since and task.now() - w.stuck_since >= w.patience
end

-- Waits for the object's next state, until its pods are to be looked at. Credentials may read an object and yet not
-- watch it. -> false, at once: it was not watched
local function wait_change(w, object)
  if not object or w.unwatched then return false end
  local seconds = math.min(w.next_look, w.deadline) - task.now()
  local watched, problem = w.client:wait_change(w.kind, object, math.max(seconds, SHORTEST_WATCH))
  w.unwatched = problem and not retry.may(problem, true)
  return watched
end

--- Looks once whether an object is ready.
---@param client table
---@param kind string
---@param name string
---@param namespace string?
---@return table? object nil if it is not ready
---@return string? waiting what for
function M.now(client, kind, name, namespace)
  local w = { client = client, kind = kind, name = name, namespace = namespace, what = kind .. " " .. name }
  w.next_look = math.huge
  local object, ready, waiting = look(w)
  return ready and object or nil, waiting
end

--- Waits until an object is ready. If it is not ready in time, or its pods are stuck for a minute, the error's
--- `details` explain why.
---@param client table
---@param kind string
---@param name string
---@param o { seconds: number, namespace: string?, progress: fun(text: string)?, patience: number? }
---@return table object
function M.wait(client, kind, name, o)
  local start, pause, reported = task.now(), FIRST_PAUSE, nil
  local w = {
    client = client,
    kind = kind,
    name = name,
    namespace = o.namespace,
    what = kind .. " " .. name,
    seconds = o.seconds,
    deadline = start + o.seconds,
    next_look = start + LOOK_FIRST,
    patience = o.patience or PATIENCE,
  }
  while true do
    local object, ready, waiting = look(w)
    if ready then return object end
    if task.now() >= w.deadline or is_hopeless(w, waiting) then give_up(w, object, waiting) end
    if o.progress and waiting ~= reported then o.progress(w.what .. ": " .. waiting) end
    reported = waiting
    if not wait_change(w, object) then
      task.sleep(math.min(pause, math.max(w.deadline - task.now(), 0)))
      pause = math.min(pause * 1.5, LONGEST_PAUSE)
    end
  end
end

return M
