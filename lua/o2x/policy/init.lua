--- The server-side halves of a tenant's grants: what each system must be told so that it enforces the same walls
--- itself, even against a program that is not o2x. Each system's text is for that system's own tool.

local M = {}

--- The systems in the order in which they are shown: the grants that each follows from, and how its text is applied.
M.SYSTEMS = {
  {
    name = "postgresql",
    from = { "pg" },
    apply = "psql -v ON_ERROR_STOP=1 -d postgres -f FILE, as a superuser or the server's master user",
  },
  { name = "vault", from = { "vault" }, apply = "vault policy write %s FILE" },
  { name = "kubernetes", from = { "k8s" }, apply = "kubectl apply -f FILE" },
  { name = "redis", from = { "redis" }, apply = "redis-cli; then ACL SETUSER %s >PASSWORD, and ACL SAVE" },
  { name = "aws", from = { "s3", "dns", "rds" }, apply = "aws iam put-role-policy --policy-document file://FILE" },
  { name = "broker", from = { "broker" }, apply = "the authorizationMap of activemq.xml" },
}

--- Do the grants say anything about a system?
---@param system table one of M.SYSTEMS
---@param grants table
---@return boolean
function M.concerns(system, grants)
  for _, name in ipairs(system.from) do
    if grants[name] then return true end
  end
  return false
end

--- The name of the identity that a run for a tenant uses in every system.
---@param tenant table
---@return string "o2x-urbanos"
function M.identity(tenant) return "o2x-" .. tenant.name end

--- The text for one system.
---@param system string one of M.SYSTEMS
---@param tenant table
---@param grants table of stdlib/platform.lua
---@param config table
---@return string
function M.text(system, tenant, grants, config)
  return require("o2x.policy." .. system).text(M.identity(tenant), grants, config, tenant)
end

return M
