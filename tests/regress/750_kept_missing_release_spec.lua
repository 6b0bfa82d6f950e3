-- A release that an adopted tenant's file keeps missing was waited for, ten minutes: onboarding goes on at once, and
-- its checks name it.

local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

describe("a release that is kept missing", function()
  local lab
  setup(function() lab = labs.start { tenants = "coopegenergy" } end)
  teardown(function() lab:stop() end)

  it("is not waited for", function()
    ok(lab:o2x { "adopt", "coopegenergy" })
    local result = lab:o2x({ "onboard", "coopegenergy", "timeout=10m" }, { timeout = 120 })
    assert.equal(1, result.code, result.stderr)
    assert.matches(
      "there is no Service coopegenergy%-payment%-gateway\n[^\n]*%-%-take%-over=coopegenergy%-payment%-gateway\n",
      result.stderr
    )
    assert.equal("", lab:out("kubectl", "get", "deployment", "coopegenergy-payment-gateway", "--ignore-not-found"))
  end)
end)
