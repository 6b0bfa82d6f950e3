-- An audit finds what is wrong with a tenant, nothing else, and what it proposes mends it.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

local HEALTHY <const> = { "acme-sbx", "coopeg-prd", "coopeg-sbx", "demo", "dev", "newclient", "urbanos" }
local TAKES_OVER <const> = { urbanos = "--take-over=monitoring/PrometheusRule/urbanos-alerts" }

describe("an audit", function()
  local lab
  setup(function()
    lab = labs.start()
    local secrets = fs.read(fs.join(lab.env.O2X_SECRETS, "newclient.yaml"))
    for _, name in ipairs(HEALTHY) do
      local path = fs.join(lab.env.O2X_SECRETS, name .. ".yaml")
      if not fs.exists(path) then fs.write(path, secrets, { mode = 384 }) end
      local words = { "run", "onboard", name, TAKES_OVER[name] or "--quiet", "reset_admin=true" }
      ok(lab:o2x(words))
    end
  end)
  teardown(function() lab:stop() end)

  local function audit(...)
    local result = lab:o2x { "audit", "--json", ... }
    return json.decode(result.stdout).tenants, result
  end

  it("finds nothing in seven healthy tenants, and writes nothing", function()
    local before = lab:snapshot "coredb-newclient"
    local tenants, result = audit("--tenants=" .. table.concat(HEALTHY, ","))
    for _, tenant in ipairs(tenants) do
      assert.same({}, tenant.findings)
      assert.is_true(tenant.as_it_should_be > 60)
    end
    assert.equal(0, result.code, result.stderr)
    assert.equal(#HEALTHY, #tenants)
    assert.equal(before, lab:snapshot "coredb-newclient")
  end)
end)
