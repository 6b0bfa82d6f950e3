local stdlib = require "tests.support.stdlib"

describe("stdlib.refusals", function()
  local std = stdlib.new()
  local provider = std.require("providers").find "QUICKBOOKS"

  for status, expected in pairs {
    [401] = { "credentials", "QuickBooks refuses the connection: no (HTTP 401)" },
    [403] = { "credentials", "QuickBooks refuses the connection: no (HTTP 403)" },
    [404] = { "gateway", "finance-gateway has no /api/quickbooks/test-connection: no (HTTP 404)" },
    [500] = { "gateway", "finance-gateway fails to test its connection to QuickBooks: no (HTTP 500)" },
    [502] = { "provider", "finance-gateway does not reach QuickBooks: no (HTTP 502)" },
    [504] = { "provider", "QuickBooks does not answer finance-gateway in time: no (HTTP 504)" },
  } do
    it(("says whose fault HTTP %d is"):format(status), function()
      local whose, text = std.require("refusals").of(provider, { status = status, json = { message = "no" } })
      assert.same(expected, { whose, text })
    end)
  end

  it("does without a reason", function()
    local _, text = std.require("refusals").of(provider, { status = 404 })
    assert.matches(": HTTP 404$", text)
  end)
end)
