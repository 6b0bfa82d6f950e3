--- Events of controllers. A repeated event only increments a count.
local M = {}

local MAX_EVENTS = 1000

local function forget_oldest(store)
  local all = store:list("/events")
  if #all < MAX_EVENTS then return end
  table.sort(all, function(a, b) return (a.lastTimestamp or "") < (b.lastTimestamp or "") end)
  for i = 1, #all // 4 do
    store:remove("/events", all[i])
  end
end

local function reference(object)
  local meta = object.metadata
  return {
    kind = object.kind,
    apiVersion = object.apiVersion,
    name = meta.name,
    namespace = meta.namespace,
    uid = meta.uid,
    resourceVersion = meta.resourceVersion,
  }
end

--- Records an event, or increments the count of the same one.
---@param store lab.k8s.Store
---@param object table what the event is about
---@param component string such as "kubelet"
---@param kind "Normal"|"Warning"
---@param reason string
---@param message string
---@param field_path string?
function M.record(store, object, component, kind, reason, message, field_path)
  local now = store:time()
  local namespace = object.metadata.namespace or "default"
  local id = table.concat({ object.metadata.uid or "", reason, message }, "\0")
  store.event_names = store.event_names or {}
  local old = store.event_names[id] and store:get("/events", namespace, store.event_names[id])
  if old then
    local again = {}
    for k, v in pairs(old) do
      again[k] = v
    end
    again.metadata = {}
    for k, v in pairs(old.metadata) do
      again.metadata[k] = v
    end
    again.count, again.lastTimestamp = old.count + 1, now
    store:put("/events", again)
    return
  end
  store.event_count = (store.event_count or #store:list("/events")) + 1
  if store.event_count % (MAX_EVENTS // 4) == 0 then forget_oldest(store) end
  local name = ("%s.%x%08x"):format(object.metadata.name, math.floor(store.clock()), math.random(0, 0xffffffff))
  store.event_names[id] = name
  local about = reference(object)
  about.fieldPath = field_path
  store:put("/events", {
    apiVersion = "v1",
    kind = "Event",
    involvedObject = about,
    reason = reason,
    message = message,
    type = kind,
    count = 1,
    firstTimestamp = now,
    lastTimestamp = now,
    source = { component = component },
    reportingComponent = component,
    reportingInstance = "",
    metadata = { name = name, namespace = namespace, uid = store:uid(), creationTimestamp = now },
  })
end

return M
