-- What a run may not do, or the platform does not have, was found half-way and one after the other: kinds after sixteen
-- releases, a right in the namespace of monitoring after twenty steps, a role that only reads after the database.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"

local READS <const> = 'path "secret/data/tenant/newclient/*" { capabilities = ["read"] }'

describe("an operator who may do little", function()
  local lab, env
  setup(function()
    lab = labs.start()
    env = {}
  end)
  teardown(function() lab:stop() end)

  local function vault(path, body)
    local url = lab.env.VAULT_ADDR .. "/v1/" .. path
    local text = lab:out("curl", "-sSf", "-H", "X-Vault-Token: " .. lab.env.VAULT_TOKEN, "-d", json.encode(body), url)
    return text ~= "" and json.decode(text) or nil
  end

  local function narrow_kubernetes()
    lab:out("kubectl", "create", "serviceaccount", "poor")
    lab:out("kubectl", "create", "role", "poor", "--verb=get,list", "--resource=pods,deployments.apps,services,secrets")
    lab:out("kubectl", "create", "rolebinding", "poor", "--role=poor", "--serviceaccount=default:poor")
    local config = json.decode(fs.read(lab.env.KUBECONFIG))
    config.users[1].user = { token = lab:out("kubectl", "create", "token", "poor") }
    env.KUBECONFIG = fs.join(lab.dir, "poor.json")
    fs.write(env.KUBECONFIG, json.encode(config), { mode = tonumber("600", 8) })
  end

  local function narrow_vault()
    vault("sys/policies/acl/poor", { policy = READS })
    env.VAULT_TOKEN = vault("auth/token/create", { policies = { "poor" } }).auth.client_token
  end

  local function narrow_postgresql()
    local state = json.decode(fs.read(fs.join(lab.dir, "state/postgres.json")))
    local superuser = { PGUSER = "postgres", PGPASSWORD = state.superuser_password }
    local sql = "CREATE ROLE poor LOGIN PASSWORD 'poor'"
    assert.equal(0, lab:run({ "psql", "-X", "-q", "-d", "postgres", "-c", sql }, { env = superuser }).code)
    env.PGUSER, env.PGPASSWORD = "poor", "poor"
  end

  it("is told all that is missing in all systems, before the first write", function()
    narrow_kubernetes()
    narrow_vault()
    narrow_postgresql()
    env.O2X_BROKER_PASSWORD = "wrong"
    local before = lab:snapshot "coredb-newclient"
    for _, mode in ipairs { "plan", "run" } do
      local result = lab:o2x({ mode, "onboard", "newclient" }, { env = env })
      assert.are_not.equal(0, result.code)
      for _, text in ipairs {
        "%d+ things are missing, and nothing was written",
        "poor may not create databases",
        "enginedevdb has no table core_config.tenant that this role sees",
        "poor may not act for admin",
        "the token may not create, update secret/data/tenant/newclient/%*",
        "may not patch, create deployments in default\n",
        "may not get, patch, create servicemonitors in monitoring",
        'cannot get resource "services" in API group "" in the namespace "ingress%-nginx"',
      } do
        assert.matches(text, result.stderr)
      end
    end
    assert.equal(before, lab:snapshot "coredb-newclient")
  end)

  it("is told by o2x doctor the same", function()
    local result = lab:o2x({ "doctor", "newclient" }, { env = env })
    assert.matches("poor may not create databases", result.stdout)
    assert.matches("the token may not create, update", result.stdout)
    assert.matches("deployments in default", result.stdout)
  end)

  -- How many questions about rights a plan of onboarding asks.
  local function reviews()
    local function count()
      local number = 0
      for line, times in pairs(json.decode(lab:o2x({ "lab", "requests", "--json" }).stdout)) do
        if line:find "reviews$" or line:find "capabilities%-self$" then number = number + times end
      end
      return number
    end
    local before = count()
    assert.equal(0, lab:o2x({ "plan", "onboard", "newclient" }).code)
    return count() - before
  end

  it("is three requests in a plan for somebody who lacks nothing", function() assert.equal(3, reviews()) end)

  it("is told at the end of a plan in which all answers and only rights lack", function()
    vault("sys/policies/acl/reader", { policy = 'path "secret/data/tenant/newclient/*" { capabilities = ["read"] }' })
    local token = vault("auth/token/create", { policies = { "reader" } }).auth.client_token
    local result = lab:o2x({ "plan", "onboard", "newclient" }, { env = { VAULT_TOKEN = token } })
    assert.are_not.equal(0, result.code)
    assert.matches("the token may not create, update secret/data/tenant/newclient/%*", result.stdout .. result.stderr)
    assert.matches("%d%d to create", result.stdout)
  end)

  it("is not asked for where nothing would change", function()
    assert.equal(0, lab:o2x({ "run", "onboard", "newclient" }).code)
    assert.equal(0, reviews())
  end)
end)
