--- Seeds a new lab, once: databases, secrets, objects, releases and records as lab/seed.yaml of the platform tree lists
--- them. No name of the platform is known here.

local alike = require "lab.alike"
local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local flyway_folder = require "o2x.client.flyway.folder"
local migrate = require "o2x.client.flyway.migrate"
local fs = require "o2x.base.fs"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local pg = require "o2x.client.pg"
local proc = require "o2x.base.proc"
local task = require "o2x.base.task"
local yaml = require "o2x.base.yaml"

local M = {}

local HELM_CONCURRENCY <const> = 4
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

local function create_database(db, databases, name, template)
  local from = template and "TEMPLATE " .. pg.quote(template) or "ENCODING 'UTF8' TEMPLATE template0"
  db:query(
    ("CREATE DATABASE %s OWNER %s %s CONNECTION LIMIT %d"):format(
      pg.quote(name),
      pg.quote(databases.owner),
      from,
      databases.connection_limit
    )
  )
  db:query(("GRANT CONNECT ON DATABASE %s TO %s"):format(pg.quote(name), pg.quote(databases.user)))
end

local function migrate_database(env, database, folder, schemas)
  local files = {}
  for _, name in ipairs(fs.list(folder)) do
    files[name] = fs.read(fs.join(folder, name))
  end
  migrate.migrate(function() return connect(env, database) end, flyway_folder.resolve(files), { schemas = schemas })
end

local function fill_databases(env, source, databases)
  for _, name in ipairs(databases.names) do
    local db <close> = connect(env, name)
    for _, step in ipairs(databases.fill or {}) do
      if not step.database or step.database == name then db:script(fs.read(fs.join(source, step.sql))) end
    end
  end
end

-- The roles that databases belong to, beside those that every lab has.
local function make_roles(env, roles)
  local db <close> = connect(env, "postgres")
  for _, role in ipairs(roles or {}) do
    if not db:one("SELECT 1 AS found FROM pg_roles WHERE rolname = $1", role) then
      db:query("CREATE ROLE " .. pg.quote(role))
      db:query(("GRANT %s TO %s"):format(pg.quote(role), pg.quote(env.PGUSER)))
    end
  end
end

local function seed_databases(env, source, databases)
  local first = databases.names[1]
  make_roles(env, databases.roles)
  do
    local db <close> = connect(env, "postgres")
    create_database(db, databases, first)
    if databases.migrations then
      migrate_database(env, first, fs.join(source, databases.migrations), databases.schemas)
    end
    for i = 2, #databases.names do
      create_database(db, databases, databases.names[i], first)
    end
  end
  fill_databases(env, source, databases)
end

-- ---- Vault ----

local function seed_vault(env, secrets)
  for path, fields in pairs(secrets or {}) do
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

-- Replaces {name} in all strings. Changes the value it is given.
local function substitute(value, replacements)
  if type(value) == "string" then return (value:gsub("{([%w_]+)}", replacements)) end
  if type(value) ~= "table" then return value end
  for key, item in pairs(value) do
    value[key] = substitute(item, replacements)
  end
  return value
end

local function seed_manifests(lab, source, manifests, replacements)
  local objects = {}
  for _, path in ipairs(manifests or {}) do
    for _, object in ipairs(yaml.decode_all(fs.read(fs.join(source, path)), path)) do
      objects[#objects + 1] = substitute(object, replacements)
    end
  end
  lab.k8s.apply(objects)
end

-- Objects of another cluster. What could not be taken over is in the seed's state.
local function adopt_objects(lab, source, path)
  if not path then return end
  lab.state("seed").left = require("lab.k8s.seed").adopt(lab, json.decode(fs.read(fs.join(source, path)), path))
end

-- The real helm installs the releases, or upgrades them. They become ready while the rest is seeded.
local function seed_releases(lab, env, releases)
  if not releases or not releases[1] then return end
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
  install(releases[1]) -- fills the discovery cache for the others
  task.each({ table.unpack(releases, 2) }, install, { limit = HELM_CONCURRENCY })
end

local function seed_cluster(lab, env, source, cluster)
  local postgres = lab.state("postgres")
  seed_manifests(lab, source, cluster.manifests, {
    appuser_password = postgres.appuser_password,
    vault_token = env.VAULT_TOKEN,
  })
  seed_releases(lab, env, cluster.releases)
  adopt_objects(lab, source, cluster.objects)
end

-- ---- the rest ----

-- The host name of the ingress controller's load balancer, from the API server.
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

local function seed_dns(lab, env, dns)
  local zones = require "lab.dns_zones"
  local store = zones.open(lab)
  local zone = store:holding(zones.canonical(dns.zone)) or store:create(dns.zone, "lab")
  local balancer = dns.balanced and dns.balanced[1] and balancer_name(env)
  local changes = {}
  for _, name in ipairs(dns.balanced or {}) do
    for _, prefix in ipairs { "", "api.", "*." } do
      changes[#changes + 1] = {
        action = "CREATE",
        record = { name = prefix .. name, type = "CNAME", ttl = dns.ttl, values = { balancer .. "." } },
      }
    end
  end
  local _, problems = nil, nil
  if changes[1] then
    _, problems = store:change(zone, changes)
  end
  if problems then fail("DNS: %s", problems[1]) end
end

local function seed_redis(env, keys)
  if not keys then return end
  local redis = require("o2x.client.redis").connect { url = env.REDIS_URL, password = env.REDISCLI_AUTH }
  for key, value in pairs(keys) do
    redis:command("SET", key, value)
  end
  redis:close()
end

local function seed_queues(env, names)
  local broker = require("o2x.client.broker").new {
    url = env.O2X_BROKER_URL,
    user = env.O2X_BROKER_USER,
    password = env.O2X_BROKER_PASSWORD,
  }
  for _, name in ipairs(names or {}) do
    broker:add_queue(name)
  end
end

-- The tenants that are made like one of the seed: what each of the servers does for them.
local function seed_alike(lab, env, source, spec, names)
  if not names[1] then return end
  alike.run(lab, env, source, names, spec, {
    connect = function(database) return connect(env, database) end,
    put_secrets = function(secrets) seed_vault(env, secrets) end,
    upgrade = function(releases) seed_releases(lab, env, releases) end,
    add_queues = function(queues) seed_queues(env, queues) end,
    set_keys = function(keys) seed_redis(env, keys) end,
  })
end

--- Seeds the lab unless it is seeded already.
---@param lab table
---@param env table<string, string> the variables that the simulators export
---@param source string the platform tree
---@param names string[]? tenants to seed whole, of lab/tenants.yaml, besides those of lab/seed.yaml
function M.run(lab, env, source, names)
  local state, path = lab.state("seed"), fs.join(source, "lab/seed.yaml")
  if state.done or not fs.exists(path) then return end
  local spec = yaml.decode(fs.read(path), path)
  state.started = true
  lab.flush()
  task.parallel {
    databases = function() seed_databases(env, source, spec.databases) end,
    vault = function() seed_vault(env, spec.vault) end,
    cluster = function() seed_cluster(lab, env, source, spec) end,
    redis = function() seed_redis(env, spec.redis) end,
    queues = function() seed_queues(env, spec.queues) end,
  }
  if spec.s3 then require("lab.s3").seed(lab, spec.s3.buckets) end
  if spec.rds then require("lab.rds_servers").adopt(lab, spec.rds.instance) end
  seed_dns(lab, env, spec.dns)
  seed_alike(lab, env, source, spec, names or {})
  state.done, state.tenants = true, json.array(names or {})
  lab.flush()
end

--- Whether an earlier start was interrupted while seeding, so that the data are incomplete.
---@param dir string
---@return boolean
function M.is_incomplete(dir)
  local text = fs.read_if(fs.join(dir, "state/seed.json"))
  local state = text and json.decode(text, "seed.json") or {}
  return state.started == true and not state.done
end

return M
