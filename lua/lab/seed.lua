--- What the lab holds when it is new: lab/seed.yaml of the platform tree says it, this carries it out, once. Nothing of
--- the platform's names is known here.

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local flyway = require "o2x.client.flyway"
local history = require "o2x.client.flyway.history"
local fs = require "o2x.base.fs"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local pg = require "o2x.client.pg"
local proc = require "o2x.base.proc"
local task = require "o2x.base.task"
local yaml = require "o2x.base.yaml"

local M = {}

local HELMS_AT_ONCE <const> = 4
local BALANCER <const> = "/api/v1/namespaces/ingress-nginx/services/ingress-nginx-controller"

local function fail(format, ...)
  errors.raise { kind = "failed", module = "lab", op = "seed", message = format:format(...) }
end

-- ---- databases ----

local function connect(env, database)
  return pg.connect {
    host = env.PGHOST,
    port = env.PGPORT,
    user = env.PGUSER,
    password = env.PGPASSWORD,
    dbname = database,
    application_name = "o2x lab",
  }
end

local function create_database(db, wanted, name, template)
  local from = template and "TEMPLATE " .. pg.quote(template) or "ENCODING 'UTF8' TEMPLATE template0"
  db:query(
    ("CREATE DATABASE %s OWNER %s %s CONNECTION LIMIT %d"):format(
      pg.quote(name),
      pg.quote(wanted.owner),
      from,
      wanted.connection_limit
    )
  )
  db:query(("GRANT CONNECT ON DATABASE %s TO %s"):format(pg.quote(name), pg.quote(wanted.user)))
end

local function migrate(env, database, folder, schemas)
  local files = {}
  for _, name in ipairs(fs.list(folder)) do
    files[name] = fs.read(fs.join(folder, name))
  end
  local db <close> = connect(env, database)
  history.migrate(db, flyway.resolve(files), { schemas = schemas })
end

local function fill(env, source, wanted)
  for _, name in ipairs(wanted.names) do
    local db <close> = connect(env, name)
    for _, step in ipairs(wanted.fill) do
      if not step.database or step.database == name then db:script(fs.read(fs.join(source, step.sql))) end
    end
  end
end

local function sow_databases(env, source, wanted)
  local first = wanted.names[1]
  do
    local db <close> = connect(env, "postgres")
    create_database(db, wanted, first)
    migrate(env, first, fs.join(source, wanted.migrations), wanted.schemas)
    for i = 2, #wanted.names do
      create_database(db, wanted, wanted.names[i], first)
    end
  end
  fill(env, source, wanted)
end

-- ---- Vault ----

local function sow_vault(env, secrets)
  for path, fields in pairs(secrets) do
    local answer = http.request {
      method = "POST",
      url = env.VAULT_ADDR .. "/v1/secret/data/" .. path,
      ca_file = env.VAULT_CACERT,
      headers = { ["X-Vault-Token"] = env.VAULT_TOKEN },
      json = { options = { cas = 0 }, data = fields },
    }
    if answer.status ~= 200 then fail("Vault: %s: %s", path, answer.body) end
  end
end

-- ---- Kubernetes and helm ----

local function filled(value, words)
  if type(value) == "string" then return (value:gsub("{([%w_]+)}", words)) end
  if type(value) ~= "table" then return value end
  for key, item in pairs(value) do
    value[key] = filled(item, words)
  end
  return value
end

local function sow_manifests(lab, source, manifests, words)
  local objects = {}
  for _, path in ipairs(manifests) do
    for _, object in ipairs(yaml.decode_all(fs.read(fs.join(source, path)), path)) do
      objects[#objects + 1] = filled(object, words)
    end
  end
  require("lab.k8s.seed").seed(lab, objects)
end

-- The real helm, so that the releases are what helm makes. They come up while the rest is seeded.
local function sow_releases(lab, env, releases)
  local folder = fs.join(lab.dir, "cache/helm")
  fs.mkdir(folder, 0x1c0)
  local function install(release)
    local result = proc.run {
      argv = { "helm", "upgrade", "--install", release.name, release.chart, "-f", release.values, "-n", "default" },
      env = {
        KUBECONFIG = env.KUBECONFIG,
        KUBECACHEDIR = folder,
        HELM_CACHE_HOME = folder,
        HELM_CONFIG_HOME = folder,
        HELM_DATA_HOME = folder,
      },
      cwd = env.O2X_PLATFORM,
      timeout = 120,
    }
    if result.code ~= 0 then fail("helm %s: %s", release.name, result.stderr:gsub("%s+$", "")) end
  end
  install(releases[1]) -- helm keeps what it learned of the server for the others
  task.each({ table.unpack(releases, 2) }, install, { limit = HELMS_AT_ONCE })
end

local function sow_cluster(lab, env, source, wanted)
  local postgres = lab.state("postgres")
  sow_manifests(lab, source, wanted.manifests, {
    appuser_password = postgres.appuser_password,
    vault_token = env.VAULT_TOKEN,
  })
  sow_releases(lab, env, wanted.releases)
end

-- ---- the rest ----

-- Asks the API server what the ingress controller's load balancer is called.
local function balancer_name(env)
  local config = yaml.decode(fs.read(env.KUBECONFIG), env.KUBECONFIG)
  local cluster, user = config.clusters[1].cluster, config.users[1].user
  local answer = http.request {
    url = cluster.server .. BALANCER,
    token = user.token,
    ca = cluster["certificate-authority-data"] and crypto.unbase64(cluster["certificate-authority-data"]),
    ca_file = cluster["certificate-authority"],
  }
  local status = json.decode(answer.body, BALANCER).status
  return status.loadBalancer.ingress[1].hostname
end

local function sow_dns(lab, env, wanted)
  local zones = require "lab.zones"
  local store = zones.open(lab)
  local zone = store:holding(zones.canonical(wanted.zone)) or store:create(wanted.zone, "lab")
  local balancer = balancer_name(env)
  local changes = {}
  for _, name in ipairs(wanted.balanced) do
    for _, prefix in ipairs { "", "api.", "*." } do
      changes[#changes + 1] = {
        action = "CREATE",
        record = { name = prefix .. name, type = "CNAME", ttl = wanted.ttl, values = { balancer .. "." } },
      }
    end
  end
  local _, problems = store:change(zone, changes)
  if problems then fail("DNS: %s", problems[1]) end
end

local function sow_redis(env, keys)
  local redis = require("o2x.client.redis").connect { url = env.REDIS_URL, password = env.REDISCLI_AUTH }
  for key, value in pairs(keys) do
    redis:command("SET", key, value)
  end
  redis:close()
end

local function sow_queues(env, names)
  local broker = require("o2x.client.broker").new {
    url = env.O2X_BROKER_URL,
    user = env.O2X_BROKER_USER,
    password = env.O2X_BROKER_PASSWORD,
  }
  for _, name in ipairs(names) do
    broker:add_queue(name)
  end
end

--- Seeds the lab, unless that was done.
---@param lab table
---@param env table<string, string> what the simulators export
---@param source string the platform tree
function M.sow(lab, env, source)
  local state, path = lab.state("seed"), fs.join(source, "lab/seed.yaml")
  if state.done or not fs.exists(path) then return end
  local wanted = yaml.decode(fs.read(path), path)
  state.began = true
  lab.flush()
  task.parallel {
    databases = function() sow_databases(env, source, wanted.databases) end,
    vault = function() sow_vault(env, wanted.vault) end,
    cluster = function() sow_cluster(lab, env, source, wanted) end,
    redis = function() sow_redis(env, wanted.redis) end,
    queues = function() sow_queues(env, wanted.queues) end,
  }
  if wanted.s3 then require("lab.s3").sow(lab, wanted.s3.buckets) end
  if wanted.rds then require("lab.rds_servers").adopt(lab, wanted.rds.instance) end
  sow_dns(lab, env, wanted.dns)
  state.done = true
  lab.flush()
end

--- Was the lab ended in the middle of its first start? Then it is neither empty nor whole.
---@param dir string
---@return boolean
function M.half_done(dir)
  local text = fs.read_if(fs.join(dir, "state/seed.json"))
  local state = text and json.decode(text, "seed.json") or {}
  return state.began == true and not state.done
end

return M
