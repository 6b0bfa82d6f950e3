--- What the lab's services read in the tenant's part of Vault, as the real ones do.

local M = {}

--- The fields of a secret: false when there is none, nil when the lab has no Vault at all.
---@param lab table
---@param tenant string
---@param path string below the tenant's own
---@return table|false|nil
function M.read(lab, tenant, path)
  local mount = (lab.state("vault").mounts or {})["secret/"]
  if not mount then return nil end
  local secret = mount.store.secrets[("tenant/%s/%s"):format(tenant, path)]
  local version = secret and secret.versions[tostring(secret.current_version)]
  return version and version.deletion_time == "" and not version.destroyed and version.data or false
end

return M
