--- Workloads and their pods: scale, restart, logs, events. Methods of the client (o2x.k8s).

local check = require("o2x.client.k8s.status").check

local Client = {}

--- Sets the number of replicas.
---@param kind string
---@param name string
---@param replicas integer
---@param namespace string?
---@param version string? resourceVersion that the workload must still have
function Client:scale(kind, name, replicas, namespace, version)
  local patch = { spec = { replicas = replicas }, metadata = version and { resourceVersion = version } or nil }
  self:patch(kind, name, patch, { subresource = "scale", namespace = namespace })
end

--- Restarts a workload's pods one after the other, as kubectl rollout restart does.
---@param kind string
---@param name string
---@param stamp string when, in ISO 8601: the same stamp restarts only once
---@param namespace string?
function Client:restart(kind, name, stamp, namespace)
  local annotations = { ["kubectl.kubernetes.io/restartedAt"] = stamp }
  self:patch(
    kind,
    name,
    { spec = { template = { metadata = { annotations = annotations } } } },
    { type = "strategic", namespace = namespace }
  )
end

--- Pod names are generated, so under grants a pod must have been listed first.
---@param name string
---@param namespace string? the run's own if absent
function Client:admit_pod(name, namespace)
  local resource = self:resource("Pod")
  if not self.grants:allows(resource, namespace or self.namespace, name) then
    self:list("Pod", { namespace = namespace })
  end
end

local LONGEST_LOG <const> = 4 << 20 -- bytes; a pod may have written gigabytes, and a line has no longest length

--- The last lines of a pod's log, at most 4 MiB of them.
---@param pod string
---@param o { tail: integer?, previous: boolean?, container: string?, namespace: string? }?
---@return string
function Client:logs(pod, o)
  o = o or {}
  self:admit_pod(pod, o.namespace)
  local _, path, what = self:place("Pod", pod, o.namespace, true)
  local response = self:send("GET", path .. "/log", {
    accept = "*/*",
    query = { tailLines = o.tail, previous = o.previous and "true" or nil, container = o.container },
    last = LONGEST_LOG,
  })
  local text = check("log of " .. what, response, "logs").body
  if #text < LONGEST_LOG then return text end
  return (text:gsub("^[^\n]*\n", "", 1)) -- the line that was cut
end

-- Some reporters set lastTimestamp and count, others eventTime and a series; unset fields are null. Not all report
-- fractions of a second, so the server's order breaks ties.
local function event_time(event)
  for _, field in ipairs { "lastTimestamp", "eventTime", "firstTimestamp" } do
    local seconds = tostring(event[field]):match("^%d+%-%d+%-%d+T%d+:%d+:%d+")
    if seconds then return seconds .. "Z" end
  end
  return event.metadata.creationTimestamp or ""
end

local function event_count(event)
  local series = type(event.series) == "table" and event.series.count
  return math.type(event.count) == "integer" and event.count or math.type(series) == "integer" and series or 1
end

--- The events about an object, oldest first.
---@param kind string
---@param name string
---@param namespace string?
---@return { type: string, reason: string, message: string, count: integer, time: string }[]
function Client:events(kind, name, namespace)
  if kind:lower():match("^pods?$") then self:admit_pod(name, namespace) end
  local resource = self:place(kind, name, namespace, true)
  local found = {}
  local asked = { fields = ("involvedObject.name=%s,involvedObject.kind=%s"):format(name, resource.kind) }
  self:pages(self:resource("Event"), namespace or self.namespace, asked, function(list)
    for _, event in ipairs(list.items or {}) do
      found[#found + 1] = {
        type = event.type,
        reason = event.reason,
        message = event.message,
        count = event_count(event),
        time = event_time(event),
        version = tonumber(event.metadata.resourceVersion) or 0,
      }
    end
  end)
  table.sort(found, function(a, b)
    if a.time ~= b.time then return a.time < b.time end
    return a.version < b.version
  end)
  return found
end

return Client
