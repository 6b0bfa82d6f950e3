--- The tenant's first user (guide: step 7.1). Its password is generated and stored in Vault, nowhere else.

local crypto = require "o2x.crypto"
local naming = require "stdlib.naming"
local pg = require "o2x.pg"
local service = require "o2x.service"
local vault = require "o2x.vault"

local M = {}

--- Where the credentials are, below the tenant's path in Vault.
M.SECRET = "admin"

--- Ensures the administrator: first the password in Vault, then the user with its bcrypt hash. An existing user keeps
--- its password, because people may have changed it.
---@param tenant table
function M.create(tenant)
  local admin = tenant.admin
  local fields = vault.ensure(M.SECRET, { username = admin.email }, { generate = { password = 24 } })
  local values = {
    email = admin.email,
    firstname = admin.firstname,
    lastname = admin.lastname,
    type = "INTERNAL",
    status = "ACTIVE",
    category = "SYSTEM_ADMIN",
    roleid = "ADMIN_ROLE_ID",
  }
  if not pg.tenant:one("select 1 as found from core_config.users where userid = $1", admin.email) then
    values.password = crypto.bcrypt(fields.password)
  end
  pg.tenant:ensure_row("core_config.users", { userid = admin.email }, values)
end

--- A session of the administrator at the tenant's single sign-on. It logs in at its first use, and fails there if Vault
--- has no password.
---@param tenant table
---@return table session for o2x.service
function M.session(tenant)
  return service.session {
    service = naming.resource(tenant, "service-sso"),
    path = "/api/auth/login",
    token = "accessToken",
    json = function()
      local secret = vault.read(M.SECRET)
        or fail(
          ("Vault has no secret '%s' for %s, so the administrator's password is unknown"):format(M.SECRET, tenant.name)
        )
      return { username = tenant.admin.email, password = secret.password }
    end,
  }
end

return M
