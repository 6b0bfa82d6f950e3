local chapters = require "tests.support.chapters"
local secret = require "o2x.base.secret"
local stdlib = require "tests.support.stdlib"

describe("stdlib.diagnose.gateways", function()
  -- Complete credentials of all providers, but for the given fields.
  local function credentials(changes)
    local providers, fields = stdlib.new().require "providers", {}
    for _, name in ipairs(providers.names()) do
      for _, field in ipairs(providers.find(name).fields) do
        fields[field] = secret.new "s"
      end
    end
    fields.token_expiry = "2026-03-01T00:00:00Z"
    for field, value in pairs(changes or {}) do
      fields[field] = value
    end
    return fields
  end

  -- Deployments of all gateways; ready: their ready replicas.
  local function deployments(ready)
    local by_name = {}
    for _, service in ipairs(stdlib.new().require("catalogue").gateways()) do
      by_name["urbanos-" .. service.name] = { status = { readyReplicas = ready or 2 } }
    end
    return by_name
  end

  -- Runs the chapter for urbanos, which has five integrations. The options change one of them: only names its merchant,
  -- path its secret.
  local function run(options, facts)
    facts = facts or {}
    facts.database, facts.vault = true, true
    facts.deployments = deployments(options.ready)
    return chapters.run("gateways", {
      pg = {
        tenant = {
          one = function(sql, _, name)
            if sql:find "tenant_merchants" then
              if name == options.only then return options.merchant end
              return { status = "ACTIVE" }
            end
            return not options.no_oauth and { found = 1 } or nil
          end,
        },
      },
      vault = {
        read = function(path)
          if path == options.path then return options.fields end
          return credentials()
        end,
      },
      service = {
        test = function() return { status = options.status or 200, json = { message = "Invalid credentials" } } end,
      },
    }, facts)
  end

  it("finds nothing for a healthy tenant", function() assert.same({}, run {}) end)

  it(
    "finds a merchant that is not configured",
    function()
      assert.same({ "critical STRIPE: the merchant is not configured" }, run { only = "STRIPE", merchant = nil })
    end
  )

  it("finds a merchant with another status", function()
    local found = run { only = "STRIPE", merchant = { status = "INACTIVE" } }
    assert.same({ "critical STRIPE: the merchant is INACTIVE" }, found)
  end)

  it("finds missing OAuth attributes", function()
    local found = run { no_oauth = true }
    assert.equal("critical QUICKBOOKS: its OAuth attributes are not configured", found[1])
    assert.equal("critical SALESFORCE: its OAuth attributes are not configured", found[2])
  end)

  it("finds credentials that are not in Vault", function()
    local found, rows = run { path = "stripe", fields = nil }
    assert.same({ "critical payment-gateway: Stripe: the credentials are not in Vault" }, found)
    assert.equal("no secret/tenant/urbanos/stripe", rows[1].evidence)
  end)

  it("finds credentials that lack a field", function()
    local found = run { path = "stripe", fields = credentials { webhook_secret = secret.new "" } }
    assert.same({ "critical payment-gateway: Stripe: the credentials lack webhook_secret" }, found)
  end)

  -- The findings for an OAuth token that expires at this time.
  local function expiry(time) return run { path = "quickbooks", fields = credentials { token_expiry = time } } end

  it(
    "finds an expired token",
    function()
      assert.same(
        { "critical finance-gateway: QuickBooks: the OAuth token has expired" },
        expiry "2026-02-11T11:00:00Z"
      )
    end
  )

  it("finds a token that expires soon", function()
    local found = expiry "2026-02-11T12:30:00Z"
    assert.same({ "warning finance-gateway: QuickBooks: the OAuth token expires within an hour" }, found)
  end)

  it(
    "finds an expiry that is not a time",
    function() assert.same({ "warning finance-gateway: QuickBooks: token_expiry is not a time" }, expiry "soon") end
  )

  it("finds that a provider refuses the connection", function()
    local found = run { status = 401 }
    assert.equal(5, #found)
    assert.matches("refuses the connection: Invalid credentials", found[1])
  end)

  it("does not call it one when the gateway itself has no such path", function()
    local found = run { status = 404 }
    assert.matches("finance%-gateway has no /api/quickbooks/test%-connection", table.concat(found, "\n"))
    assert.falsy(table.concat(found, "\n"):find("refuses the connection", 1, true))
  end)

  it("does not call a gateway whose credentials are known to be wrong", function()
    local _, _, std = run { path = "stripe", fields = nil }
    assert.equal(4, #std.called "service.test")
  end)

  it("does not call gateways that are not running", function()
    local _, _, std = run { ready = 0 }
    assert.same({}, std.called "service.test")
  end)

  it("does not call gateways during maintenance", function()
    local _, _, std = run({}, { maintenance = {} })
    assert.same({}, std.called "service.test")
  end)
end)
