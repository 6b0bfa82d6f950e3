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

-- Vault's path → the capabilities that are needed there. "metadata:delete" is one of the versions' own path.
local function asked(this, needs)
  local wanted, order = {}, {}
  for _, prefix in ipairs(this.grants.vault) do
    for _, word in ipairs(needs) do
      local part, capability = word:match "^(.-):?([^:]+)$"
      local path = ("%s/%s/%so2x-doctor"):format(this.config.vault.mount, part ~= "" and part or "data", prefix)
      if not wanted[path] then
        wanted[path], order[#order + 1] = {}, path
      end
      table.insert(wanted[path], capability)
    end
  end
  return wanted, order
end

--- What is missing.
---@param this { client: function, grants: table, tenant: table, config: table }
---@param needs string[]? capabilities
---@return { text: string, mend: string }[]
---@return integer? status Vault does not tell
function M.missing(this, needs)
  local client, list = this.client "vault", {}
  local wanted, paths = asked(this, needs or NEEDS)
  local request = { method = "POST", reads = true, path = "sys/capabilities-self", json = { paths = paths } }
  local answer = client:send(request, client.auth:token())
  if answer.status ~= 200 then return list, answer.status end
  local name = this.tenant.name
  local mend = ("o2x policy %s --system=vault | vault policy write o2x-%s -, and give the token that policy"):format(
    name,
    name
  )
  for _, path in ipairs(paths) do
    local missing = lacking((answer.body.data or answer.body)[path], wanted[path])
    if #missing > 0 then
      local text = ("the token may not %s %s*"):format(table.concat(missing, ", "), (path:gsub("o2x%-doctor$", "")))
      list[#list + 1] = { text = text, mend = mend }
    end
  end
  return list
end

return M
