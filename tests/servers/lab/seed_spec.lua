-- What the lab holds when it is new, seen with the ordinary clients.
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local task = require "o2x.base.task"
local naming = require "stdlib.naming"
local catalogue = require "stdlib.catalogue"

local PROGRAM = fs.join(fs.folder(fs.realpath "/proc/self/exe"), "o2x")

describe("a new lab", function()
  local folder, env

  local function lab(...)
    return proc.run { argv = { PROGRAM, "lab", ... }, env = { O2X_LAB_DIR = folder }, timeout = 300 }
  end

  -- A client's output; its failure fails the test.
  local function see(...)
    local result = proc.run { argv = { ... }, env = env, timeout = 300 }
    assert.equal(0, result.code, result.stderr)
    return (result.stdout:gsub("%s+$", ""))
  end

  local function sql(database, text) return see("psql", "-X", "-At", "-d", database, "-c", text) end

  setup(function()
    folder = fs.temp_folder()
    local result = lab "up"
    assert.equal(0, result.code, result.stderr)
    env = json.decode(lab("env", "--json").stdout)
  end)

  teardown(function()
    lab "down"
    lab "reset"
    fs.remove_tree(folder)
  end)

  it("has the seven tenants in the registry, and each in its own database", function()
    assert.equal(
      "TIDLT-100001 TIDLT-100002 TIDLT-100003 TIDLT-100004 TIDLT-100005 TIDLT-100006 TIDLT-100007",
      sql("enginedevdb", "select string_agg(id, ' ' order by id) from core_config.tenant")
    )
    assert.equal("7", sql("enginedevdb", "select count(*) from core_config.tenant_profile"))
    for _, name in ipairs { "coopeg-sbx", "demo", "shm", "urbanos", "coopeg-prd", "coopegenergy" } do
      assert.equal(name, sql("coredb-" .. name, "select name from core_config.tenant"))
    end
  end)

  it("has databases as the guide makes them", function()
    assert.equal(
      "6|UTF8|100|admin",
      sql(
        "postgres",
        "select count(*), min(pg_encoding_to_char(encoding)), min(datconnlimit), min(pg_get_userbyid(datdba)) "
          .. "from pg_database where datname like 'coredb-%' and has_database_privilege('appuser', datname, 'CONNECT')"
      )
    )
    assert.equal(
      "t|t",
      sql("coredb-urbanos", "select count(*) > 7, bool_and(success) from public.flyway_schema_history")
    )
  end)

  it("has urbanos with its business", function()
    assert.equal("5", sql("coredb-urbanos", "select count(*) from core_config.tenant_merchants"))
    assert.equal("20", sql("coredb-urbanos", "select count(*) from payment where status = 'COMPLETED'"))
  end)

  it("has the releases of urbanos, made by helm, and they are ready", function()
    local releases = json.decode(see("helm", "list", "-o", "json", "--max", "0"))
    assert.equal(#catalogue.names(), #releases)
    for _, release in ipairs(releases) do
      assert.equal("deployed 1", release.status .. " " .. release.revision)
    end
    local deadline = task.now() + 120
    local ready
    repeat
      ready = 0
      local deployments = json.decode(see("kubectl", "get", "deploy", "-l", "tenant=urbanos", "-o", "json"))
      for _, object in ipairs(deployments.items) do
        if object.status.readyReplicas == object.spec.replicas then ready = ready + 1 end
      end
      if ready < #releases then task.sleep(0.2) end
    until ready == #releases or task.now() > deadline
    assert.equal(#releases, ready)
  end)

  it("takes the same releases again as nothing new", function()
    local service = "finance-gateway"
    local name = "urbanos-" .. service
    local before = see("helm", "get", "manifest", name)
    see(
      "helm",
      "upgrade",
      name,
      fs.join(env.O2X_PLATFORM, naming.chart(service)),
      "-f",
      fs.join(env.O2X_PLATFORM, naming.values_file("urbanos", service))
    )
    assert.equal(before, see("helm", "get", "manifest", name))
  end)

  it("has the shared secrets, the volume claim, the ingress and its certificate", function()
    assert.equal(
      "appuser",
      see("kubectl", "get", "secret", "pg-secret", "-o", "go-template={{.data.username | base64decode}}")
    )
    assert.equal("Bound", see("kubectl", "get", "pvc", "urbanos-data-pvc", "-o", "jsonpath={.status.phase}"))
    assert.equal(
      "True",
      see("kubectl", "get", "certificate", "urbanos-tls-cert", "-o", "jsonpath={.status.conditions[0].status}")
    )
    assert.equal(
      "urbanos-services",
      see("kubectl", "get", "servicemonitor", "-n", "monitoring", "-o", "jsonpath={.items[*].metadata.name}")
    )
  end)

  it("has the services log in with the password that is in pg-secret", function()
    local password = see("kubectl", "get", "secret", "pg-secret", "-o", "go-template={{.data.password | base64decode}}")
    local result = proc.run {
      argv = { "psql", "-X", "-At", "-d", "coredb-urbanos", "-c", "select count(*) from core_config.tenant" },
      env = { PGHOST = env.PGHOST, PGPORT = env.PGPORT, PGUSER = "appuser", PGPASSWORD = password },
    }
    assert.equal("1\n", result.stdout, result.stderr)
  end)

  it("answers the tenants' names with the load balancer's", function()
    local balancer = see(
      "kubectl",
      "get",
      "svc",
      "-n",
      "ingress-nginx",
      "ingress-nginx-controller",
      "-o",
      "jsonpath={.status.loadBalancer.ingress[0].hostname}"
    )
    local host, port = env.O2X_LAB_DNS:match "^(.*):(%d+)$"
    for _, name in ipairs { "urbanos.embrix.com", "api.shm.embrix.com", "anything.demo.embrix.com" } do
      assert.equal(balancer .. ".", see("dig", "+short", "@" .. host, "-p", port, name, "CNAME"))
    end
  end)

  it(
    "serves urbanos over HTTPS with the lab's authority",
    function()
      assert.truthy(
        see(
          "curl",
          "-fsS",
          "--cacert",
          env.O2X_LAB_CA,
          "--connect-to",
          "urbanos.embrix.com:443:" .. env.O2X_LAB_HTTPS,
          "https://urbanos.embrix.com/actuator/health"
        ):find("UP", 1, true)
      )
    end
  )

  it("has the secrets of urbanos in Vault, once", function()
    local answer = json.decode(
      see(
        "curl",
        "-fsS",
        "-H",
        "X-Vault-Token: " .. env.VAULT_TOKEN,
        env.VAULT_ADDR .. "/v1/secret/data/tenant/urbanos/quickbooks"
      )
    )
    assert.equal("900100005", answer.data.data.realm_id)
    assert.equal(1, answer.data.metadata.version)
  end)

  it("can be without its database for a while", function()
    assert.equal(0, lab("fault", "postgres", "down").code)
    assert.not_equal(0, proc.run({ argv = { "psql", "-X", "-d", "postgres", "-c", "select 1" }, env = env }).code)
    assert.equal(3, lab("fault", "postgres", "429").code)
    assert.equal(0, lab("fault", "postgres", "off").code)
    assert.equal("1", sql("coredb-urbanos", "select count(*) from core_config.tenant"))
  end)

  it("has keys of two tenants in Redis", function()
    if not env.REDIS_URL then return end
    assert.equal("17", see("redis-cli", "-u", env.REDIS_URL, "GET", "TIDLT-100005:rate-limit:admin@urbanos.example"))
    assert.equal("6", see("redis-cli", "-u", env.REDIS_URL, "DBSIZE"))
  end)
end)
