--- Gives services their endpoints and load balancers, and ingresses their addresses.
local conditions = require "lab.k8s.conditions"
local manager = require "lab.k8s.controller_manager"
local crypto = require "o2x.base.crypto"
local events = require "lab.k8s.events"
local selector = require "lab.k8s.selector"
local value = require "lab.k8s.value"

local M = {}

local function target_port(pod, port)
  if type(port.targetPort) == "number" then return port.targetPort end
  for _, c in ipairs(pod.spec.containers) do
    for _, p in ipairs(c.ports or {}) do
      if p.name == port.targetPort then return p.containerPort end
    end
  end
  return port.port
end

local function address_of(pod)
  return {
    ip = pod.status.podIP,
    nodeName = pod.spec.nodeName,
    targetRef = {
      kind = "Pod",
      name = pod.metadata.name,
      namespace = pod.metadata.namespace,
      uid = pod.metadata.uid,
    },
  }
end

local function pods_of(ctl, service)
  local requirements, pods = selector.from_object(service.spec.selector), {}
  for _, pod in ipairs(ctl.store:list("/pods", service.metadata.namespace, requirements)) do
    if
      value.get(pod, "status", "podIP")
      and value.get(pod, "status", "phase") == "Running"
      and selector.matches(requirements, pod.metadata.labels)
    then
      table.insert(pods, pod)
    end
  end
  return pods
end

local function put(ctl, store, fresh)
  local old = ctl.store:get(store, fresh.metadata.namespace, fresh.metadata.name)
  if not old then return ctl:make(store, fresh) end
  ctl:change(store, old, function(copy)
    copy.subsets, copy.endpoints, copy.ports = fresh.subsets, fresh.endpoints, fresh.ports
  end)
end

local function subsets_of(service, pods)
  local subset = { ports = value.array {}, addresses = value.array {}, notReadyAddresses = value.array {} }
  for _, pod in ipairs(pods) do
    table.insert(conditions.is_ready(pod) and subset.addresses or subset.notReadyAddresses, address_of(pod))
  end
  for _, port in ipairs(service.spec.ports or {}) do
    table.insert(subset.ports, { name = port.name, port = target_port(pods[1], port), protocol = port.protocol })
  end
  for _, name in ipairs { "addresses", "notReadyAddresses" } do
    if #subset[name] == 0 then subset[name] = nil end
  end
  return value.array { subset }
end

local function slice_of(service, pods)
  local list, ports = value.array {}, value.array {}
  for _, pod in ipairs(pods) do
    local ready = conditions.is_ready(pod)
    table.insert(list, {
      addresses = value.array { pod.status.podIP },
      nodeName = pod.spec.nodeName,
      conditions = { ready = ready, serving = ready, terminating = false },
      targetRef = address_of(pod).targetRef,
    })
  end
  for _, port in ipairs(pods[1] and service.spec.ports or {}) do
    table.insert(ports, { name = port.name or "", port = target_port(pods[1], port), protocol = port.protocol })
  end
  return list, ports
end

local function endpoints(ctl, service)
  local meta, pods = service.metadata, pods_of(ctl, service)
  put(ctl, "/endpoints", {
    apiVersion = "v1",
    kind = "Endpoints",
    subsets = #pods > 0 and subsets_of(service, pods) or nil,
    metadata = {
      name = meta.name,
      namespace = meta.namespace,
      labels = meta.labels,
      ownerReferences = manager.owned_by(service),
    },
  })
  local list, ports = slice_of(service, pods)
  put(ctl, "discovery.k8s.io/endpointslices", {
    apiVersion = "discovery.k8s.io/v1",
    kind = "EndpointSlice",
    addressType = "IPv4",
    endpoints = list,
    ports = ports,
    metadata = {
      name = meta.name .. "-" .. meta.uid:sub(1, 5),
      namespace = meta.namespace,
      generation = 1,
      labels = {
        ["kubernetes.io/service-name"] = meta.name,
        ["endpointslice.kubernetes.io/managed-by"] = "endpointslice-controller.k8s.io",
      },
      ownerReferences = manager.owned_by(service),
    },
  })
end

--- A load balancer's name as AWS gives it, always the same for a Service.
---@param service table
---@return string
function M.load_balancer_name(service)
  local hash = crypto.sha256(service.metadata.namespace .. "/" .. service.metadata.name)
  return ("a%s-%d.us-east-1.elb.amazonaws.com"):format(hash:sub(1, 31), tonumber(hash:sub(32, 39), 16))
end

local function reconcile_service(ctl, namespace, name)
  local service = ctl.store:get("/services", namespace, name)
  if not service or service.spec.type == "ExternalName" then return end
  if service.spec.selector then endpoints(ctl, service) end
  local balanced = service.spec.type == "LoadBalancer"
  if balanced and not value.get(service, "status", "loadBalancer", "ingress") then
    events.record(ctl.store, service, "service-controller", "Normal", "EnsuredLoadBalancer", "Ensured load balancer")
    ctl:set_status(
      "/services",
      service,
      { loadBalancer = { ingress = value.array {
        { hostname = M.load_balancer_name(service) },
      } } }
    )
  elseif not balanced then
    ctl:set_status("/services", service, { loadBalancer = {} })
  end
end

local function class_of(ingress)
  return value.get(ingress, "spec", "ingressClassName")
    or value.get(ingress, "metadata", "annotations", "kubernetes.io/ingress.class")
end

local function reconcile_ingress(ctl, namespace, name)
  local ingress = ctl.store:get("networking.k8s.io/ingresses", namespace, name)
  if not ingress or class_of(ingress) ~= "nginx" then return end
  local controller = ctl.store:get("/services", "ingress-nginx", "ingress-nginx-controller")
  local at = value.get(controller, "status", "loadBalancer", "ingress")
  if not at or value.equal(value.get(ingress, "status", "loadBalancer", "ingress"), at) then return end
  events.record(ctl.store, ingress, "nginx-ingress-controller", "Normal", "Sync", "Scheduled for sync")
  ctl:set_status("networking.k8s.io/ingresses", ingress, { loadBalancer = { ingress = value.copy(at) } })
end

local function services_of_pod(ctl, pod)
  for _, service in ipairs(ctl.store:list("/services", pod.metadata.namespace)) do
    local labels = service.spec.selector
    if labels and selector.matches(selector.from_object(labels), pod.metadata.labels) then
      ctl:enqueue("service", pod.metadata.namespace, service.metadata.name)
    end
  end
end

--- Registers the controllers of services, endpoints and ingresses.
---@param ctl lab.k8s.Controllers
function M.register(ctl)
  ctl:reconciler("service", "/services", reconcile_service)
  ctl:reconciler("ingress", "networking.k8s.io/ingresses", reconcile_ingress)
  ctl:on("/pods", function(_, pod) services_of_pod(ctl, pod) end)
  ctl:on("/services", function(_, service)
    if service.metadata.namespace ~= "ingress-nginx" then return end
    for _, ingress in ipairs(ctl.store:list("networking.k8s.io/ingresses")) do
      ctl:enqueue("ingress", ingress.metadata.namespace, ingress.metadata.name)
    end
  end)
end

return M
