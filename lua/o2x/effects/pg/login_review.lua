--- Can the services log in? Their name and password are in a Secret of the cluster, which the platform names
--- (grants().pg.login). For an audit: a plan logs in nowhere.

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local pg = require "o2x.client.pg"
local secret = require "o2x.base.secret"
local shell = require "o2x.base.shell"
local support = require "o2x.effects.pg.support"

local M = {}

local REFUSED <const> = "28P01" -- the password is wrong

-- The password is read by the shell and handed to psql in its environment: nobody sees it in a list of processes.
local function command(login, user, admin)
  local jsonpath = ("jsonpath={.data.%s}"):format(login.password)
  local words = { "kubectl", "get", "secret", login.secret, "--namespace=" .. login.namespace, "-o", jsonpath }
  local sql = ("ALTER ROLE %s PASSWORD :'password'"):format(pg.quote(user, "role name"))
  return ('%s | PASSWORD="$(%s | base64 -d)" %s'):format(
    shell.command { "printf", "%s\\n", "\\getenv password PASSWORD", sql },
    shell.command(words),
    shell.command { "psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", admin }
  )
end

local function finding(ctx, login, user, lines, more)
  local title = ("role %s: its login with Secret %s/%s"):format(user, login.namespace, login.secret)
  local hint = ("or, if the role's password is the right one, put it into the Secret: kubectl edit secret %s"):format(
    shell.command { login.secret, "--namespace=" .. login.namespace }
  )
  local found = { way = "different", key = title, title = title, lines = lines, hint = hint }
  if more then found.mend = command(login, user, ctx.scope.pg.admin) end
  return found
end

local function try(ctx, user, password)
  local options = { user = user, password = password }
  local ok, db = pcall(support.connect, ctx, ctx.scope.pg.tenant, options)
  if ok then
    db:close()
  elseif not errors.is(db) or db.kind == "cancelled" then
    error(db, 0)
  elseif db.code == REFUSED then
    return tostring(db)
  end
end

--- Tries it. That there is no such Secret, or that the role may not log in, is said elsewhere.
---@param found o2x.reviewed[] gets what is wrong
---@param ctx o2x.context
---@param user string the role of the services
function M.check(found, ctx, user)
  local login = ctx.scope.pg.login
  if not login then return end
  local object = ctx:client("k8s"):get("Secret", login.secret, login.namespace)
  local data = object and object.data or {}
  local name, password = data[login.user], data[login.password]
  if not (secret.is(name) and secret.is(password)) then return end
  if not secret.equal(name, crypto.base64(user)) then -- decoded, it would be masked wherever it stands
    local line = ("~ %s: another name → %s"):format(login.user, user)
    found[#found + 1] = finding(ctx, login, user, { line })
    return
  end
  local why = try(ctx, user, password:unbase64())
  if why then found[#found + 1] = finding(ctx, login, user, { "- " .. why }, true) end
end

return M
