--- What a tenant needs in the cluster before its services (guide: steps 5.1 and 5.2).

local k8s = require "o2x.k8s"

local M = {}

--- The labels of a tenant's objects. The guide selects by tenant= but never sets it.
---@param tenant table
---@param app string? name of the service's Deployment
---@return table<string, string>
function M.labels(tenant, app) return { tenant = tenant.name, app = app, ["app.kubernetes.io/managed-by"] = "o2x" } end

--- Was the tenant made by people, and never adopted? Its volume lasts as long as the tenant, and what o2x makes has its
--- label. The file of what was adopted keeps differences.
---@param tenant table
---@return boolean
function M.is_by_hand(tenant)
  if (tenant.kept or {})[1] then return false end
  local claim = k8s.get("PersistentVolumeClaim", tenant.data_pvc, tenant.namespace)
  return claim ~= nil and (claim.metadata.labels or {})["app.kubernetes.io/managed-by"] ~= "o2x"
end

--- Ensures the data volume claim.
---@param tenant table
function M.volume(tenant)
  local kubernetes = tenant.platform.kubernetes
  k8s.ensure {
    apiVersion = "v1",
    kind = "PersistentVolumeClaim",
    metadata = { name = tenant.data_pvc, namespace = tenant.namespace, labels = M.labels(tenant) },
    spec = {
      accessModes = { "ReadWriteMany" },
      storageClassName = kubernetes.storage_class,
      resources = { requests = { storage = kubernetes.storage } },
    },
  }
end

-- The secret is shared by all tenants of the namespace. A missing one is created from the secrets source; one with
-- other content is a conflict, because other tenants use it, unless platform.yaml says that this tenant's run rotates
-- it.
local function shared_secret(tenant, name, keys, values)
  local existing = k8s.get("Secret", name, tenant.namespace)
  if values then
    local rotate = tenant.platform.kubernetes.rotate or {}
    k8s.ensure_secret(name, values, { overwrite = rotate[name] == tenant.name })
  elseif not existing then
    fail(
      ("there is no secret %s in namespace %s"):format(name, tenant.namespace),
      ("add it to the secrets file, under shared.%s: %s"):format(name, table.concat(keys, ", "))
    )
  else
    for _, key in ipairs(keys) do
      if existing.data[key] == nil then fail(("secret %s has no key '%s'"):format(name, key)) end
    end
  end
end

--- Ensures the two secrets that the services of all tenants share. Overwrites one only if kubernetes.rotate of
--- platform.yaml names it for this tenant. Fails if one is missing, in the cluster and in the secrets source, or lacks
--- a key.
---@param tenant table
function M.shared_secrets(tenant)
  local kubernetes = tenant.platform.kubernetes
  local shared = tenant.secrets and tenant.secrets.shared or {}
  shared_secret(tenant, kubernetes.postgres_secret, { "username", "password" }, shared[kubernetes.postgres_secret])
  shared_secret(tenant, kubernetes.vault_secret, { "token" }, shared[kubernetes.vault_secret])
end

return M
