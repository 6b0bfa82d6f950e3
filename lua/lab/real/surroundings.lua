--- What stands around a real cluster and is no part of Kubernetes: the cloud's load balancers, the storage driver, the
--- ingress controller's addresses, cert-manager. One task looks at what is there, and does what they would do.

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local network = require "lab.k8s.controllers.network"
local task = require "o2x.base.task"
local value = require "lab.k8s.value"

local M = {}

local POLL <const> = 0.5 -- seconds
local LIFETIME <const> = 90 * 86400 -- seconds of a certificate
local CONTROLLER <const> = { namespace = "ingress-nginx", name = "ingress-nginx-controller" }
local CERTIFICATE <const> = { "cert-manager.io/v1", "Certificate" }

local function addresses(object) return value.get(object, "status", "loadBalancer", "ingress") end

-- ---- load balancers ----

local function balance(cluster, service)
  if service.spec.type ~= "LoadBalancer" or addresses(service) then return end
  cluster:set_status(
    { apiVersion = "v1", kind = "Service", metadata = service.metadata },
    { loadBalancer = { ingress = { { hostname = network.load_balancer_name(service) } } } },
    "cloud-controller-manager"
  )
end

-- ---- the ingress controller ----

local function give_address(cluster, ingress, at)
  if ingress.spec.ingressClassName ~= "nginx" or not at or value.equal(addresses(ingress), at) then return end
  cluster:set_status(
    { apiVersion = "networking.k8s.io/v1", kind = "Ingress", metadata = ingress.metadata },
    { loadBalancer = { ingress = at } },
    "nginx-ingress-controller"
  )
end

-- ---- the storage driver ----

local function provision(cluster, claim, classes)
  local class = classes[claim.spec.storageClassName or ""]
  if not class or claim.spec.volumeName or value.get(claim, "metadata", "deletionTimestamp") then return end
  local name = "pvc-" .. claim.metadata.uid
  cluster:apply {
    {
      apiVersion = "v1",
      kind = "PersistentVolume",
      metadata = { name = name, annotations = { ["pv.kubernetes.io/provisioned-by"] = class.provisioner } },
      spec = {
        capacity = { storage = claim.spec.resources.requests.storage },
        accessModes = claim.spec.accessModes,
        persistentVolumeReclaimPolicy = class.reclaimPolicy,
        storageClassName = class.metadata.name,
        csi = { driver = class.provisioner, volumeHandle = "vol-" .. name:sub(-12) },
        claimRef = {
          apiVersion = "v1",
          kind = "PersistentVolumeClaim",
          namespace = claim.metadata.namespace,
          name = claim.metadata.name,
          uid = claim.metadata.uid,
        },
      },
    },
  }
end

local function remove_released(cluster, volume)
  if value.get(volume, "status", "phase") ~= "Released" then return end
  if volume.spec.persistentVolumeReclaimPolicy ~= "Delete" then return end
  cluster:delete { apiVersion = "v1", kind = "PersistentVolume", metadata = volume.metadata }
end

-- ---- cert-manager ----

local function owner(api_version, kind, object)
  local meta = object.metadata
  return {
    { apiVersion = api_version, kind = kind, name = meta.name, uid = meta.uid, controller = true },
  }
end

local function want_certificates(cluster, ingress, certificates)
  local issuer = value.get(ingress, "metadata", "annotations", "cert-manager.io/cluster-issuer")
  for _, tls in ipairs(issuer and ingress.spec.tls or {}) do
    local meta = ingress.metadata
    if tls.secretName and not certificates[meta.namespace .. "/" .. tls.secretName] then
      cluster:apply {
        {
          apiVersion = CERTIFICATE[1],
          kind = CERTIFICATE[2],
          metadata = {
            name = tls.secretName,
            namespace = meta.namespace,
            labels = meta.labels,
            ownerReferences = owner("networking.k8s.io/v1", "Ingress", ingress),
          },
          spec = {
            secretName = tls.secretName,
            dnsNames = tls.hosts,
            issuerRef = { name = issuer, kind = "ClusterIssuer", group = "cert-manager.io" },
            usages = { "digital signature", "key encipherment" },
          },
        },
      }
    end
  end
end

local function is_current(certificate)
  local ready = (value.get(certificate, "status", "conditions") or {})[1] or {}
  return ready.status == "True" and ready.observedGeneration == certificate.metadata.generation
end

local function issue(lab, cluster, certificate)
  if is_current(certificate) then return end
  local meta, now = certificate.metadata, lab.clock()
  local names = certificate.spec.dnsNames or { meta.name }
  local pair = lab.certificate(("k8s-%s-%s"):format(meta.namespace, meta.name), names)
  cluster:apply {
    {
      apiVersion = "v1",
      kind = "Secret",
      type = "kubernetes.io/tls",
      metadata = {
        name = certificate.spec.secretName,
        namespace = meta.namespace,
        annotations = { ["cert-manager.io/certificate-name"] = meta.name },
        ownerReferences = owner(CERTIFICATE[1], CERTIFICATE[2], certificate),
      },
      data = { ["tls.crt"] = crypto.base64(pair.cert), ["tls.key"] = crypto.base64(pair.key) },
    },
  }
  cluster:set_status({ apiVersion = CERTIFICATE[1], kind = CERTIFICATE[2], metadata = meta }, {
    revision = 1,
    notBefore = value.time(now),
    notAfter = value.time(now + LIFETIME),
    renewalTime = value.time(now + LIFETIME * 2 // 3),
    conditions = {
      {
        type = "Ready",
        status = "True",
        reason = "Ready",
        message = "Certificate is up to date and has not expired",
        lastTransitionTime = value.time(now),
        observedGeneration = meta.generation,
      },
    },
  }, "cert-manager-certificates-issuing")
end

-- ---- the round ----

local function by_name(list)
  local found = {}
  for _, object in ipairs(list) do
    local meta = object.metadata
    found[(meta.namespace and meta.namespace .. "/" or "") .. meta.name] = object
  end
  return found
end

local function look(lab, cluster)
  local services = cluster:list("v1", "Service")
  for _, service in ipairs(services) do
    balance(cluster, service)
  end
  local at = addresses(by_name(services)[CONTROLLER.namespace .. "/" .. CONTROLLER.name] or {})
  local certificates = cluster:list(table.unpack(CERTIFICATE))
  local known = by_name(certificates)
  for _, ingress in ipairs(cluster:list("networking.k8s.io/v1", "Ingress")) do
    give_address(cluster, ingress, at)
    want_certificates(cluster, ingress, known)
  end
  for _, certificate in ipairs(certificates) do
    issue(lab, cluster, certificate)
  end
  local classes = by_name(cluster:list("storage.k8s.io/v1", "StorageClass"))
  for _, claim in ipairs(cluster:list("v1", "PersistentVolumeClaim")) do
    provision(cluster, claim, classes)
  end
  for _, volume in ipairs(cluster:list("v1", "PersistentVolume")) do
    remove_released(cluster, volume)
  end
end

--- Starts the task. A round that fails, as while the API server is down, is logged and followed by the next.
---@param lab table
---@param cluster lab.real.Cluster
---@return table handle of task.spawn
function M.start(lab, cluster)
  return task.spawn(function()
    local last
    while true do
      local ok, problem = xpcall(look, errors.handler, lab, cluster)
      if problem == errors.cancelled then error(problem, 0) end
      if not ok and tostring(problem) ~= last then
        last = tostring(problem)
        lab.log("surroundings: " .. last)
      end
      task.sleep(POLL)
    end
  end)
end

return M
