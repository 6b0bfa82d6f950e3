--- The tenant's secrets in Vault, which the lab's services read as the real ones do.

local M = {}

--- The fields of a secret: false if it does not exist, nil if the lab has no Vault.
---@param lab table
---@param tenant string
---@param path string below secret/tenant/TENANT/
---@return table|false|nil
function M.read(lab, tenant, path)
  if lab.vault then return lab.vault.read(("tenant/%s/%s"):format(tenant, path)) or false end
  local mount = (lab.state("vault").mounts or {})["secret/"]
  if not mount then return nil end
  local secret = mount.store.secrets[("tenant/%s/%s"):format(tenant, path)]
  local version = secret and secret.versions[tostring(secret.current_version)]
  return version and version.deletion_time == "" and not version.destroyed and version.data or false
end

return M
