--- The wire clients of a run, each made from the configuration at its first use, bound to what the tenant was granted.

local errors = require "o2x.error"

local M = {}

local function not_configured(what, variable)
  errors.input(("%s is not configured"):format(what), ("set %s, or write it into o2x.yaml; o2x config explain shows what is set")
    :format(variable))
end

-- name → maker(config, scope, run); the names are those of ctx.client
local makers = {}

--- A function that gives the run's client of a name, the same each time.
---@param config table
---@param scope table what stdlib/platform.lua grants
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

function makers.pg(config, scope)
  local grants = {}
  for _, name in pairs(scope.pg or {}) do grants[#grants + 1] = name end
  return require("o2x.pg_pool").new({
    host = config.pg.host, port = config.pg.port, user = config.pg.user, password = config.pg.password,
    sslmode = config.pg.sslmode, sslrootcert = config.pg.sslrootcert, passfile = config.pg.passfile, application_name = "o2x",
  }, grants)
end

function makers.vault(config, scope)
  if not config.vault.addr then not_configured("Vault", "VAULT_ADDR") end
  return require("o2x.vault").new {
    addr = config.vault.addr, token = config.vault.token, namespace = config.vault.namespace, ca_file = config.vault.cacert,
    mount = config.vault.mount, scope = scope.vault,
  }
end

function makers.route53(config)
  local aws = config.aws
  if not aws.access_key_id then not_configured("AWS access", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY") end
  return require("o2x.route53").new {
    access_key = aws.access_key_id, secret_key = aws.secret_access_key, session_token = aws.session_token, endpoint = aws.endpoint,
  }
end

function makers.broker(config, scope)
  if not config.broker.url then not_configured("the message broker", "O2X_BROKER_URL") end
  return require("o2x.broker").new {
    url = config.broker.url, user = config.broker.user, password = config.broker.password,
    scope = function() return scope.broker or {} end, -- the tenant's id, and with it the grant, may come later in the run
  }
end

function makers.k8s(config, scope)
  local kubeconfig = require("o2x.kubeconfig").load {
    path = config.kube.config, context = config.kube.context, exec_plugins = config.kube.exec_plugins,
  }
  return require("o2x.k8s").new { config = kubeconfig, scope = scope.k8s }
end

function makers.helm(config, scope, run, client)
  return require("o2x.helm").new {
    kubeconfig = client("k8s").config, folder = run.folder, scope = scope.helm, program = config.helm.command,
  }
end

M.makers = makers

return M
