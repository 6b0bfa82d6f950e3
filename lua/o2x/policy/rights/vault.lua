--- What Vault does not let the token do at the tenant's paths. One request asks for all of them.

local M = {}

local NEEDS <const> = { "create", "read", "update" }

local function lacking(list, needs)
  local has = {}
  for _, word in ipairs(type(list) == "table" and list or {}) do
    has[word] = true
  end
  local missing = {}
  for _, word in ipairs(needs) do
    if not has[word] and not has.root then missing[#missing + 1] = word end
  end
  return missing
end

--- What is missing.
---@param this { client: function, grants: table, tenant: table, config: table }
---@param needs string[]? capabilities
---@return { text: string, mend: string }[]
---@return integer? status Vault does not tell
function M.missing(this, needs)
  local client, paths, list = this.client "vault", {}, {}
  for i, prefix in ipairs(this.grants.vault) do
    paths[i] = ("%s/data/%so2x-doctor"):format(this.config.vault.mount, prefix)
  end
  local request = { method = "POST", reads = true, path = "sys/capabilities-self", json = { paths = paths } }
  local answer = client:send(request, client.auth:token())
  if answer.status ~= 200 then return list, answer.status end
  local name = this.tenant.name
  local mend = ("o2x policy %s --system=vault | vault policy write o2x-%s -, and give the token that policy"):format(
    name,
    name
  )
  for _, path in ipairs(paths) do
    local missing = lacking((answer.body.data or answer.body)[path], needs or NEEDS)
    if #missing > 0 then
      local text = ("the token may not %s %s*"):format(table.concat(missing, ", "), (path:gsub("o2x%-doctor$", "")))
      list[#list + 1] = { text = text, mend = mend }
    end
  end
  return list
end

return M
