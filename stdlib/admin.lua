--- The tenant's first user (guide: step 7.1). Its password is generated and stored in Vault, nowhere else.

local crypto = require "o2x.crypto"
local naming = require "stdlib.naming"
local pg = require "o2x.pg"
local remedy = require "stdlib.remedy"
local secret = require "o2x.secret"
local service = require "o2x.service"
local vault = require "o2x.vault"

local M = {}

--- Where the credentials are, below the tenant's path in Vault.
M.SECRET = "admin"

local UNKNOWN = "%s is a user already, and Vault does not have the password"

--- The administrator's password.
---@return userdata? secret nil if Vault does not have it
function M.password()
  local kept = vault.read(M.SECRET)
  return kept and kept.password
end

--- Ensures the administrator: first the password in Vault, then the user with its bcrypt hash. An existing user keeps
--- its password, because people may have changed it. Where Vault does not have it, nothing is written to Vault: a
--- password there that does not work would be worse than none.
---@param tenant table
---@param params { admin: "keep"|"reset"? }? reset: give an existing user the password that Vault has, or a new one
function M.create(tenant, params)
  local admin = tenant.admin
  local row = pg.tenant:one("select userid from core_config.users where userid = $1", admin.email)
  local renew = params and params.admin == "reset"
  -- A checklist that is printed while the database does not answer cannot tell: it has the commands for a new user.
  local is_there = row and type(row.userid) == "string"
  local fields
  if is_there and not renew and not M.password() then
    log(UNKNOWN:format(admin.email) .. "; a new one: " .. remedy.reset_admin(tenant), { last = true })
  else
    fields = vault.ensure(M.SECRET, { username = admin.email }, { generate = { password = 24 } })
  end
  local values = {
    email = admin.email,
    firstname = admin.firstname,
    lastname = admin.lastname,
    type = "INTERNAL",
    status = "ACTIVE",
    category = "SYSTEM_ADMIN",
    roleid = "ADMIN_ROLE_ID",
  }
  -- Whether a hash is that of Vault's password is not looked at: what is read is in the journal. A reset writes anew.
  local is_known = secret.is(fields and fields.password) or not row
  if not is_there and is_known or renew then values.password = crypto.bcrypt(fields.password) end
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
    refused = ("Vault's password for %s is not the user's; a new one: %s"):format(
      tenant.admin.email,
      remedy.reset_admin(tenant)
    ),
    json = function()
      local password = M.password()
        or fail(
          ("Vault has no secret '%s' for %s, so the administrator's password is unknown"):format(M.SECRET, tenant.name),
          "a new one: " .. remedy.reset_admin(tenant)
        )
      return { username = tenant.admin.email, password = password }
    end,
  }
end

return M
