-- An undo of an onboarding, with the rights that o2x policy prints, stopped after 27 removals: Vault did not let it
-- remove a secret, then a row and a volume claim could not be removed.

local granted = require "tests.support.granted"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

local TENANT <const> = "newclient"

describe("an operator with the printed rights", function()
  local lab, operator, id
  setup(function()
    lab = labs.start()
    operator = granted.new(lab, TENANT)
    operator:own_databases()
    operator:give_all()
    ok(operator:o2x("run", "onboard", TENANT))
    operator:give_all()
    id = ok(lab:o2x { "runs" }).stdout:match "R%-%S+"
  end)
  teardown(function() lab:stop() end)

  it("is told before the first removal that Vault will not let a secret go", function()
    local printed = operator:text "vault"
    operator:give("vault", (printed:gsub(', "delete"', "")))
    local before = lab:snapshot "coredb-newclient"
    local result = operator:o2x("undo", id, "--confirm=" .. TENANT)
    operator:give("vault", printed)
    assert.are_not.equal(0, result.code)
    assert.matches("o2x: [^\n]*the token may not delete secret/metadata/tenant/newclient/%*", result.stderr)
    assert.equal(before, lab:snapshot "coredb-newclient")
  end)

  it("takes an onboarding back", function()
    local result = operator:o2x("undo", id, "--confirm=" .. TENANT)
    assert.equal(7, result.code, result.stderr) -- what the smoke test made in the services stays
    assert.matches(" 59 deleted", result.stderr)
    assert.equal("", lab:sql("enginedevdb", "select name from core_config.tenant where name = 'newclient'"))
    assert.is_nil((lab:vault "tenant/newclient/admin"))
    assert.equal("", lab:names("deployment,service,ingress,pvc,configmap", "-l", "tenant=" .. TENANT))
  end)
end)
