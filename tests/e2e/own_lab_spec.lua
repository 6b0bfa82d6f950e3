-- Operators' own runbooks in the lab: Coopeg's version of onboarding, the weekly vacuum over all production tenants and
-- a new one.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

describe("operators' own", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  it("lists Coopeg's version of onboarding and says in the plan that it is used", function()
    assert.matches("own version: coopeg%-prd", ok(lab:o2x { "list" }).stdout)
    assert.matches("coopeg%-prd%s+TIDLT%-100006%s+production", ok(lab:o2x { "list", "--tenants" }).stdout)
    local secrets = lab.dir .. "/coopeg.yaml"
    fs.write(secrets, fs.read(lab.env.O2X_SECRETS .. "/newclient.yaml"), { mode = 384 })
    local before = lab:snapshot "coredb-coopeg-prd"
    local plan = ok(lab:o2x { "plan", "onboard", "coopeg-prd", "--secrets=" .. secrets, "--json" })
    assert.equal(before, lab:snapshot "coredb-coopeg-prd")
    assert.truthy(
      plan.stderr:find("note: coopeg-prd uses its own onboard: runbooks/tenants/coopeg-prd/onboard.lua", 1, true)
    )
    local data = json.decode(plan.stdout)
    assert.equal("runbooks/onboard.lua", data.overrides.path)
    assert.truthy(plan.stdout:find("coopeg.settlement_currency", 1, true))
  end)

  it("vacuums all production tenants, and goes on where it was killed", function()
    local names = "coopeg-prd,coopegenergy,shm,urbanos"
    local plan = ok(lab:o2x { "plan", "vacuum", "urbanos" }).stdout
    assert.matches("last vacuum: never → now", plan)
    local killed = lab:o2x({ "run", "vacuum", "--tenants=" .. names }, { env = { O2X_KILL_AT = "150" } })
    assert.truthy(killed.signal)
    local fleet = json.decode(ok(lab:o2x { "resume", "--json" }).stdout)
    assert.equal("done", fleet.status)
    assert.equal(4, #fleet.tenants)
    for _, tenant in ipairs { "coopeg-prd", "coopegenergy", "shm", "urbanos" } do
      assert.equal(
        "0",
        lab:sql("coredb-" .. tenant, "select count(*) from pg_stat_user_tables where last_vacuum is null")
      )
      assert.equal("1", lab:sql("coredb-" .. tenant, "select max(vacuum_count) from pg_stat_user_tables"))
    end
    assert.matches("Nothing to do", ok(lab:o2x { "plan", "vacuum", "urbanos" }).stdout)
    assert.equal("0", lab:sql("coredb-demo", "select count(*) from pg_stat_user_tables where last_vacuum is not null"))
    assert.equal(3, lab:o2x({ "run", "vacuum", "urbanos", "days=-1" }).code)
  end)

  it("makes a runbook that runs at once", function()
    local folder = lab.dir .. "/project"
    for _, name in ipairs { "runbooks", "stdlib" } do
      fs.copy_tree(name, fs.join(folder, name))
    end
    ok(lab:o2x({ "new", "hello" }, { cwd = folder }))
    ok(lab:o2x({ "check", "hello" }, { cwd = folder }))
    assert.matches("note.hello", ok(lab:o2x({ "plan", "hello", "urbanos" }, { cwd = folder })).stdout)
    ok(lab:o2x({ "run", "hello", "urbanos" }, { cwd = folder }))
    assert.equal(
      "hello",
      lab:sql(
        "coredb-urbanos",
        "select property_value from core_config.tenant_property_defaults where property_key = 'note.hello'"
      )
    )
    ok(lab:o2x({ "defs", folder .. "/defs" }, { cwd = folder }))
    assert.truthy(fs.exists(folder .. "/.luarc.json") and fs.exists(folder .. "/defs/o2x/k8s.lua"))
  end)
end)
