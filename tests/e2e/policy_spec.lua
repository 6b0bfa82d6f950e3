-- The shipped runbooks work with the rights that o2x policy prints, and the servers refuse one step more: PostgreSQL
-- and Redis are the real ones, the lab's Vault and API server enforce policies, roles and admission policies.

local fs = require "o2x.base.fs"
local granted = require "tests.support.granted"
local labs = require "tests.support.lab"

local TENANT <const>, OTHER <const> = "newclient", "urbanos"

describe("with the rights of o2x policy", function()
  local lab, operator, env
  setup(function()
    lab = labs.start()
    operator = granted.new(lab, TENANT)
    env = operator.env
  end)
  teardown(function() lab:stop() end)

  local function run(...)
    local result = operator:o2x("run", ...)
    assert.equal(0, result.code, table.concat({ ... }, " ") .. "\n" .. result.stderr)
    return result
  end

  it("a tenant is onboarded", function()
    operator:own_databases()
    operator:give_all()
    run("onboard", TENANT)
    operator:give_all() -- the tenant has its id now
  end)

  for _, words in ipairs {
    { "smoke", TENANT },
    { "diagnose", TENANT },
    { "onboard", TENANT },
    { "scale", TENANT, "service=service-billing", "replicas=3", "permanent=true" },
    { "deploy", TENANT, "image=v2.5.1", "services=service-billing", "--confirm=" .. TENANT },
    { "rollback", TENANT, "services=service-billing", "--confirm=" .. TENANT },
    { "maintenance", TENANT, "mode=on", "--confirm=" .. TENANT },
    { "maintenance", TENANT, "mode=off", "--confirm=" .. TENANT },
    { "cache-clear", TENANT, "--confirm=" .. TENANT },
    { "vacuum", TENANT },
    { "backup", TENANT },
  } do
    it("o2x run " .. table.concat(words, " "), function() run(table.unpack(words)) end)
  end

  it("a tenant is restored", function()
    local archive = fs.join(lab.dir, "archive.dump")
    run("backup", TENANT, "to=" .. archive)
    run("restore", TENANT, "archive=" .. archive, "--confirm=" .. TENANT)
  end)

  -- ---- one step more ----

  local function refused(words, message)
    local result = lab:run(words, { env = env })
    assert.are_not.equal(0, result.code, result.stdout)
    assert.is_truthy((result.stdout .. result.stderr):find(message, 1, true), result.stdout .. result.stderr)
  end

  local function psql(database, text)
    return { "psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", text }
  end

  it("PostgreSQL refuses the rows of another tenant", function()
    local ids = lab:run(psql("enginedevdb", "select name from core_config.tenant"), { env = env })
    assert.equal(TENANT .. "\n", ids.stdout)
    local changed = lab:run(
      psql("enginedevdb", "update core_config.tenant set status = 'X' where name = 'urbanos' returning 1"),
      { env = env }
    )
    assert.equal("", changed.stdout:gsub("UPDATE 0\n", ""))
    refused(
      psql("enginedevdb", "insert into core_config.tenant (id, name) values ('TIDLT-999999', 'mallory')"),
      "row-level security"
    )
    refused(psql("coredb-" .. OTHER, "select count(*) from core_config.users"), "permission denied")
    refused(psql("postgres", "alter role admin superuser"), "must be superuser")
    refused(psql("postgres", 'drop database "coredb-urbanos"'), "must be owner")
  end)

  it("Kubernetes refuses the objects of another tenant, and those that all share", function()
    refused({ "kubectl", "delete", "deployment", OTHER .. "-service-sso" }, "forbidden")
    refused({ "kubectl", "get", "service", OTHER .. "-service-sso" }, "forbidden")
    refused({ "kubectl", "scale", "deployment", OTHER .. "-service-sso", "--replicas=0" }, "forbidden")
    refused({ "kubectl", "delete", "secret", "pg-secret" }, "may write only the objects of its tenant")
    refused({ "kubectl", "create", "configmap", OTHER .. "-services", "--from-literal=a=b" }, "may write only")
    refused({ "kubectl", "create", "rolebinding", "x", "--clusterrole=cluster-admin", "--user=x" }, "forbidden")
    refused({ "kubectl", "get", "nodes" }, "forbidden")
  end)

  it("Vault refuses the secrets of another tenant", function()
    local url = lab.env.VAULT_ADDR .. "/v1/secret/data/tenant/"
    local function status(method, path)
      local argv = { "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-X", method }
      table.move({ "-H", "X-Vault-Token: " .. env.VAULT_TOKEN, url .. path }, 1, 3, #argv + 1, argv)
      return lab:run(argv).stdout
    end
    assert.equal("200", status("GET", TENANT .. "/admin"))
    assert.equal("403", status("GET", OTHER .. "/stripe"))
    assert.equal("403", status("DELETE", TENANT .. "/admin"))
  end)

  it("Redis refuses the keys of another tenant, and other commands", function()
    local function redis(...) return lab:run({ "redis-cli", "-u", env.REDIS_URL, "--no-auth-warning", ... }).stdout end
    assert.equal("PONG\n", redis "PING")
    assert.matches("NOPERM", redis("UNLINK", "TIDLT-100005:session:1"))
    assert.matches("NOPERM", redis "FLUSHALL")
    assert.matches("NOPERM", redis("GET", "TIDLT-100005:session:1"))
  end)
end)
