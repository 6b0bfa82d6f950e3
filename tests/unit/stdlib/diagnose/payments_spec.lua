local chapters = require "tests.support.chapters"

describe("stdlib.diagnose.payments", function()
  local URL = "https://api.urbanos.embrix.com/webhooks/stripe" -- of the tenant file

  -- A database of a healthy tenant, but for what the options change.
  local function run(options, facts)
    local function one(sql)
      if sql:find "as failed" then return { failed = options.failed or 0, all = 10 } end
      if sql:find "PENDING" then return { n = options.stuck or 0, since = "2026-02-11" } end
      if sql:find "payment_profile" then return { n = options.expired } end
      if sql:find "webhookurl" then return { webhookurl = options.webhook or URL } end
      error(sql)
    end
    local function rows(sql)
      local expired = sql:find "payment_profile"
      return (not expired or options.expired) and { { id = "X-1" }, { id = "X-2" } } or {}
    end
    return chapters.run("payments", {
      pg = { tenant = { one = one, rows = rows } },
      http = { request = function() return { status = options.status or 405 } end },
    }, facts or { database = true })
  end

  it("finds nothing for a healthy tenant", function() assert.same({}, run {}) end)

  it(
    "finds some failed payments",
    function() assert.same({ "warning payment: 2 of 10 payments in the last day failed" }, run { failed = 2 }) end
  )

  it(
    "finds that most payments failed",
    function() assert.same({ "critical payment: 6 of 10 payments in the last day failed" }, run { failed = 6 }) end
  )

  it("finds stuck payments and names them", function()
    local found, rows = run { stuck = 2 }
    assert.same({ "critical payment: 2 payments are stuck in PENDING" }, found)
    assert.equal("since 2026-02-11: X-1, X-2", rows[1].evidence)
  end)

  it(
    "finds expired payment methods",
    function() assert.same({ "note payment_profile: 3 payment methods have expired" }, run { expired = 3 }) end
  )

  it("finds a webhook that is configured elsewhere", function()
    local found, rows = run { webhook = "https://old.example" }
    assert.same({ "warning STRIPE: the webhook is not configured" }, found)
    assert.matches("has https://old.example, the tenant file " .. URL:gsub("%p", "%%%0"), rows[1].evidence)
  end)

  it("finds a webhook that does not respond", function()
    for _, status in ipairs { 404, 502 } do
      assert.same({ "critical payment-gateway: the webhook URL does not respond" }, run { status = status })
    end
  end)

  it("proposes no onboarding for a webhook while the cluster does not answer", function()
    local _, rows = run({ status = 502 }, { database = true, no_cluster = true })
    assert.is_nil(rows[1].mend)
    _, rows = run { status = 502 }
    assert.matches("o2x run onboard", rows[1].mend)
  end)

  it("does not call webhooks during maintenance", function()
    local _, _, std = run({}, { database = true, maintenance = {} })
    assert.same({}, std.called "http.request")
  end)

  it("checks the webhook without the database", function()
    local found = run({ status = 502 }, {})
    assert.same({ "critical payment-gateway: the webhook URL does not respond" }, found)
  end)
end)
