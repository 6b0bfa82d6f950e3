--- When is an object ready, what does it wait for, and why did it never get there.

local errors = require "o2x.error"
local retry = require "o2x.retry"
local task = require "o2x.task"

local M = {}

local FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1
local EVENTS_SHOWN, LOG_LINES = 6, 10

-- ---- one object -> ready, what it waits for ----

local function condition(object, sort)
  for _, c in ipairs(object.status and object.status.conditions or {}) do
    if c.type == sort then return c end
  end
end

local function number(value)
  return type(value) == "number" and value or 0
end

local function observed(object)
  return number(object.status and object.status.observedGeneration) >= number(object.metadata.generation)
end

local checks = {}

function checks.Deployment(o)
  local s, wanted = o.status or {}, o.spec.replicas or 1
  if not observed(o) then return false, "the controller has not seen the change yet" end
  local progress = condition(o, "Progressing")
  if number(s.updatedReplicas) < wanted then return false, ("%d of %d pods made"):format(number(s.updatedReplicas), wanted), progress end
  if number(s.replicas) > number(s.updatedReplicas) then
    return false, ("%d old pods still there"):format(s.replicas - s.updatedReplicas), progress
  end
  if number(s.availableReplicas) < wanted then
    return false, ("%d of %d pods ready"):format(number(s.availableReplicas), wanted), progress
  end
  return true
end

function checks.StatefulSet(o)
  local s, wanted = o.status or {}, o.spec.replicas or 1
  if not observed(o) then return false, "the controller has not seen the change yet" end
  if number(s.readyReplicas) < wanted then return false, ("%d of %d pods ready"):format(number(s.readyReplicas), wanted) end
  if s.updateRevision and s.currentRevision ~= s.updateRevision and number(s.updatedReplicas) < wanted then
    return false, ("%d of %d pods updated"):format(number(s.updatedReplicas), wanted)
  end
  return true
end

function checks.DaemonSet(o)
  local s = o.status or {}
  local wanted = number(s.desiredNumberScheduled)
  if not observed(o) then return false, "the controller has not seen the change yet" end
  if number(s.updatedNumberScheduled) < wanted or number(s.numberAvailable) < wanted then
    return false, ("%d of %d pods ready"):format(number(s.numberAvailable), wanted)
  end
  return true
end

function checks.Job(o)
  local failed = condition(o, "Failed")
  if failed and failed.status == "True" then return false, "failed: " .. (failed.message or failed.reason or "") end
  local done = condition(o, "Complete")
  return done ~= nil and done.status == "True", "it has not ended yet"
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

function checks.Service(o)
  if o.spec.type ~= "LoadBalancer" then return true end
  return has_address(o)
end

--- Whether an object is ready; of kinds that have no rule of their own: whether its Ready or Available condition says so.
---@param object table
---@return boolean ready
---@return string? waiting what for
function M.check(object)
  if checks[object.kind] then return checks[object.kind](object) end
  local c = condition(object, "Ready") or condition(object, "Available")
  if c then return c.status == "True", c.message or c.reason or "its condition is " .. c.status end
  -- A custom resource whose controller has not come to it yet has no status at all.
  return object.status == nil or next(object.status) ~= nil or not object.apiVersion:find(".", 1, true), "has no status yet"
end

-- ---- pods ----

--- Why a pod is not ready, as far as it says.
---@param pod table
---@return string?
function M.pod_trouble(pod)
  local s = pod.status or {}
  for _, list in ipairs{ s.initContainerStatuses or {}, s.containerStatuses or {} } do
    for _, c in ipairs(list) do
      local state = c.state or {}
      local why = state.waiting or (state.terminated and state.terminated.reason ~= "Completed" and state.terminated)
      if why and why.reason and why.reason ~= "ContainerCreating" and why.reason ~= "PodInitializing" then
        local restarts = number(c.restartCount) > 0 and (" (%d restarts)"):format(c.restartCount) or ""
        return why.reason .. restarts .. (why.message and ": " .. why.message or "")
      end
    end
  end
  local scheduled = condition(pod, "PodScheduled")
  if scheduled and scheduled.status == "False" then return "not scheduled: " .. (scheduled.message or scheduled.reason or "") end
  if s.phase == "Failed" then return "failed: " .. (s.message or s.reason or "") end
end

local function selector_of(object)
  local labels = object.spec and object.spec.selector and object.spec.selector.matchLabels
  if not labels then return nil end
  local parts = {}
  for name, value in pairs(labels) do parts[#parts + 1] = name .. "=" .. value end
  table.sort(parts)
  return table.concat(parts, ",")
end

-- The object's pods that are not ready, those in trouble first.
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

-- ---- why it failed ----

local function first_line(text)
  return (tostring(text):match("^%s*([^\n]*)"))
end

local function add_events(lines, client, kind, name, namespace)
  local events = client:events(kind, name, namespace)
  for i = math.max(1, #events - EVENTS_SHOWN + 1), #events do
    local e = events[i]
    local times = e.count > 1 and (" (%d times)"):format(e.count) or ""
    lines[#lines + 1] = ("  event  %s %s/%s: %s%s"):format(e.reason or e.type, kind:lower(), name, first_line(e.message), times)
  end
end

local function add_log(lines, client, pod)
  local name, namespace = pod.metadata.name, pod.metadata.namespace
  local restarted = false
  for _, c in ipairs(pod.status and pod.status.containerStatuses or {}) do restarted = restarted or number(c.restartCount) > 0 end
  local ok, text = pcall(client.logs, client, name, { tail = LOG_LINES, previous = restarted, namespace = namespace })
  if restarted and not (ok and text ~= "") then
    ok, text = pcall(client.logs, client, name, { tail = LOG_LINES, namespace = namespace })
  end
  if not ok and errors.is(text) and text.kind == "cancelled" then error(text, 0) end
  for line in (ok and text or ""):gmatch("[^\n]+") do lines[#lines + 1] = "  log    " .. line end
end

--- What can be said about an object that is not ready: its pods' trouble, the last events, the last lines of a pod's log.
---@param client table
---@param object table
---@return string[] lines
function M.explain(client, object)
  local lines, namespace = {}, object.metadata.namespace
  local pods = unready_pods(client, object)
  for i, pod in ipairs(pods) do
    if i <= 3 then lines[#lines + 1] = ("  pod    %s: %s"):format(pod.metadata.name, first_line(M.pod_trouble(pod) or "not ready")) end
  end
  if #pods > 3 then lines[#lines + 1] = ("  pod    and %d more"):format(#pods - 3) end
  add_events(lines, client, object.kind, object.metadata.name, namespace)
  if pods[1] and object.kind ~= "Pod" then add_events(lines, client, "Pod", pods[1].metadata.name, namespace) end
  if pods[1] then add_log(lines, client, pods[1]) end
  return lines
end

-- ---- waiting ----

local function give_up(client, what, object, waiting, seconds)
  local lines = {}
  if object then
    local ok, found = pcall(M.explain, client, object)
    if not ok and errors.is(found) and found.kind == "cancelled" then error(found, 0) end
    lines = ok and found or { "  (nothing more can be said: " .. tostring(found) .. ")" }
  end
  errors.raise{
    kind = "failed", module = "k8s", op = "wait_ready", code = "not_ready", details = lines,
    message = ("%s is not ready after %g s: %s"):format(what, seconds, waiting),
  }
end

-- A trouble that the pods tell, else what the object itself waits for.
local function describe(client, object, waiting)
  local ok, pods = pcall(unready_pods, client, object)
  if not ok and errors.is(pods) and pods.kind == "cancelled" then error(pods, 0) end
  local trouble = ok and pods[1] and M.pod_trouble(pods[1])
  return trouble and waiting .. "; " .. first_line(trouble) or waiting
end

-- One look -> the object, whether it is ready, what it waits for. A passing fault of the server is one more thing to wait for.
local function look(client, kind, name, namespace)
  local ok, object = pcall(client.get, client, kind, name, namespace)
  if not ok then
    if not retry.may(object, true) then error(object, 0) end
    local what = kind .. " " .. name .. ": "
    local message = tostring(object)
    return nil, false, message:sub(1, #what) == what and message:sub(#what + 1) or message
  end
  if not object then return nil, false, "it does not exist" end
  return object, M.check(object)
end

--- Waits until an object is ready. When it does not get there in time, the error's `details` tell why, line by line.
---@param client table
---@param kind string
---@param name string
---@param o { seconds: number, namespace: string?, progress: fun(text: string)? }
---@return table object
function M.wait(client, kind, name, o)
  local what, pause = kind .. " " .. name, FIRST_PAUSE
  local deadline, said, next_look = task.now() + o.seconds, nil, task.now() + 2
  while true do
    local object, ready, waiting = look(client, kind, name, o.namespace)
    if ready then return object end
    if object and task.now() >= next_look then
      waiting, next_look = describe(client, object, waiting), task.now() + 3
    end
    local hopeless = kind == "Job" and waiting:match("^failed")
    if hopeless or task.now() >= deadline then give_up(client, what, object, waiting, o.seconds) end
    if o.progress and waiting ~= said then o.progress(what .. ": " .. waiting) end
    said = waiting
    task.sleep(math.min(pause, math.max(deadline - task.now(), 0)))
    pause = math.min(pause * 1.5, LONGEST_PAUSE)
  end
end

return M
