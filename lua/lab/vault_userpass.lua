--- The auth method userpass of the Vault simulator: users with a password.

local crypto = require "o2x.base.crypto"
local json = require "o2x.base.json"
local response = require "lab.vault_response"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

local USERPASS <const> = { mount_type = "userpass" }

--- The token fields of a role or user, as they are read back: what was not given has Vault's default.
---@param given table
---@param as_list fun(value: any): string[]
---@return table
function M.token_fields(given, as_list)
  local function seconds(name) return response.seconds(given[name]) or 0 end
  return {
    token_bound_cidrs = json.array(as_list(given.token_bound_cidrs)),
    token_explicit_max_ttl = seconds "token_explicit_max_ttl",
    token_max_ttl = seconds "token_max_ttl",
    token_no_default_policy = given.token_no_default_policy == true,
    token_num_uses = math.tointeger(tonumber(given.token_num_uses or 0)),
    token_period = seconds "token_period",
    token_policies = json.array(as_list(given.token_policies or given.policies)),
    token_ttl = seconds "token_ttl",
    token_type = given.token_type or "default",
  }
end

local function save(method, name, body)
  local user = method.roles[name]
  if not user and (body.password or "") == "" then return response.fail(400, "missing password") end
  user = user or {}
  for key, value in pairs(body) do
    user[key] = value
  end
  if body.password then
    user.salt, user.password = crypto.hex(crypto.random(8)), nil
    user.digest = crypto.sha256(user.salt .. body.password)
  end
  method.roles[name] = user
  return response.empty()
end

local function read(user, as_list)
  local found = M.token_fields(user, as_list)
  if user.policies then found.policies = found.token_policies end
  return response.ok(found, USERPASS)
end

local function login(call, user, name, log_in)
  local right = user and crypto.sha256(user.salt .. tostring(call.body.password)) == user.digest
  return right and log_in(user, name) or response.fail(400, "invalid username or password")
end

--- Handles a request below auth/MOUNT/.
---@param method table
---@param call table
---@param rest string
---@param tools { as_list: function, log_in: fun(user: table, name: string): table }
---@return table response
function M.handle(method, call, rest, tools)
  local known = rest:match "^login/([^/]+)$"
  if known and call.op == "update" then return login(call, method.roles[known], known, tools.log_in) end
  if rest == "users" and call.op == "list" then
    local names = sorted_keys(method.roles)
    return names[1] and response.ok({ keys = json.array(names) }, USERPASS) or response.fail(404)
  end
  local name = rest:match "^users/([^/]+)$"
  if not name then return response.no_route(call.path) end
  if call.op == "update" then return save(method, name, call.body) end
  if call.op == "delete" then
    method.roles[name] = nil
    return response.empty()
  end
  local user = method.roles[name]
  return user and read(user, tools.as_list) or response.fail(404)
end

return M
