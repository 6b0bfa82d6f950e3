--- The wire clients of a run, each made from the configuration at its first use, bound to what the tenant was granted.

local errors = require "o2x.base.error"

local M = {}

-- name → maker(config, scope, run, client); the names are those of ctx:client
---@type table<string, fun(config: table, scope: table, run: table, client: fun(name: string): table): table>
local makers = {}
--- The makers by name; tests put others in.
M.makers = makers

local function not_configured(what, variable)
  errors.input(
    ("%s is not configured"):format(what),
    ("set %s, or write it into o2x.yaml; o2x config explain shows what is set"):format(variable)
  )
end

--- A function that gives the run's client of a name, the same each time.
---@param config table
---@param scope table what stdlib/platform.lua grants; changes in place when the tenant gets its id
---@param run table
---@return fun(name: string): table client
---@return fun() close closes all that were made
function M.new(config, scope, run)
  local made, order = {}, {}
  local function client(name)
    if made[name] then return made[name] end
    local make = makers[name] or error("there is no client " .. tostring(name), 0)
    made[name] = make(config, scope, run, client)
    order[#order + 1] = made[name]
    return made[name]
  end
  local function close()
    for i = #order, 1, -1 do
      if type(order[i].close) == "function" then pcall(order[i].close, order[i]) end
    end
    made, order = {}, {}
  end
  return client, close
end

-- The tenant's database, and the one beside it that this very run restores into.
function makers.pg(config, scope, run)
  local o, grants = config.pg, {}
  for _, name in pairs(scope.pg or {}) do
    grants[#grants + 1] = name
  end
  if run.id and scope.pg.tenant then
    grants[#grants + 1] = require("o2x.effects.archive.names").restore(scope.pg.tenant, run.id)
  end
  return require("o2x.client.pg.pool").new({
    host = o.host,
    port = o.port,
    user = o.user,
    password = o.password,
    passfile = o.passfile,
    sslmode = o.sslmode,
    sslrootcert = o.sslrootcert,
    application_name = "o2x",
  }, grants)
end

function makers.vault(config, scope, run)
  local o = config.vault
  if not o.addr then not_configured("Vault", "VAULT_ADDR") end
  return require("o2x.client.vault").new {
    addr = o.addr,
    token = o.token,
    role_id = o.role_id,
    secret_id = o.secret_id,
    kubernetes_role = o.kubernetes_role,
    namespace = o.namespace,
    ca_file = o.cacert,
    mount = o.mount,
    scope = scope.vault,
    warn = function(text) run.ctx:log("warn", "Vault: " .. text) end,
  }
end

function makers.kubeconfig(config)
  return require("o2x.client.kubeconfig").load {
    path = config.kube.config,
    context = config.kube.context,
    exec_plugins = config.kube.exec_plugins,
  }
end

function makers.k8s(_, scope, _, client)
  return require("o2x.client.k8s").new { config = client("kubeconfig"), scope = scope.k8s }
end

-- What helm keeps on disk (a kubeconfig among it) goes when the run ends, by the client's close.
function makers.helm(config, scope, run, client)
  return require("o2x.client.helm").new {
    kubeconfig = client("kubeconfig"),
    folder = run.folder,
    scope = scope.helm,
    namespaces = scope.k8s and scope.k8s.namespaces,
    program = config.helm.command,
  }
end

local function aws(config)
  local o = config.aws
  if not o.access_key_id then not_configured("AWS access", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY") end
  return {
    access_key = o.access_key_id,
    secret_key = o.secret_access_key,
    session_token = o.session_token,
    endpoint = o.endpoint,
    region = o.region,
  }
end

function makers.route53(config) return require("o2x.client.aws.route53").new(aws(config)) end

function makers.rds(config) return require("o2x.client.aws.rds").new(aws(config)) end

function makers.s3(config) return require("o2x.client.aws.s3").new(aws(config)) end

function makers.broker(config, scope)
  local o = config.broker
  if not o.url then not_configured("the message broker", "O2X_BROKER_URL") end
  return require("o2x.client.broker").new {
    url = o.url,
    user = o.user,
    password = o.password,
    scope = function() return scope.broker or {} end,
  }
end

function makers.redis(config, scope)
  if not config.redis.url then not_configured("Redis", "REDIS_URL") end
  return require("o2x.client.redis").connect {
    url = config.redis.url,
    password = config.redis.password,
    ca_file = config.redis.ca,
    scope = function() return scope.redis or {} end,
  }
end

return M
