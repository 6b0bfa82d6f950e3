--- Binds volume claims to volumes of their class, and releases volumes that are no longer used.
local events = require "lab.k8s.events"
local value = require "lab.k8s.value"

local M = {}

local CLAIMS, VOLUMES = "/persistentvolumeclaims", "/persistentvolumes"
local DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"

local function class_of(ctl, claim)
  local name = claim.spec.storageClassName
  if name then return ctl.store:get("storage.k8s.io/storageclasses", nil, name), name end
  for _, class in ipairs(ctl.store:list("storage.k8s.io/storageclasses")) do
    if value.get(class, "metadata", "annotations", DEFAULT_CLASS) == "true" then return class, class.metadata.name end
  end
end

local function in_use(ctl, claim)
  for _, pod in ipairs(ctl.store:list("/pods", claim.metadata.namespace)) do
    for _, volume in ipairs(pod.spec.volumes or {}) do
      if value.get(volume, "persistentVolumeClaim", "claimName") == claim.metadata.name then return true end
    end
  end
  return false
end

local function release(ctl, claim)
  if in_use(ctl, claim) then return end
  local released = ctl:change(CLAIMS, claim, function(copy) copy.metadata.finalizers = nil end)
  ctl.store:remove(CLAIMS, released)
  local volume = ctl.store:get(VOLUMES, nil, claim.spec.volumeName or "")
  if not volume then return end
  if volume.spec.persistentVolumeReclaimPolicy == "Delete" then
    ctl.store:remove(VOLUMES, volume)
  else
    ctl:set_status(VOLUMES, volume, { phase = "Released" })
  end
end

local function make_volume(ctl, claim, class)
  local name = "pvc-" .. claim.metadata.uid
  return ctl:make(VOLUMES, {
    apiVersion = "v1",
    kind = "PersistentVolume",
    status = { phase = "Bound" },
    metadata = { name = name, annotations = { ["pv.kubernetes.io/provisioned-by"] = class.provisioner } },
    spec = {
      capacity = { storage = claim.spec.resources.requests.storage },
      accessModes = value.copy(claim.spec.accessModes),
      persistentVolumeReclaimPolicy = class.reclaimPolicy or "Delete",
      storageClassName = class.metadata.name,
      volumeMode = claim.spec.volumeMode,
      csi = { driver = class.provisioner, volumeHandle = "vol-" .. name:sub(-12) },
      claimRef = {
        kind = "PersistentVolumeClaim",
        apiVersion = "v1",
        namespace = claim.metadata.namespace,
        name = claim.metadata.name,
        uid = claim.metadata.uid,
      },
    },
  })
end

local function bind(ctl, claim)
  local class, class_name = class_of(ctl, claim)
  local component = "persistentvolume-controller"
  if not class then
    return events.record(
      ctl.store,
      claim,
      component,
      "Warning",
      "ProvisioningFailed",
      ("storageclass.storage.k8s.io %q not found"):format(class_name or "")
    )
  end
  local volume = make_volume(ctl, claim, class)
  events.record(
    ctl.store,
    claim,
    class.provisioner,
    "Normal",
    "ProvisioningSucceeded",
    "Successfully provisioned volume " .. volume.metadata.name
  )
  ctl:change(CLAIMS, claim, function(copy)
    copy.spec.volumeName, copy.spec.storageClassName = volume.metadata.name, class.metadata.name
    copy.metadata.annotations = value.merged(copy.metadata.annotations, {
      ["pv.kubernetes.io/bind-completed"] = "yes",
      ["pv.kubernetes.io/bound-by-controller"] = "yes",
      ["volume.kubernetes.io/storage-provisioner"] = class.provisioner,
    })
    copy.status = {
      phase = "Bound",
      accessModes = value.copy(claim.spec.accessModes),
      capacity = { storage = claim.spec.resources.requests.storage },
    }
  end)
end

local function grow(ctl, claim)
  local size = claim.spec.resources.requests.storage
  ctl:change(CLAIMS, claim, function(copy) copy.status.capacity = { storage = size } end)
  local volume = ctl.store:get(VOLUMES, nil, claim.spec.volumeName or "")
  if volume then ctl:change(VOLUMES, volume, function(copy) copy.spec.capacity = { storage = size } end) end
end

local function reconcile(ctl, namespace, name)
  local claim = ctl.store:get(CLAIMS, namespace, name)
  if not claim then return end
  if claim.metadata.deletionTimestamp then return release(ctl, claim) end
  if claim.status.phase == "Bound" then return grow(ctl, claim) end
  bind(ctl, claim)
end

--- Registers the controllers of volumes and volume claims.
---@param ctl lab.k8s.Controllers
function M.register(ctl)
  ctl:reconciler("claim", CLAIMS, reconcile)
  ctl:on("/pods", function(change, pod)
    if change.type ~= "DELETED" then return end
    for _, volume in ipairs(pod.spec.volumes or {}) do
      local name = value.get(volume, "persistentVolumeClaim", "claimName")
      if name then ctl:enqueue("claim", pod.metadata.namespace, name) end
    end
  end)
  ctl:on("storage.k8s.io/storageclasses", function()
    for _, claim in ipairs(ctl.store:list(CLAIMS)) do
      ctl:enqueue("claim", claim.metadata.namespace, claim.metadata.name)
    end
  end)
end

return M
