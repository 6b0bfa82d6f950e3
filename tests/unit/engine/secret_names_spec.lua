local secret = require "o2x.base.secret"
local secret_names = require "o2x.engine.secret_names"

-- A run whose names are all of them long enough to be a secret.
local function run_with(fields)
  local run = {
    tenant_name = "newclient",
    tenant = { name = "newclient", id = "TIDLT-100005", domain = "newclient.example.com", environment = "production" },
    scope = { pg = { tenant = "coredb-newclient", control = "controldb" }, redis = { "TIDLT-100005:" } },
    runbook = { name = "onboard", path = "runbooks/onboard.lua" },
    project = { root = "/srv/platform" },
    config = { state = "/srv/state-of-o2x" },
    secrets_source = "vault:tenant/newclient/all-secrets",
    given = { image = "registry/app:2026.11" },
    sandbox = { texts = { ["runbooks/onboard.lua"] = "local word = 'written-in-a-script'\n" } },
  }
  for name, item in pairs(fields or {}) do
    run[name] = item
  end
  return run
end

-- The message about a secret of that text, or nil.
local function problem(text, run)
  local live = secret.new(text, "the/label")
  local ok, err = pcall(secret_names.check, run or run_with(), { deep = { live } })
  secret.wipe(live)
  if ok then return nil end
  assert.equal("refused", err.kind)
  assert.truthy(err.hint)
  assert.is_nil((err.message:gsub("parameter image", ""):find(text, 1, true)), err.message)
  assert.matches("the secret the/label is also ", err.message, 1, true)
  return err.message
end

describe("a secret is refused that is also", function()
  local REFUSED = {
    ["newclient"] = "the tenant's name",
    ["TIDLT-100005"] = "the tenant's id",
    ["newclient.example.com"] = "the tenant's domain",
    ["production"] = "the tenant's environment",
    ["coredb-newclient"] = "a name that the tenant's runs may touch",
    ["controldb"] = "a name that the tenant's runs may touch",
    ["onboard"] = "the runbook's name",
    ["runbooks/onboard.lua"] = "the runbook's path",
    ["/srv/platform"] = "the project's folder",
    ["state-of-o2x"] = "the folder of the run store",
    ["all-secrets"] = "the source of the secrets",
    ["desired"] = "a word of the records",
    ["before"] = "a word of the records",
    ["******"] = "a word of the records",
    ["2026.11"] = "the parameter image",
    ["written-in-a-script"] = "in the script runbooks/onboard.lua",
    [os.date "!%Y-%m-%d"] = "today's date",
    [os.date "!%Y%m%d"] = "a part of the run's id",
  }
  for text, what in pairs(REFUSED) do
    it(what .. ", such as " .. text, function() assert.matches(what, problem(text) or "nothing", 1, true) end)
  end

  it("no text that only an earlier run of this process learned from a system", function()
    local learned = secret.new("controldb", "pg-secret/username")
    assert.is_true(pcall(secret_names.check, run_with(), { key = secret.new("sk_live_abc123", "stripe/key") }))
    secret.wipe(learned)
  end)

  it("no other text", function()
    for _, text in ipairs { "sk_live_abc123", "newclient-password", '","path":"', "passwordpassword", "1234567" } do
      assert.is_nil(problem(text), text)
    end
  end)
end)

describe("a secret that equals a public name of the tenant", function()
  it("is refused too, though such a name is never masked", function()
    secret.publish "public-tenant"
    local run = run_with { tenant = { name = "public-tenant" } }
    local ok, err = pcall(secret_names.check, run, { deep = { secret.new("public-tenant", "deep/one") } })
    assert.is_false(ok)
    assert.matches("the secret deep/one is also the tenant's name", err.message, 1, true)
    run.config.pg = { password = secret.new("public-tenant", "pg.password") }
    ok, err = pcall(secret_names.check, run, {})
    assert.is_false(ok)
    assert.matches("the secret pg.password is also the tenant's name", err.message, 1, true)
  end)
end)

describe("a secret that is too short to be masked", function()
  it("is named, with its length", function()
    local lines = secret_names.warnings {
      stripe = { pin = secret.new("1234", "stripe/pin"), key = secret.new("sk_live_abc", "stripe/key") },
      empty = secret.new("", "empty"),
      flag = true,
    }
    assert.same({ "the secret stripe/pin is too short to be masked where it appears" }, lines)
    assert.same({}, secret_names.warnings(nil))
  end)
end)
