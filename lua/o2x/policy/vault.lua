--- A tenant's grants as a policy of Vault, in HCL.

local M = {}

--- The policy: the tenant's secrets, read and written; listed, for an audit; and for an undo, removed with all their
--- versions, if the undone run made them. Vault's own default policy, which every token has, lets it look itself up,
--- renew and revoke.
---@param identity string
---@param grants table
---@param config table
---@return string
function M.text(identity, grants, config)
  local mount = config.vault and config.vault.mount or "secret"
  local lines = { ("# %s: the secrets below these paths, and nothing else."):format(identity) }
  for _, path in ipairs(grants.vault or {}) do
    lines[#lines + 1] = ('path "%s/data/%s*" { capabilities = ["create", "read", "update"] }'):format(mount, path)
    lines[#lines + 1] = ('path "%s/metadata/%s*" { capabilities = ["list", "delete"] }'):format(mount, path)
  end
  return table.concat(lines, "\n")
end

return M
