--- What the API server itself gives an object: a Service's addresses and ports, a Job's labels, finalizers.
local value = require "lab.k8s.value"

local M = {}

-- the generated labels by which a Job selects its pods
local function label_job(job)
  local template, name, uid = job.spec.template, job.metadata.name, job.metadata.uid
  job.spec.selector = job.spec.selector or { matchLabels = { ["batch.kubernetes.io/controller-uid"] = uid } }
  template.metadata.labels = value.merged({
    ["job-name"] = name,
    ["controller-uid"] = uid,
    ["batch.kubernetes.io/job-name"] = name,
    ["batch.kubernetes.io/controller-uid"] = uid,
  }, template.metadata.labels)
end

--- The next free address of a Service.
---@param state table of the store
---@return string
function M.service_address(state)
  state.addresses = (state.addresses or 9) + 1
  return ("10.96.%d.%d"):format(state.addresses // 250, state.addresses % 250 + 1)
end

-- What a Service has because of its type goes when it becomes an internal one, but for what the request changes.
local function drop_of_type(live, object)
  local old, new = live.spec, object.spec
  if old.type == new.type or new.type ~= "ClusterIP" then return end
  if value.equal(old.externalTrafficPolicy, new.externalTrafficPolicy) then new.externalTrafficPolicy = nil end
  if value.equal(old.allocateLoadBalancerNodePorts, new.allocateLoadBalancerNodePorts) then
    new.allocateLoadBalancerNodePorts = nil
  end
  for i, port in ipairs(new.ports or {}) do
    local before = (old.ports or {})[i]
    if before and before.nodePort == port.nodePort then port.nodePort = nil end
  end
end

--- Allocates addresses, ports, finalizers and labels. Nobody who writes an object manages what is allocated.
---@param store lab.k8s.Store
---@param kind lab.k8s.Kind
---@param object table in place
---@param live table? what it was
function M.fill(store, kind, object, live)
  local state = store.state
  if kind.store == "batch/jobs" then return label_job(object) end
  if kind.store == "/persistentvolumeclaims" then
    object.metadata.finalizers = object.metadata.finalizers or value.array { "kubernetes.io/pvc-protection" }
  elseif kind.store == "/namespaces" then
    object.spec = object.spec or {}
    object.spec.finalizers = object.spec.finalizers or value.array { "kubernetes" }
  elseif kind.store == "/services" and object.spec.type ~= "ExternalName" then
    local spec = object.spec
    if live then drop_of_type(live, object) end
    spec.clusterIP = spec.clusterIP or M.service_address(state)
    spec.clusterIPs = value.array { spec.clusterIP }
    spec.ipFamilies = spec.ipFamilies or value.array { "IPv4" }
    spec.ipFamilyPolicy = spec.ipFamilyPolicy or "SingleStack"
    for _, port in ipairs(spec.type ~= "ClusterIP" and spec.ports or {}) do
      if not port.nodePort then
        state.node_ports = (state.node_ports or 30000) + 1
        port.nodePort = state.node_ports
      end
    end
  end
end

--- Keeps allocated values that an update omits.
---@param kind lab.k8s.Kind
---@param live table
---@param object table the new one, in place
function M.keep(kind, live, object)
  if kind.store == "/services" and object.spec.type ~= "ExternalName" then
    for _, name in ipairs { "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy" } do
      if object.spec[name] == nil then object.spec[name] = value.copy(live.spec[name]) end
    end
    local ports = {}
    for _, port in ipairs(live.spec.ports or {}) do
      ports[port.port] = port.nodePort
    end
    for _, port in ipairs(object.spec.type ~= "ClusterIP" and object.spec.ports or {}) do
      port.nodePort = port.nodePort or ports[port.port]
    end
  elseif kind.store == "batch/jobs" then
    object.spec.selector = object.spec.selector or value.copy(live.spec.selector)
    local labels = value.merged(live.spec.template.metadata.labels, object.spec.template.metadata.labels)
    object.spec.template.metadata.labels = labels
  elseif kind.store == "/persistentvolumeclaims" then
    object.spec.volumeName = object.spec.volumeName or live.spec.volumeName
    object.metadata.finalizers = object.metadata.finalizers or live.metadata.finalizers
  end
end

return M
