-- The lab knew the webhook of Stripe only: each tenant with Authorize.Net was CRITICAL right after its onboarding.

local json = require "o2x.base.json"
local labs = require "tests.support.lab"

describe("a tenant with Authorize.Net", function()
  local lab
  setup(function()
    lab = labs.start()
    assert.equal(0, lab:o2x({ "run", "onboard", "acme-sbx" }).code)
  end)
  teardown(function() lab:stop() end)

  it("has no finding after its onboarding", function()
    local result = lab:o2x { "diagnose", "acme-sbx", "--json" }
    assert.equal(0, result.code, result.stdout)
    for _, finding in ipairs(json.decode(result.stdout).result) do
      assert.are_not.equal("critical", finding.severity, result.stdout)
    end
  end)

  it("has one where its webhook is not there", function()
    local fault = { "lab", "fault", "ingress", "no-webhooks", "match=acme-sbx-payment-gateway" }
    assert.equal(0, lab:o2x(fault).code)
    local result = lab:o2x { "diagnose", "acme-sbx" }
    assert.equal(2, result.code)
    assert.matches("the webhook URL does not respond", result.stdout)
  end)
end)
