-- A secret of the administrator without a password got one that no user has, and a password that is not the user's was
-- refused at the end of a run, without a word of where it came from and what gives another.

local json = require "o2x.base.json"
local labs = require "tests.support.lab"

local SECRET <const> = "tenant/newclient/admin"

describe("an administrator whose password Vault does not have", function()
  local lab
  setup(function()
    lab = labs.start()
    assert.equal(0, lab:o2x({ "run", "onboard", "newclient" }).code)
  end)
  teardown(function() lab:stop() end)

  local function put(fields)
    local url = lab.env.VAULT_ADDR .. "/v1/secret/data/" .. SECRET
    lab:out("curl", "-sSf", "-H", "X-Vault-Token: " .. lab.env.VAULT_TOKEN, "-d", json.encode { data = fields }, url)
  end

  local function hash()
    return lab:sql("coredb-newclient", "select password from core_config.users where type = 'INTERNAL'")
  end

  it("gets none that is nobody's: the secret without a password stays as it is", function()
    put { username = "admin@newclient.com" }
    local _, before = lab:vault(SECRET)
    local plan = lab:o2x { "plan", "onboard", "newclient", "--detailed-exitcode" }
    assert.equal(0, plan.code, plan.stdout)
    local run = lab:o2x { "run", "onboard", "newclient" }
    assert.equal(0, run.code, run.stderr)
    assert.matches("Vault does not have the password; a new one: o2x run onboard newclient admin=reset", run.stderr)
    assert.same({ { username = "admin@newclient.com" }, before }, { lab:vault(SECRET) })
  end)

  it("is told what to do when its password is refused", function()
    put { username = "admin@newclient.com", password = "that of somebody else" }
    local run = lab:o2x { "run", "onboard", "newclient" }
    assert.equal(4, run.code, run.stderr)
    assert.matches("Vault's password for admin@newclient.com is not the user's", run.stderr)
    assert.matches("a new one: o2x run onboard newclient admin=reset", run.stderr)
  end)

  it("gets the one in Vault when asked, as the plan shows", function()
    local before = hash()
    local plan = lab:o2x { "plan", "onboard", "newclient", "admin=reset" }
    assert.equal(0, plan.code, plan.stderr)
    assert.matches("core_config.users where userid = 'admin@newclient.com'\n[^\n]*password", plan.stdout)
    assert.equal(before, hash())
    local run = lab:o2x { "run", "onboard", "newclient", "admin=reset" }
    assert.equal(0, run.code, run.stderr)
    assert.are_not.equal(before, hash())
    assert.equal("that of somebody else", (lab:vault(SECRET)).password)
    assert.equal(0, lab:o2x({ "run", "onboard", "newclient" }).code)
  end)
end)
