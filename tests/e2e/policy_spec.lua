-- The shipped runbooks work with the rights that o2x policy prints, and the servers refuse one step more: PostgreSQL
-- and Redis are the real ones, the lab's Vault and API server enforce policies, roles and admission policies.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"

local TENANT <const>, OTHER <const> = "newclient", "urbanos"
local ROLE <const>, PASSWORD <const> = "o2x-newclient", "a password of the identity"

describe("with the rights of o2x policy", function()
  local lab, folder, env
  setup(function()
    lab = labs.start()
    folder = fs.temp_folder "/tmp/o2x-policy-"
  end)
  teardown(function()
    lab:stop()
    fs.remove_tree(folder)
  end)

  local function policy(system)
    local result = lab:o2x { "policy", TENANT, "--system=" .. system }
    assert.equal(0, result.code, result.stderr)
    local path = fs.join(folder, system)
    fs.write(path, result.stdout)
    return path, result.stdout
  end

  local function superuser()
    local state = json.decode(fs.read(fs.join(lab.dir, "state/postgres.json")))
    return { PGUSER = "postgres", PGPASSWORD = state.superuser_password }
  end

  local function vault(method, path, body)
    local argv = { "curl", "-sS", "-X", method, "-H", "X-Vault-Token: " .. lab.env.VAULT_TOKEN }
    table.move({ "-d", json.encode(body), lab.env.VAULT_ADDR .. "/v1/" .. path }, 1, 3, #argv + 1, argv)
    local answer = lab:run(argv).stdout
    return answer ~= "" and json.decode(answer) or nil
  end

  local function apply_postgresql()
    local psql = { "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres" }
    local file = lab:run(
      { psql[1], psql[2], psql[3], psql[4], psql[5], psql[6], psql[7], "-f", (policy "postgresql") },
      {
        env = superuser(),
      }
    )
    assert.equal(0, file.code, file.stderr)
    local set = ("ALTER ROLE %q PASSWORD '%s'"):format(ROLE, PASSWORD)
    local password = lab:run({ "psql", "-X", "-q", "-d", "postgres", "-c", set }, { env = superuser() })
    assert.equal(0, password.code, password.stderr)
  end

  local function apply_redis()
    local _, text = policy "redis"
    local words = { "redis-cli", "-u", lab.env.REDIS_URL, "--no-auth-warning" }
    for word in text:gmatch "%S+" do
      words[#words + 1] = word
    end
    words[#words + 1] = ">redispassword"
    assert.equal("OK\n", lab:run(words).stdout)
    return (lab.env.REDIS_URL:gsub("^redis://", ("redis://%s:redispassword@"):format(ROLE)))
  end

  local function apply_kubernetes()
    local applied = lab:run { "kubectl", "apply", "-f", (policy "kubernetes") }
    assert.equal(0, applied.code, applied.stderr)
    local kubeconfig = json.decode(fs.read(lab.env.KUBECONFIG))
    kubeconfig.users[1].user = { token = lab:out("kubectl", "create", "token", ROLE, "--duration=3600s") }
    local path = fs.join(folder, "kubeconfig")
    fs.write(path, json.encode(kubeconfig))
    return path
  end

  local function apply_vault()
    local _, text = policy "vault"
    vault("PUT", "sys/policies/acl/" .. ROLE, { policy = text })
    return vault("POST", "auth/token/create", { policies = { ROLE } }).auth.client_token
  end

  -- Redis' and the broker's halves follow when the tenant has its id: the policies are applied again then.
  local function apply()
    apply_postgresql()
    env = {
      PGUSER = ROLE,
      PGPASSWORD = PASSWORD,
      VAULT_TOKEN = apply_vault(),
      KUBECONFIG = apply_kubernetes(),
      REDIS_URL = apply_redis(),
      REDISCLI_AUTH = "",
    }
  end

  local function run(...)
    local result = lab:o2x({ "run", ... }, { env = env })
    assert.equal(0, result.code, table.concat({ ... }, " ") .. "\n" .. result.stderr)
    return result
  end

  it("a tenant is onboarded", function()
    local path = fs.join(lab.platform, "platform.yaml")
    fs.write(path, (fs.read(path):gsub("(\n  owner: )admin", "%1o2x-{tenant}")))
    apply()
    run("onboard", TENANT)
    apply()
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
